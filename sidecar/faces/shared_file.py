"""The shared credentials file: what `~/.aws/credentials` looks like.

Format: AWS SDKs and tools reference guide, "Shared config and credentials files".
"""

from collections.abc import Mapping

from sidecar.core.credential_grammar import fault_in
from sidecar.core.model import Credentials


class Unwritable(ValueError):
    """A part of the credentials has characters that would end its line or mean something in the file."""


def shared_file(sections: Mapping[str, Credentials]) -> bytes:
    """A section for each profile, by its name. Raises `Unwritable`."""
    return b"\n".join(_section(profile, credentials) for profile, credentials in sections.items())


def _section(profile: str, credentials: Credentials) -> bytes:
    """One profile. boto 2 reads the session token by its older name, `aws_security_token`, and botocore by either.

    Raises `Unwritable`: a line break in a value could add a profile whose `credential_process` an SDK would run.
    """
    parts = (credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    if fault := fault_in(*parts):
        raise Unwritable(f"{fault} is not valid")
    if not profile.isprintable() or "]" in profile:
        raise Unwritable("the profile's name is not valid")
    lines = (
        f"[{profile}]",
        f"aws_access_key_id = {credentials.access_key_id}",
        f"aws_secret_access_key = {credentials.secret_access_key}",
        f"aws_session_token = {credentials.session_token}",
        f"aws_security_token = {credentials.session_token}",
    )
    return ("\n".join(lines) + "\n").encode()
