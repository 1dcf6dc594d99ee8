"""One exchange with STS for a command, where no sidecar runs: the sidecar's settings, and no refresh after it."""

import asyncio
from collections.abc import Mapping

from sidecar.client.running_sidecar import NotServed, SessionCredentials
from sidecar.core.clock import SystemClock
from sidecar.core.model import Credentials
from sidecar.core.timestamps import timestamp
from sidecar.settings.config import BadConfig, Config, load
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
    credentials = asyncio.run(_exchange(config))
    return SessionCredentials(
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        timestamp(credentials.expiration),
        credentials.account_id,
    )


async def _exchange(config: Config) -> Credentials:
    token = await TokenFile(config.token_file).read()
    async with sts_client(config, SystemClock()) as assume_role:
        return await assume_role(token)
