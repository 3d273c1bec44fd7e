#!/usr/bin/env python3
"""Tells the widgets on a visitor's page, by version 2.0, who signed in there: posts identity/login to the page's channel.

    CLIENT_ID=vendor CLIENT_SECRET=... examples/publish2.py http://127.0.0.1:8080/v2 <bus> <channel> <name>

The same with curl: publish2.sh, in Rust: publish2.rs. Needs nothing but Python's own library. What is posted is read by read2.py.
"""

import base64
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

ATTEMPTS = 5
RETRIED = {0, 429, 500, 502, 503, 504}
LONGEST_WAIT = 60  # seconds


def message(bus, channel, name):
    """As the Identity scenario has it: the page's URL, and a Portable Contacts object. The server knows the source (V2-POST-3)."""
    identities = {"startIndex": 0, "itemsPerPage": 1, "totalResults": 1, "entry": {"id": "1", "displayName": name}}
    payload = {"context": "http://shop.example/", "identities": identities}
    return {"type": "identity/login", "bus": bus, "channel": channel, "payload": payload, "sticky": True}


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Secrets go to the server that was named, and nowhere else."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirects)


def attempt(url, body, headers):
    """The answer's status, its body, and how long the server wants us to wait; 0 is no answer at all."""
    try:
        with OPENER.open(urllib.request.Request(url, body, headers), timeout=30) as answer:
            return answer.status, answer.read(), None
    except urllib.error.HTTPError as error:
        return error.code, b"", error.headers.get("Retry-After")
    except (OSError, http.client.HTTPException):
        return 0, b"", None


def ask_token(base, client, secret):
    """As `attempt`, with the token for a body. Credentials come in the header alone (V2-TOK-1)."""
    credentials = base64.b64encode(f"{client}:{secret}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/x-www-form-urlencoded"}
    status, body, wait = attempt(f"{base}/token", b"grant_type=client_credentials", headers)
    return status, json.loads(body)["access_token"] if status == 200 else None, wait


def publish(base, message, client, secret):
    # One key for all attempts: if an answer got lost, the message is not posted twice.
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
    body = json.dumps({"message": message}).encode()
    token = None
    for number in range(ATTEMPTS):
        status, retry_after = 200, None
        if token is None:
            status, token, retry_after = ask_token(base, client, secret)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
            status, _, retry_after = attempt(f"{base}/message", body, headers)
            if status == 201:
                return
            if status == 401:
                # The token is over (V2-ERR-1): another one, at once.
                token = None
                continue
        if status not in RETRIED:
            sys.exit(f"publish2: the server answered {status}")
        if number + 1 < ATTEMPTS:
            # Without a word from the server, each wait is twice the one before.
            wait = int(retry_after) if retry_after and retry_after.isdigit() else 2**number
            time.sleep(min(wait, LONGEST_WAIT))
    sys.exit(f"publish2: not posted after {ATTEMPTS} attempts, the last answer was {status}")


def main():
    if len(sys.argv) != 5:
        print("usage: publish2 <base-URL> <bus> <channel> <name>", file=sys.stderr)
        sys.exit(2)
    try:
        client, secret = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
    except KeyError as missing:
        sys.exit(f"publish2: the environment lacks {missing.args[0]}")
    base, bus, channel, name = sys.argv[1:]
    try:
        publish(base, message(bus, channel, name), client, secret)
    except ValueError as error:
        sys.exit(f"publish2: {error}")


if __name__ == "__main__":
    main()
