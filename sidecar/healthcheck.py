"""`irsa-sidecar healthcheck`: an exec probe's job in an image without curl. Standard library only, so it is quick."""

import argparse
import http.client
import json
import os
import sys
import time
from collections.abc import Sequence

from sidecar.local_http import connection
from sidecar.values import addresses

DEFAULT = "127.0.0.1:9912"
PAUSE = 0.2
"""Seconds between two questions of `--wait`."""


def main(argv: Sequence[str]) -> int:
    """Ask `/readyz` or `/livez`. Returns 0 for a 200, 1 for anything else, saying why on standard error."""
    parser = argparse.ArgumentParser(prog="irsa-sidecar healthcheck", description=__doc__)
    parser.add_argument("question", nargs="?", choices=("ready", "live"), default="ready")
    parser.add_argument(
        "--wait", type=float, default=0, metavar="SECONDS", help="ask again until it is well, for so long at most"
    )
    asked = parser.parse_args(argv)
    deadline = time.monotonic() + asked.wait
    while (trouble := _trouble(f"/{asked.question}z")) and time.monotonic() + PAUSE < deadline:
        time.sleep(PAUSE)
    return _unhealthy(trouble) if trouble else 0


def _trouble(path: str) -> str:
    """What is wrong; "" if nothing is."""
    try:
        status, body = _get(path)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"no answer at {_address()}: {error}"
    return "" if status == http.client.OK else _reason(body) or f"{status} at {_address()}"


def _unhealthy(reason: str) -> int:
    print("irsa-sidecar healthcheck:", *reason.split(), file=sys.stderr)  # one line, whoever answered
    return 1


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


def _reason(body: bytes) -> str:
    """The sentence in `/readyz`'s JSON that says what is wrong."""
    try:
        told = json.loads(body)
        error = told["last_error"]
        return f"{error['cause']} {error['fix']}" if error else f"phase {told['phase']}"
    except (ValueError, KeyError, TypeError):
        return ""
