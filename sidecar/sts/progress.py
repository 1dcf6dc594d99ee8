"""How far a call came: what aiohttp's exceptions do not tell about silence."""

from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp


@dataclass(slots=True)
class CallProgress:
    """Given to a request as `trace_request_ctx`. `connected`: tunnel and TLS stand, and the request can be sent."""

    connected: bool = False


def noting_progress() -> aiohttp.TraceConfig:
    """What keeps each request's `CallProgress` true."""
    config = aiohttp.TraceConfig()
    config.on_connection_create_end.append(_note)
    return config


async def _note(_: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceConnectionCreateEndParams) -> None:
    if isinstance(context.trace_request_ctx, CallProgress):
        context.trace_request_ctx.connected = True
