"""One exchange with STS for a command, where no sidecar runs: the sidecar's settings, and no refresh after it."""

import asyncio
from collections.abc import Mapping

from sidecar.client.running_sidecar import NotServed, SessionCredentials
from sidecar.core.clock import SystemClock
from sidecar.core.model import Credentials
from sidecar.core.timestamps import timestamp
from sidecar.core.variables import AUTHORIZATION_FILE
from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import load
from sidecar.settings.roles import ContainerSettings, SourceSettings, WebIdentitySettings
from sidecar.sources.token_file import TokenFile
from sidecar.sources.web_identity import sts_client
from sidecar.sts.exchange import sts_session
from sidecar.sts.tls import tls_context


def exchanged(environ: Mapping[str, str]) -> SessionCredentials:
    """Trade the projected token once. Raises `SidecarError`."""
    try:
        config = load(environ, [])
    except BadConfig as error:
        raise NotServed(
            "No sidecar is running, and the token cannot be exchanged with these settings:", fix=str(error)
        ) from None
    credentials = asyncio.run(_asked(config.roles.default_role.source))
    return SessionCredentials(
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        timestamp(credentials.expiration),
        credentials.account_id,
    )


async def _asked(source: SourceSettings) -> Credentials:
    match source:
        case WebIdentitySettings():
            return await _exchange(source)
        case ContainerSettings():
            return await _taken(source)
    raise NotServed(
        "No sidecar is running, and without one only a projected token can be exchanged.",
        fix="Start the sidecar, or set AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE.",
    )


async def _taken(settings: ContainerSettings) -> Credentials:
    """From another container endpoint."""
    from sidecar.sources.container import container_source  # noqa: PLC0415 (few need it)

    tokens = None if settings.token_file is None else TokenFile(settings.token_file, AUTHORIZATION_FILE)
    async with sts_session(tls_context(settings.ca_bundle)) as http:
        source = container_source(settings, tokens, http, SystemClock())
        await source.check()
        return await source.obtain()


async def _exchange(settings: WebIdentitySettings) -> Credentials:
    token = await TokenFile(settings.token_file, settings.token_file_key).read()
    async with sts_client(settings, SystemClock()) as assume_role:
        return await assume_role(token)
