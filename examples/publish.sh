#!/bin/sh
# Tells the widgets on a visitor's page who signed in there: posts identity/login to the page's channel.
#
#   BUS_USER=demo BUS_PASSWORD=demo examples/publish.sh <channel-URL> <name>
#
# The same in Python: publish.py, in Rust: publish.rs. Needs curl 7.83 or later.
set -eu

if [ $# -ne 2 ]; then
  echo "usage: publish <channel-URL> <name>" >&2
  exit 2
fi
channel=$1
: "${BUS_USER:?} ${BUS_PASSWORD:?}"

# The name as the inside of a JSON string.
name=$(printf '%s' "$2" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')
message='{"source":"http://login.example","type":"identity/login","payload":{"context":"http://shop.example/",'
message=$message'"identities":{"startIndex":0,"itemsPerPage":1,"totalResults":1,"entry":{"id":"1","displayName":"'$name'"}}}}'

# The password goes through a pipe: arguments can be seen by everybody on the machine.
credentials() {
  printf 'user = "%s"\n' "$(printf '%s:%s' "$BUS_USER" "$BUS_PASSWORD" | sed 's/[\\"]/\\&/g')"
}

# One key for all attempts: if an answer got lost, the message is not posted twice.
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
attempt=1
while :; do
  answer=$(credentials | curl --config - --silent --show-error --max-time 30 --output /dev/null \
    --write-out '%{http_code} %header{retry-after}' \
    --header 'Content-Type: application/json' --header "Idempotency-Key: $key" \
    --data-binary "[$message]" "$channel") || case $? in
    # Not for a server to answer.
    1 | 2 | 3) exit 1 ;;
    *) answer="000 " ;;
  esac
  status=${answer%% *}
  case $status in
    200) exit 0 ;;
    000 | 429 | 500 | 502 | 503 | 504) ;;
    *) echo "publish: the server answered $status" >&2; exit 1 ;;
  esac
  if [ "$attempt" -eq 5 ]; then
    echo "publish: not posted after $attempt attempts, the last answer was $status" >&2
    exit 1
  fi
  # Retry-After in seconds, at most a minute; without one each wait is twice the one before.
  wait=${answer#* }
  case $wait in
    '' | *[!0-9]*) wait=$((1 << (attempt - 1))) ;;
    ???*) wait=60 ;;
  esac
  [ "$wait" -le 60 ] || wait=60
  sleep "$wait"
  attempt=$((attempt + 1))
done
