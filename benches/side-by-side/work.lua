-- Load for wrk. BENCH_WORK: post | poll | new; BENCH_PEER: backplane | nchan; BENCH_CHANNELS: how many (default 10000).
-- `poll` on backplane needs BENCH_CURSORS, a file of lines "<channel> <query>".
local work, peer = os.getenv("BENCH_WORK"), os.getenv("BENCH_PEER")
local channels = tonumber(os.getenv("BENCH_CHANNELS") or "10000")
local message = '{"source":"http://example.com","type":"identity/login","payload":'
  .. '{"context":"http://example.com/some/page","identities":{"startIndex":0,"itemsPerPage":1,"totalResults":1,'
  .. '"entry":{"id":"7","displayName":"ann","preferredUsername":"ann"}}}}'

local json = { ["Content-Type"] = "application/json" }
local function post_to(channel)
  if peer == "nchan" then return wrk.format("POST", "/pub/" .. channel, json, message) end
  return wrk.format("POST", "/v1/bus/bench/channel/" .. channel, json, "[" .. message .. "]")
end
if peer == "backplane" then json["Authorization"] = "Basic YmVuY2g6c2lkZSBieSBzaWRl" end -- bench:side by side

math.randomseed(os.time())
if work == "post" then
  request = function() return post_to("ch" .. math.random(1, channels)) end
elseif work == "new" then
  -- After the last channel only probes, so that every channel has one message.
  local n = 0
  request = function()
    n = n + 1
    if n <= channels then return post_to("ch" .. n) end
    return wrk.format("GET", peer == "nchan" and "/alive" or "/healthz")
  end
elseif peer == "nchan" then
  local newest = { ["If-Modified-Since"] = "Sat, 21 Nov 2048 17:45:35 GMT", ["If-None-Match"] = "0" }
  request = function() return wrk.format("GET", "/poll/ch" .. math.random(1, channels), newest) end
else
  local polls = {}
  for line in io.lines(os.getenv("BENCH_CURSORS")) do
    local channel, query = line:match("(%S+) (%S+)")
    polls[#polls + 1] = "/v1/bus/bench/channel/" .. channel .. query
  end
  request = function() return wrk.format("GET", polls[math.random(1, #polls)]) end
end
