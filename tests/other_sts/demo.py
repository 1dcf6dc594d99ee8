"""`make demo STS=versitygw`: the main job on a real STS server and its S3, with each step printed. Ctrl-C ends it.

The token is replaced every few seconds, and the sidecar refreshes as often; both take half an hour in a cluster.
"""

# ruff: noqa: T201 (a command line prints)
import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sidecar.demo import narration
from tests.other_sts.build import PROGRAMS
from tests.other_sts.issuer import URL, a_public_issuer
from tests.other_sts.servers import BUCKET, SERVERS, until
from tests.other_sts.sidecars import LOG, Sidecar, a_sidecar
from tests.own_network import own_network

ONCE = 3
"""Calls of the application, with a new token before each."""


def main(argv: Sequence[str]) -> int:
    """Returns 0 if no call failed and the access key changed, 1 otherwise, 2 where the servers cannot be made."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("server", choices=SERVERS)
    parser.add_argument("--once", action="store_true", help=f"end after {ONCE} calls")
    given = parser.parse_args(argv)
    if os.geteuid():
        print("The server gets a network of its own: run this as root.", file=sys.stderr)
        return 2
    if not all(program.build() for program in PROGRAMS):
        return 2
    with tempfile.TemporaryDirectory(prefix="irsa-sidecar-demo-") as directory:
        return _demo(given.server, Path(directory), once=given.once)


def _demo(name: str, directory: Path, *, once: bool) -> int:
    with own_network(), a_public_issuer(directory) as issuer, SERVERS[name](directory, issuer) as server:
        _print("issuer", f"publishes its keys at {URL}")
        _print(name, f"is STS at {server.sts} and S3 at {server.s3}; the role is {server.role_arn}")
        with a_sidecar(server, directory, "tests.other_sts.hurried_sidecar") as sidecar:
            keys = list(_calls(sidecar, directory, ONCE if once else sys.maxsize))
    _print("demo", f"done: {len(keys)} puts and gets, none failed, {len(set(keys))} access keys")
    return 0 if len(set(keys)) > 1 else 1


def _calls(sidecar: Sidecar, directory: Path, count: int) -> Iterator[str]:
    """The access key of each call; all that the sidecar logged is printed before it."""
    with (directory / LOG).open() as log:
        for number in range(count):
            held = sidecar.access_key()
            sidecar.volume.write(sidecar.server.issuer.token())
            _print("kubelet", "wrote a token")
            until(lambda: sidecar.holds_another_than(held), directory / LOG)  # noqa: B023 (called before it changes)
            for line in log:
                if told := narration.of_sidecar(narration.log_fields(line) or {"event": ""}):
                    _print("sidecar", told)
            printed = sidecar.run("boto3", "container endpoint", f"object {number}")
            _print("application", f"put and got {BUCKET}/boto3 {printed['got']!r} with key {printed['access_key_id']}")
            yield printed["access_key_id"]


def _print(part: str, text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {part:<12} {text}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(0)
