"""Credentials for a command that runs once: the running sidecar's, or, where none runs, an exchange of our own.

Standard library only as long as a sidecar answers: an SDK starts `credential-process` whenever it wants credentials.
"""

from collections.abc import Mapping

from sidecar.client.session import NotRunning, Session, from_sidecar


def session(environ: Mapping[str, str]) -> Session:
    """Credentials by the variables that applications have, or those of the sidecar. Raises `SidecarError`."""
    try:
        return from_sidecar(environ)
    except NotRunning:
        if not (environ.get("AWS_ROLE_ARN") and environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")):
            raise
    from sidecar.client.standalone import own_session  # noqa: PLC0415 (aiohttp: not while a sidecar runs)

    return own_session(environ)
