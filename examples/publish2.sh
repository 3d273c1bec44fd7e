#!/bin/sh
# Tells the widgets on a visitor's page, by version 2.0, who signed in there: posts identity/login to the page's channel.
#
#   CLIENT_ID=vendor CLIENT_SECRET=... examples/publish2.sh http://127.0.0.1:8080/v2 <bus> <channel> <name>
#
# The same in Python: publish2.py, in Rust: publish2.rs. Needs curl 7.83 or later. What is posted is read by read2.sh.
set -eu

if [ $# -ne 4 ]; then
  echo "usage: publish2 <base-URL> <bus> <channel> <name>" >&2
  exit 2
fi
base=$1
: "${CLIENT_ID:?} ${CLIENT_SECRET:?}"

# A text as the inside of a JSON string.
quoted() {
  printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g'
}
message='{"message":{"type":"identity/login","bus":"'$(quoted "$2")'","channel":"'$(quoted "$3")'","sticky":true,'
message=$message'"payload":{"context":"http://shop.example/","identities":{"startIndex":0,"itemsPerPage":1,'
message=$message'"totalResults":1,"entry":{"id":"1","displayName":"'$(quoted "$4")'"}}}}}'

# Secrets go through a pipe: arguments can be seen by everybody on the machine.
credentials() {
  printf 'user = "%s"\n' "$(printf '%s:%s' "$CLIENT_ID" "$CLIENT_SECRET" | sed 's/[\\"]/\\&/g')"
}
bearer() {
  printf 'header = "Authorization: Bearer %s"\n' "$token"
}

# The answer to what curl is told, its body first: "<body> <status> <seconds to wait>".
ask() {
  curl --config - --silent --show-error --max-time 30 --write-out ' %{http_code} %header{retry-after}' "$@" || case $? in
    # Not for a server to answer.
    1 | 2 | 3) return 1 ;;
    *) echo ' 000 ' ;;
  esac
}

# One key for all attempts: if an answer got lost, the message is not posted twice.
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
token=''
attempt=1
while :; do
  if [ -z "$token" ]; then
    answer=$(credentials | ask --data grant_type=client_credentials "$base/token") || exit 1
    token=$(printf '%s' "$answer" | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
  fi
  if [ -n "$token" ]; then
    answer=$(bearer | ask --header 'Content-Type: application/json' --header "Idempotency-Key: $key" \
      --data-binary "$message" "$base/message") || exit 1
  fi
  wait=${answer##* }
  status=${answer% *}
  status=${status##* }
  case $status in
    201) exit 0 ;;
    # The token is over: another one. A client that is refused gets none.
    401) [ -n "$token" ] || { echo "publish2: the server answered 401" >&2; exit 1; }
      token='' wait=0 ;;
    000 | 429 | 500 | 502 | 503 | 504) ;;
    *) echo "publish2: the server answered $status" >&2; exit 1 ;;
  esac
  if [ "$attempt" -eq 5 ]; then
    echo "publish2: not posted after $attempt attempts, the last answer was $status" >&2
    exit 1
  fi
  # Retry-After in seconds, at most a minute; without one each wait is twice the one before.
  case $wait in
    '' | *[!0-9]*) wait=$((1 << (attempt - 1))) ;;
    ???*) wait=60 ;;
  esac
  [ "$wait" -le 60 ] || wait=60
  sleep "$wait"
  attempt=$((attempt + 1))
done
