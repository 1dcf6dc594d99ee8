"""One exchange with STS for a command, where no sidecar runs: the sidecar's settings, and no refresh after it."""

import asyncio
from collections.abc import Mapping

from sidecar.client.running_sidecar import NotServed, SessionCredentials
from sidecar.core.clock import SystemClock
from sidecar.core.model import Credentials
from sidecar.core.timestamps import timestamp
from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import load
from sidecar.settings.roles import WebIdentitySettings
from sidecar.sources.token_file import TokenFile
from sidecar.sources.web_identity import sts_client


def exchanged(environ: Mapping[str, str]) -> SessionCredentials:
    """Trade the projected token once. Raises `SidecarError`."""
    try:
        config = load(environ, [])
    except BadConfig as error:
        raise NotServed(
            "No sidecar is running, and the token cannot be exchanged with these settings:", fix=str(error)
        ) from None
    source = config.roles.default_role.source
    if not isinstance(source, WebIdentitySettings):
        raise NotServed(
            "No sidecar is running, and without one only a projected token can be exchanged.",
            fix="Start the sidecar, or set AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE.",
        )
    credentials = asyncio.run(_exchange(source))
    return SessionCredentials(
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        timestamp(credentials.expiration),
        credentials.account_id,
    )


async def _exchange(settings: WebIdentitySettings) -> Credentials:
    token = await TokenFile(settings.token_file).read()
    async with sts_client(settings, SystemClock()) as assume_role:
        return await assume_role(token)
