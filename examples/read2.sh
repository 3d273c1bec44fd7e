#!/bin/sh
# Prints the messages of all buses that a client of version 2.0 was granted, as they come: each answer that has some as a line of JSON. On
# standard error it says whatever may have been missed. It ends when what it was granted is taken back.
#
#   CLIENT_ID=vendor CLIENT_SECRET=... examples/read2.sh http://127.0.0.1:8080/v2 [<scope>]
#
# The same in Python: read2.py, in Rust: read2.rs, which listens to a stream. Needs curl 7.83 or later.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "usage: read2 <base-URL> [<scope>]" >&2
  exit 2
fi
base=$1
scope=${2:-}
: "${CLIENT_ID:?} ${CLIENT_SECRET:?}"

# Secrets go through a pipe: arguments can be seen by everybody on the machine.
credentials() {
  printf 'user = "%s"\n' "$(printf '%s:%s' "$CLIENT_ID" "$CLIENT_SECRET" | sed 's/[\\"]/\\&/g')"
}
bearer() {
  printf 'header = "Authorization: Bearer %s"\n' "$token"
}

# The answer to what curl is told: its body, then a line "<status> <seconds to wait> <whether something was missed>".
ask() {
  curl --config - --silent --show-error --max-time 50 \
    --write-out '\n%{http_code} %header{retry-after} %header{backplane-resume}' "$@" || case $? in
    # Not for a server to answer.
    1 | 2 | 3) return 1 ;;
    *) printf '\n000  ' ;;
  esac
}
# The text of a member of a JSON object that has no quotes in it.
member() {
  printf '%s' "$body" | sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'
}

token=''
since=''
failures=0
while :; do
  if [ -z "$token" ]; then
    answer=$(credentials | ask --data grant_type=client_credentials --data-urlencode "scope=$scope" "$base/token") || exit 1
  elif [ -z "$since" ]; then
    answer=$(bearer | ask "$base/messages") || exit 1
  else
    answer=$(bearer | ask --get --data-urlencode "since=$since" --data block=20 "$base/messages") || exit 1
  fi
  body=${answer%
*}
  told=${answer##*
}
  status=${told%% *}
  resume=${told##* }
  wait=${told#* }
  wait=${wait%% *}
  case $status in
    200) ;;
    # The token is over: with another one it goes on where it is. A client that is refused gets none.
    401) if [ -n "$token" ]; then token='' && continue; fi
      echo "read2: the server answered 401" >&2
      exit 1 ;;
    000 | 429 | 500 | 502 | 503 | 504)
      # Retry-After in seconds, at most a minute; without one each wait is twice the one before.
      case $wait in
        '' | *[!0-9]*) wait=$((1 << failures)) ;;
        ???*) wait=60 ;;
      esac
      [ "$wait" -le 60 ] || wait=60
      sleep "$wait"
      [ "$failures" -ge 6 ] || failures=$((failures + 1))
      continue ;;
    *) echo "read2: the server answered $status" >&2; exit 1 ;;
  esac
  failures=0
  if [ -z "$token" ]; then
    token=$(member access_token)
    # It stays with the buses that it has: of others, what was on its way could be missed.
    scope=$(member scope)
    continue
  fi
  [ "$resume" = complete ] || echo "read2: something may be missing here" >&2
  printf '%s\n' "$body" | grep -v '^{"nextURL":"[^"]*","messages":\[\]' || true
  # The token goes to no other server than the one that was named, so of the URL only the position counts. It comes first.
  since=$(printf '%s' "$body" | sed -n 's/^{"nextURL":"[^"?]*?since=\([^"&]*\).*/\1/p')
done
