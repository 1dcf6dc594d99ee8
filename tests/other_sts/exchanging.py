"""The product's own exchange, in one call."""

import asyncio

import aiohttp

from sidecar.core.claims import unverified_claims
from sidecar.core.clock import SystemClock
from sidecar.core.model import Credentials, Token
from sidecar.sts.exchange import StsCall, StsExchange
from tests.other_sts.faults import Call
from tests.other_sts.servers import Server


def exchanged(server: Server, call: Call | None = None) -> Credentials:
    """Raises what the product raises. Without a call: a good one."""
    asked = call or Call(server.issuer.token(), server.role_arn)
    return asyncio.run(_exchanged(server, asked))


async def _exchanged(server: Server, call: Call) -> Credentials:
    async with aiohttp.ClientSession() as http:
        exchange = StsExchange(http, StsCall(server.sts, call.role_arn, call.duration), SystemClock())
        return await exchange(Token(call.token, unverified_claims(call.token)))
