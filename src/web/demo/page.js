// What the page shows of itself: its connection, its channel, all that it was told, and what happens when it is broken.

import { count, cut, watch } from "./wire.js";
import { forget, heard, send } from "./way.js";
import { channelOf, commentsWidget, join, shareWidget, signInWidget } from "./widgets.js";

/** Longest list of what was told. */
const TOLD = 50;
/** How messages come, in words: `Bus.via`. */
const VIA = { stream: "stream", block: "long polls", poll: "polls" };

const element = (id) => document.getElementById(id);
const bus = join();

// --- What it was told

let frames = 0;

function entry(title, text) {
  const [item, time, strong] = ["li", "time", "strong"].map((tag) => document.createElement(tag));
  time.textContent = new Date().toLocaleTimeString();
  strong.textContent = title;
  item.append(time, " ", strong, " ", text);
  const told = element("told");
  told.prepend(item);
  told.children[TOLD]?.remove();
  return item;
}

function frameEntry(message, frame) {
  const item = entry(message.type ?? "(without a type)", `id ${frame.id}`);
  item.className = "frame";
  const json = document.createElement("pre");
  json.textContent = JSON.stringify(frame.message);
  item.append(json);
  frames += 1;
  element("count").textContent = frames === 1 ? "1 message" : `${frames} messages`;
  element("no-frames").hidden = true;
}

bus.onGap(({ reason }) => entry(`Gap (${reason})`, "Messages may have been missed since the last one."));
bus.onError(({ message }) => entry("A request failed", message));

// --- The connection

let connected = false;
let via;
let since = performance.now();

bus.onState((state) => {
  if (state === "closed" || (connected && state !== "live")) entry("Not connected", `(${state})`);
  connected = state === "live";
  via = undefined;
  since = performance.now();
  showConnection();
});

async function showConnection() {
  const { tabs, streams, own, heard } = await count();
  // There is always a poll before the first push, and it says nothing of what follows.
  if (connected && via !== bus.via && (bus.via !== "poll" || via !== undefined)) entry("Connected", `by ${VIA[bus.via]}.`);
  if (connected && via !== bus.via) since = performance.now();
  via = connected ? bus.via : undefined;
  const how = connected ? `Connected by ${VIA[via]}` : `Not connected (${bus.state})`;
  const seconds = Math.round((performance.now() - since) / 1000);
  const life = own && heard >= 0 ? `, and heard the server ${Math.round(heard)} s ago` : "";
  element("connection").textContent = `${how} for ${seconds} s${life}.`;
  element("push").textContent = connected ? VIA[via] : "✕ cut";
  element("push").classList.toggle("open", via === "stream");
  const whose = streams === 0 ? "" : own ? ", held by this tab" : ", held by another tab";
  element("tabs").textContent = `${number(tabs, "tab")} of this page, ${number(streams, "connection")}${whose}.`;
}

function number(count, thing) {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

// --- Breaking it

/** What has come since the stream was cut: ids, and `gap` where the page was told of one. */
let came = [];
/** Looks whether all is there, once it is known what should be. */
let check = () => undefined;

bus.onGap(() => arrived("gap"));

function arrived(what) {
  came.push(what);
  check();
}

async function kill(note) {
  const channel = channelOf(bus);
  const began = performance.now();
  check = () => undefined;
  note.textContent = "Cut. comments.example posts three comments meanwhile …";
  await cut();
  entry("Stream killed", "by you, for all tabs.");
  came = [];
  const posted = [];
  for (const n of [1, 2, 3]) {
    const text = `${n} of 3, posted while the stream was cut`;
    posted.push(await send("comments.example", "/demo/comment", { channel, name: "Somebody", text }));
  }
  check = () => {
    const found = came.filter((what) => posted.includes(what));
    if (found.length < posted.length && !came.includes("gap")) return;
    check = () => undefined;
    const after = `${((performance.now() - began) / 1000).toFixed(1)} s`;
    note.textContent = found.join() === posted.join()
      ? `Back after ${after}: all three came, once and in order. Nothing was missed.`
      : `Back after ${after}: something may have been missed, and the page was told so.`;
  };
  check();
}

element("cut").addEventListener("click", async ({ target }) => {
  const note = element("cut-note");
  target.disabled = true;
  try {
    await kill(note);
  } catch (error) {
    note.textContent = error.message;
  }
  target.disabled = false;
});

// --- Commands

function showChannel(channel) {
  entry("Channel", channel);
  const message = '[{"source":"http://you.example","type":"greeting","payload":"Hello from a terminal"}]';
  element("command").textContent = `curl -u demo:demo -H 'Content-Type: application/json' \\\n-d '${message}' \\\n${channel}`;
  element("watch").textContent = `curl -N -H 'Accept: text/event-stream' \\\n${channel}`;
  element("snippet").textContent =
    `import { connect } from "${location.origin}/backplane.mjs";\n\n` +
    `const bus = connect({ serverBaseURL: "${location.origin}/v1", busName: "demo" });\n` +
    `bus.on("identity/login", ({ payload }) => console.log(payload));`;
}

element("copy").addEventListener("click", async ({ target }) => {
  try {
    await navigator.clipboard.writeText(element("command").textContent);
    target.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(element("command"));
    target.textContent = "Selected: now copy it";
  }
  setTimeout(() => (target.textContent = "Copy the command"), 2000);
});

// --- All together

bus.onAny((message, frame) => {
  frameEntry(message, frame);
  arrived(frame.id);
});
// What the channel had already when this page came is not on its way any more.
join("here").onAny((_, frame) => heard(frame));
bus.onChannel(forget);
bus.onChannel(showChannel);
// A visitor who was here before has one at once.
if (bus.channelId !== undefined) showChannel(bus.channelId);
signInWidget(element("sign-in"));
commentsWidget(element("comments"));
shareWidget(element("shares"));
watch(showConnection);
