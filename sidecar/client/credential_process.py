"""`irsa-sidecar credential-process`: for SDKs that read `credential_process` in `~/.aws/config`.

Format: AWS SDKs and tools reference guide, "Process credential provider". The SDK runs the command again when the
credentials are about to expire; of a failure it shows what the command writes to standard error.
"""

import json
import os
from collections.abc import Sequence

from sidecar.client.role_argument import OPTION, role_and_rest
from sidecar.client.running_sidecar import SessionCredentials
from sidecar.client.session import session_credentials
from sidecar.core.errors import SidecarError
from sidecar.terminal.complaints import complain


def main(argv: Sequence[str]) -> int:
    """Print credentials. Returns 0, or 1 with the reason on standard error."""
    role, rest = role_and_rest(argv)
    if rest:
        _explain(argv)
    try:
        print(document(session_credentials(os.environ, role)))
    except SidecarError as error:
        complain(f"irsa-sidecar credential-process: {error}")
        return 1
    return 0


def _explain(argv: Sequence[str]) -> None:
    """Help, or what is wrong with the arguments. SDKs give good ones, and need not wait for argparse."""
    from sidecar.terminal.command_parser import CommandParser  # noqa: PLC0415

    parser = CommandParser(
        prog="irsa-sidecar credential-process",
        description="Print the running sidecar's credentials for an SDK's `credential_process` setting. "
        "Where no sidecar runs, exchange the token at STS.",
    )
    parser.add_argument(OPTION, metavar="NAME", help="the role of the running sidecar; default: the one without a name")
    parser.parse_args(argv)
    parser.error(f"{OPTION} must be a role's name, and come first")


def document(held: SessionCredentials) -> str:
    """The credentials in version 1 of the format."""
    fields: dict[str, str | int] = {
        "Version": 1,
        "AccessKeyId": held.access_key_id,
        "SecretAccessKey": held.secret_access_key,
        "SessionToken": held.session_token,
        "Expiration": held.expiration,
    }
    return json.dumps(fields | {"AccountId": held.account_id} if held.account_id else fields)
