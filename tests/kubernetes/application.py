"""A program with an old SDK, as a container would run it: boto3, which finds its credentials by environment variables.

`sts get-caller-identity` asks once and ends, as the AWS CLI does. `work` asks for as long as it may, each time as a
process that just started would: with nothing kept. Told to stop, it needs the credentials once more, a second later,
to bring home what it has.
"""

# ruff: noqa: T201 (it speaks to the container's log)

import signal
import sys
import threading
from types import FrameType

import boto3
from botocore.exceptions import BotoCoreError, ClientError

EVERY = 0.2
LAST_WORK = 1.0

told = threading.Event()


def ask(what: str) -> bool:
    """Say who we are to AWS, and whether it worked, in one line."""
    try:
        print(what, boto3.Session().client("sts").get_caller_identity()["Arn"], flush=True)
    except (BotoCoreError, ClientError) as error:
        print(what, "FAILED", type(error).__name__, error, flush=True)
        return False
    return True


def work() -> bool:
    while not told.wait(EVERY):
        ask("works as")
    print("told to stop", flush=True)
    threading.Event().wait(LAST_WORK)
    return ask("brings home as")


def stop(number: int, frame: FrameType | None) -> None:
    told.set()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    done = work() if sys.argv[1:] == ["work"] else ask("is")
    sys.exit(0 if done else 1)
