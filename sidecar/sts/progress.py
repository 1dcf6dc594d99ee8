"""How far a call came, which aiohttp's exceptions do not tell about silence; and a pause between its steps."""

from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp

from sidecar.core.others_first import others_first


@dataclass(slots=True)
class CallProgress:
    """Given to a request as `trace_request_ctx`. `connected`: tunnel and TLS stand, and the request can be sent."""

    connected: bool = False


def noting_progress() -> aiohttp.TraceConfig:
    """What keeps each request's `CallProgress` true, and serves others between building, connecting and sending it."""
    config = aiohttp.TraceConfig()
    config.on_connection_create_end.append(_note)
    config.on_request_start.append(_give_way)
    config.on_connection_create_start.append(_give_way)
    config.on_connection_create_end.append(_give_way)
    return config


async def _note(_: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceConnectionCreateEndParams) -> None:
    if isinstance(context.trace_request_ctx, CallProgress):
        context.trace_request_ctx.connected = True


async def _give_way(_: aiohttp.ClientSession, __: SimpleNamespace, ___: object) -> None:
    await others_first()
