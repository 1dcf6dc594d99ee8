"""The exchange as the settings ask for it: whom to call, by which way, trusting whom."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from sidecar.core.ports import Clock
from sidecar.settings.config import Config
from sidecar.sts.exchange import SkewObserver, StsCall, StsExchange, nobody, sts_session


@asynccontextmanager
async def sts_client(config: Config, clock: Clock, observe_skew: SkewObserver = nobody) -> AsyncIterator[StsExchange]:
    """An `Exchange` for as long as the block lasts."""
    async with sts_session(_trusted(config)) as http:
        yield StsExchange(http, _call(config), clock, observe_skew)


def _call(config: Config) -> StsCall:
    return StsCall(
        endpoint=config.sts_endpoint,
        role_arn=str(config.role_arn),
        duration=config.duration,
        session_name=config.session_name,
        proxy=config.proxy,
    )


def _trusted(config: Config) -> ssl.SSLContext | Literal[True]:
    return True if config.ca_bundle is None else ssl.create_default_context(cafile=str(config.ca_bundle))
