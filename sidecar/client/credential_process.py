"""`irsa-sidecar credential-process`: for SDKs that read `credential_process` in `~/.aws/config`.

Format: AWS SDKs and tools reference guide, "Process credential provider". The SDK runs the command again when the
credentials near their end; what goes to standard error is what it shows of a failure.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from sidecar.client.obtain import session
from sidecar.client.session import Session
from sidecar.core.errors import SidecarError


def main(argv: Sequence[str]) -> int:
    """Print credentials. Returns 0, or 1 with the reason on standard error."""
    parser = argparse.ArgumentParser(
        prog="irsa-sidecar credential-process",
        description="Print the running sidecar's credentials for an SDK; where none runs, ask STS.",
    )
    parser.parse_args(argv)
    try:
        print(document(session(os.environ)))
    except SidecarError as error:
        print(f"irsa-sidecar credential-process: {error}", file=sys.stderr)
        return 1
    return 0


def document(held: Session) -> str:
    """Version 1 of the format."""
    fields: dict[str, str | int] = {
        "Version": 1,
        "AccessKeyId": held.access_key_id,
        "SecretAccessKey": held.secret_access_key,
        "SessionToken": held.session_token,
        "Expiration": held.expiration,
    }
    return json.dumps(fields | {"AccountId": held.account_id} if held.account_id else fields)
