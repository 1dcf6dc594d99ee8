"""The application: plain boto3, which finds its credentials through the container variables alone.

Run as `python -m sidecar.demo.application SECONDS`: calls GetCallerIdentity at that interval, and prints JSON lines.
"""

import json
import sys
import time
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def main(interval: float) -> None:
    """Call until killed; a failed call prints a line too, and the calls go on."""
    session = boto3.Session()
    while True:
        print(json.dumps(_call(session)), flush=True)
        time.sleep(interval)


def _call(session: boto3.Session) -> dict[str, Any]:
    began = time.monotonic()
    try:
        identity = session.client("sts").get_caller_identity()
        credentials = session.get_credentials()
        return {
            "who": identity["Arn"],
            "access_key_id": credentials.get_frozen_credentials().access_key,
            # botocore offers no public way to ask how long its credentials live.
            "seconds_left": round(credentials._seconds_remaining()),  # noqa: SLF001
        }
    except (BotoCoreError, ClientError) as error:
        return {"error": f"{type(error).__name__}: {error}", "took": time.monotonic() - began}


if __name__ == "__main__":
    main(float(sys.argv[1]))
