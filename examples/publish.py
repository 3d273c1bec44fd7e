#!/usr/bin/env python3
"""Tells the widgets on a visitor's page who signed in there: posts identity/login to the page's channel.

    BUS_USER=demo BUS_PASSWORD=demo examples/publish.py <channel-URL> <name>

The same with curl: publish.sh, in Rust: publish.rs. Needs nothing but Python's own library.
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
RETRIED = {429, 500, 502, 503, 504}
LONGEST_WAIT = 60  # seconds


def login(name):
    """As the Identity scenario has it: the page's URL, and a Portable Contacts object."""
    identities = {"startIndex": 0, "itemsPerPage": 1, "totalResults": 1, "entry": {"id": "1", "displayName": name}}
    payload = {"context": "http://shop.example/", "identities": identities}
    return {"source": "http://login.example", "type": "identity/login", "payload": payload}


def attempt(request):
    """The answer's status, and how long the server wants us to wait; 0 is no answer at all."""
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Retry-After")
    except (OSError, http.client.HTTPException):
        return 0, None


def publish(channel, name, user, password):
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    headers = {
        "Authorization": f"Basic {credentials}",
        "Content-Type": "application/json",
        # One key for all attempts: if an answer got lost, the message is not posted twice.
        "Idempotency-Key": uuid.uuid4().hex,
    }
    try:
        request = urllib.request.Request(channel, json.dumps([login(name)]).encode(), headers)
    except ValueError as error:
        sys.exit(f"publish: {error}")
    status = 0
    for number in range(ATTEMPTS):
        status, retry_after = attempt(request)
        if status == 200:
            return
        if status not in RETRIED and status != 0:
            sys.exit(f"publish: the server answered {status}")
        if number + 1 < ATTEMPTS:
            # Without a word from the server, each wait is twice the one before.
            wait = int(retry_after) if retry_after and retry_after.isdigit() else 2**number
            time.sleep(min(wait, LONGEST_WAIT))
    sys.exit(f"publish: not posted after {ATTEMPTS} attempts, the last answer was {status}")


def main():
    if len(sys.argv) != 3:
        print("usage: publish <channel-URL> <name>", file=sys.stderr)
        sys.exit(2)
    try:
        user, password = os.environ["BUS_USER"], os.environ["BUS_PASSWORD"]
    except KeyError as missing:
        sys.exit(f"publish: the environment lacks {missing.args[0]}")
    publish(sys.argv[1], sys.argv[2], user, password)


if __name__ == "__main__":
    main()
