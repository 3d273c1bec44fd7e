#!/usr/bin/env python3
"""Prints the messages of all buses that a client of version 2.0 was granted, each as a line of JSON, as they come. On standard error it
says whatever may have been missed. It ends when what it was granted is taken back.

    CLIENT_ID=vendor CLIENT_SECRET=... examples/read2.py http://127.0.0.1:8080/v2 [<scope>]

The same with curl: read2.sh, in Rust: read2.rs, which listens to a stream. Needs nothing but Python's own library.
"""

import base64
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

BLOCK = 20  # seconds that an empty answer is held back
RETRIED = {0, 429, 500, 502, 503, 504}
LONGEST_WAIT = 60  # seconds


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Secrets go to the server that was named, and nowhere else."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirects)


def attempt(url, body, headers):
    """The answer's status, its body and its headers; 0 is no answer at all."""
    try:
        with OPENER.open(urllib.request.Request(url, body, headers), timeout=BLOCK + 30) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, b"", error.headers
    except (OSError, http.client.HTTPException):
        return 0, b"", {}


class Reader:
    def __init__(self, base, scope, client, secret):
        self.base, self.scope, self.credentials = base, scope, f"{client}:{secret}"
        self.token, self.since = None, None

    def ask_token(self):
        """Credentials come in the header alone (V2-TOK-1)."""
        form = {"grant_type": "client_credentials"}
        if self.scope:
            form["scope"] = self.scope
        headers = {
            "Authorization": f"Basic {base64.b64encode(self.credentials.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        status, body, headers = attempt(f"{self.base}/token", urllib.parse.urlencode(form).encode(), headers)
        if status == 200:
            answer = json.loads(body)
            # It stays with the buses that it has: of others, what was on its way could be missed.
            self.token, self.scope = answer["access_token"], answer["scope"]
        return status, headers

    def poll(self):
        """One question: for a token if there is none, else for messages."""
        if self.token is None:
            return self.ask_token()
        query = {"since": self.since, "block": BLOCK} if self.since else {}
        url = f"{self.base}/messages?{urllib.parse.urlencode(query)}"
        status, body, headers = attempt(url, None, {"Authorization": f"Bearer {self.token}"})
        if status == 200:
            self.take(json.loads(body), headers.get("Backplane-Resume"))
        elif status == 401:
            # The token is over (V2-ERR-1). With a new one it goes on where it is.
            self.token, status = None, 200
        return status, headers

    def take(self, answer, resume):
        if resume != "complete":
            print("read2: something may be missing here", file=sys.stderr)
        for message in answer["messages"]:
            print(json.dumps(message, ensure_ascii=False), flush=True)
        # The token goes to no other server than the one that was named, so of the URL only the position counts.
        query = urllib.parse.urlsplit(answer["nextURL"]).query
        self.since = urllib.parse.parse_qs(query)["since"][0]

    def run(self):
        failures = 0
        while True:
            status, headers = self.poll()
            if status == 200:
                failures = 0
                continue
            if status not in RETRIED:
                sys.exit(f"read2: the server answered {status}")
            # Without a word from the server, each wait is twice the one before.
            told = headers.get("Retry-After")
            wait = int(told) if told and told.isdigit() else 2 ** min(failures, 6)
            time.sleep(min(wait, LONGEST_WAIT))
            failures += 1


def main():
    if len(sys.argv) not in (2, 3):
        print("usage: read2 <base-URL> [<scope>]", file=sys.stderr)
        sys.exit(2)
    try:
        client, secret = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
    except KeyError as missing:
        sys.exit(f"read2: the environment lacks {missing.args[0]}")
    try:
        Reader(sys.argv[1], "".join(sys.argv[2:]), client, secret).run()
    except ValueError as error:
        sys.exit(f"read2: {error}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
