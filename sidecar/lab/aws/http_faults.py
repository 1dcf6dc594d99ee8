"""Simulates the faults of STS in its HTTP responses, for the calls that assume a role alone (see `faults`)."""

import asyncio
import socket
import struct
import uuid
from collections.abc import Awaitable, Callable

from aiohttp import web

from sidecar.lab.aws import answers
from sidecar.lab.aws.answers import NOT_AUTHORIZED_MESSAGE, StsRefusal, access_denied, invalid_token
from sidecar.lab.aws.sessions import RoleSession
from sidecar.lab.faults import Faults

AFFECTED_ACTIONS = ("AssumeRoleWithWebIdentity", "AssumeRole")

_RST = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: closing sends RST
_SERVER_ERRORS = {500: "InternalFailure", 503: "ServiceUnavailable"}


async def apply(
    faults: Faults, request: web.Request, answer: Callable[[], Awaitable[web.Response]]
) -> web.StreamResponse:
    """The response, or what the active faults make of it."""
    if faults.get("reset") is not None:
        return _reset(request)
    if faults.get("hang") is not None:
        await asyncio.Event().wait()  # until the client gives up: the server cancels a handler whose client is gone
    await asyncio.sleep(faults.seconds("slow"))
    for status in _SERVER_ERRORS:
        body = faults.get(f"http-{status}")
        if body is not None:
            return _server_error(status, body)
    response = await answer()
    return response if faults.get("truncate") is None else await _truncate(request, response)


def refuse(faults: Faults, role_arn: str) -> None:
    """Raises the StsRefusal of a fault that affects all calls that assume a role."""
    if faults.get("throttle") is not None:
        raise StsRefusal("Throttling", "Rate exceeded")
    if faults.get("region-disabled") is not None:
        account = (role_arn.split(":") + [""] * 5)[4]
        raise StsRefusal(
            "RegionDisabledException",
            f"STS is not activated in this region for account:{account}. Your account administrator can activate STS "
            "in this region using the IAM Console.",
            status=403,
        )


def refuse_token(faults: Faults) -> None:
    """Raises the StsRefusal of a fault that affects web identities alone."""
    if faults.get("idp-unreachable") is not None:  # AWS's wording is not known
        raise StsRefusal("IDPCommunicationError", "The identity provider could not be reached")
    if faults.get("thumbprint") is not None:
        raise invalid_token("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")
    if faults.get("denied-elsewhere") is not None:
        why = "The lab's fault denied-elsewhere simulates a policy of the organization."
        raise access_denied(NOT_AUTHORIZED_MESSAGE, why=why)


def refuse_chain(faults: Faults, caller: RoleSession, role_arn: str) -> None:
    """Raises the StsRefusal of a fault that affects chains."""
    denial = f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
    if faults.get("base-expired") is not None:
        raise StsRefusal("ExpiredToken", "The security token included in the request is expired", status=403)
    if faults.get("chain-denied") is not None:
        raise access_denied(denial, why="The lab's fault chain-denied simulates a policy of either role.")
    if faults.get("denied-elsewhere") is not None:
        why = "The lab's fault denied-elsewhere simulates a policy of the organization."
        raise access_denied(f"{denial} with an explicit deny in a resource control policy", why=why)


def _reset(request: web.Request) -> web.Response:
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        transport.abort()
    return web.Response()


async def _truncate(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """Half of the body under the Content-Length of all of it."""
    assert isinstance(whole.body, bytes)
    half = web.StreamResponse(status=whole.status, headers=whole.headers)
    half.content_length = len(whole.body)
    await half.prepare(request)
    await half.write(whole.body[: len(whole.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return half


def _server_error(status: int, body: str) -> web.Response:
    """AWS's own XML, a proxy's HTML page, or no body at all."""
    if body == "empty":
        return web.Response(status=status)
    if body == "html":
        page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
        return web.Response(status=status, text=page, content_type="text/html")
    refusal = StsRefusal(_SERVER_ERRORS[status], "We encountered an internal error. Please try again.", status=status)
    return web.Response(status=status, body=answers.refusal(refusal, str(uuid.uuid4())), content_type="text/xml")
