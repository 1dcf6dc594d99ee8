"""The shared credentials file: what `~/.aws/credentials` looks like.

Format: AWS SDKs and tools reference guide, "Shared config and credentials files".
"""

from sidecar.core.model import Credentials


def shared_file(profile: str, credentials: Credentials) -> bytes:
    """One profile. boto 2 reads the session token by its older name, `aws_security_token`, and botocore by either."""
    lines = (
        f"[{profile}]",
        f"aws_access_key_id = {credentials.access_key_id}",
        f"aws_secret_access_key = {credentials.secret_access_key}",
        f"aws_session_token = {credentials.session_token}",
        f"aws_security_token = {credentials.session_token}",
    )
    return ("\n".join(lines) + "\n").encode()
