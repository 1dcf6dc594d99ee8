"""One exchange with STS for one command, where no sidecar runs: the same settings, and no refresh after it."""

import asyncio
from collections.abc import Mapping

from sidecar.client.session import NoSession, Session
from sidecar.core.clock import SystemClock
from sidecar.core.model import Credentials
from sidecar.core.timestamps import timestamp
from sidecar.settings.config import BadConfig, Config, load
from sidecar.sources.token_file import TokenFile
from sidecar.sources.web_identity import sts_client


def own_session(environ: Mapping[str, str]) -> Session:
    """Trade the projected token once. Raises `SidecarError`."""
    try:
        config = load(environ, [])
    except BadConfig as error:
        raise NoSession("No sidecar runs, and these settings allow no exchange:", fix=str(error)) from None
    credentials = asyncio.run(_exchanged(config))
    return Session(
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        timestamp(credentials.expiration),
        credentials.account_id,
    )


async def _exchanged(config: Config) -> Credentials:
    token = await TokenFile(config.token_file).read()
    async with sts_client(config, SystemClock()) as exchange:
        return await exchange(token)
