"""`irsa-sidecar healthcheck`: an exec probe's job in an image without curl. Standard library only, so it is quick."""

import argparse
import http.client
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from sidecar.client.local_http import connection
from sidecar.settings.parsers import addresses

DEFAULT = "127.0.0.1:9912"
PAUSE = 0.2
"""Seconds between two questions of `--wait`."""


def main(argv: Sequence[str]) -> int:
    """Ask `/readyz` or `/livez`. Returns 0 for a 200, 1 for anything else.

    Standard error has why; also where credentials are served and their refresh fails.
    """
    parser = argparse.ArgumentParser(prog="irsa-sidecar healthcheck", description=__doc__)
    parser.add_argument("question", nargs="?", choices=("ready", "live"), default="ready")
    parser.add_argument(
        "--wait", type=float, default=0, metavar="SECONDS", help="ask again until it is well, for so long at most"
    )
    asked = parser.parse_args(argv)
    deadline = time.monotonic() + asked.wait
    while not (found := _look(f"/{asked.question}z")).well and time.monotonic() + PAUSE < deadline:
        time.sleep(PAUSE)
    if found.said:
        print("irsa-sidecar healthcheck:", *found.said.split(), file=sys.stderr)  # one line, whoever answered
    return 0 if found.well else 1


class Found(NamedTuple):
    """Is it well, and what there is to say of it; "" for nothing."""

    well: bool
    said: str


def _look(path: str) -> Found:
    try:
        status, body = _get(path)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Found(well=False, said=f"no answer at {_address()}: {error}")
    failure = _failure(body)
    if status == http.client.OK:
        return Found(well=True, said=failure and f"credentials are served, but their refresh fails: {failure}")
    return Found(well=False, said=failure or _phase(body) or f"{status} at {_address()}")


def _address() -> str:
    return os.environ.get("SIDECAR_ADMIN_LISTEN") or DEFAULT


def _get(path: str) -> tuple[int, bytes]:
    asked = connection(addresses(_address())[0])
    try:
        asked.request("GET", path)
        answer = asked.getresponse()
        return answer.status, answer.read()
    finally:
        asked.close()


def _failure(body: bytes) -> str:
    """The sentences in `/readyz`'s JSON that say what is wrong and what to do."""
    try:
        error = json.loads(body)["last_error"]
        return f"{error['cause']} {error['fix']}"
    except (ValueError, KeyError, TypeError):
        return ""


def _phase(body: bytes) -> str:
    try:
        return f"phase {json.loads(body)['phase']}"
    except (ValueError, KeyError, TypeError):
        return ""
