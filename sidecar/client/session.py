"""Credentials for a command that runs once: the running sidecar's, or, where none runs, by an exchange of its own.

Standard library only as long as a sidecar answers: an SDK starts `credential-process` whenever it wants credentials.
"""

from collections.abc import Mapping

from sidecar.client.running_sidecar import NotRunning, SessionCredentials, served_credentials


def session_credentials(environ: Mapping[str, str], role: str = "") -> SessionCredentials:
    """Credentials by the variables that applications have, or those of the sidecar. Raises `SidecarError`.

    `role`: the name of one of the running sidecar's; without a sidecar there is none.
    """
    try:
        return served_credentials(environ, role)
    except NotRunning:
        if role or not (environ.get("AWS_ROLE_ARN") and environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")):
            raise
    from sidecar.client.standalone import exchanged  # noqa: PLC0415 (aiohttp: not while a sidecar runs)

    return exchanged(environ)
