"""The `lab` commands over HTTP on loopback, for tests and scripts.

GET    /status                    the status
PUT    /faults/{name}             start a fault; the body is its value, empty for the default
DELETE /faults/{name}, /faults    end one, or all
POST   /rotate                    {"how": "well" | "sign-before-publish" | "drop-old-now", "wait": s, "keep": s}
POST   /tokens                    replace every projected token now
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from sidecar.lab.clock import LabClock
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.cluster.key_rotation import BadRotation, rotate
from sidecar.lab.cluster.projector import Projection
from sidecar.lab.faults import BadFault, Faults
from sidecar.lab.state import StateDirectory
from sidecar.lab.status import status


@dataclass(frozen=True, slots=True)
class RotationRequest:
    """What a request to rotate asks for; times in seconds."""

    how: str
    wait: float | None = None
    keep: float | None = None


_OF_BROWSERS = ("Origin", "Sec-Fetch-Site")
"""Headers that only browsers send: a page of the web may post to any port of the machine."""
_OUR_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


def control_app(
    state: StateDirectory, ring: KeyRing, projections: Sequence[Projection], clock: LabClock
) -> web.Application:
    faults = Faults(state)

    async def get_status(_: web.Request) -> web.Response:
        return web.json_response(status(state, clock()))

    async def put_fault(request: web.Request) -> web.Response:
        value = (await request.read()).decode("utf-8", "replace")
        faults.start(request.match_info["name"], value or None)
        return web.json_response(status(state, clock())["faults"])

    async def delete_fault(request: web.Request) -> web.Response:
        faults.end(request.match_info["name"])
        return web.json_response(status(state, clock())["faults"])

    async def delete_faults(_: web.Request) -> web.Response:
        faults.end_all()
        return web.json_response([])

    async def post_rotate(request: web.Request) -> web.Response:
        asked = _rotation_request(await request.read())
        kid = rotate(ring, clock(), asked.how, wait=asked.wait, keep=asked.keep)
        return web.json_response({"kid": kid})

    async def post_tokens(_: web.Request) -> web.Response:
        for projection in projections:
            projection.wake()
        return web.Response(status=202)

    app = web.Application(middlewares=[_from_this_machine, _refusals_as_text])
    app.router.add_get("/status", get_status)
    app.router.add_put("/faults/{name}", put_fault)
    app.router.add_delete("/faults/{name}", delete_fault)
    app.router.add_delete("/faults", delete_faults)
    app.router.add_post("/rotate", post_rotate)
    app.router.add_post("/tokens", post_tokens)
    return app


def _rotation_request(body: bytes) -> RotationRequest:
    """Raises BadRotation for a body that does not say how."""
    try:
        found = json.loads(body or b"{}")
        times = {name: float(found[name]) for name in ("wait", "keep") if name in found}
        return RotationRequest(str(found.get("how", "well")), **times)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadRotation('The body is not JSON like {"how": "well", "wait": 10, "keep": 60}.') from error


@web.middleware
async def _from_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses pages of the web in a local browser: by a foreign Host name (DNS rebinding), or from another site."""
    if not _OUR_HOST.fullmatch(request.host):
        raise web.HTTPForbidden(text=f"Host is {request.host!r}; ask for 127.0.0.1.\n")
    if any(name in request.headers for name in _OF_BROWSERS):
        raise web.HTTPForbidden(text="This is for the lab's commands, not for a web page.\n")
    return await handler(request)


@web.middleware
async def _refusals_as_text(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (BadFault, BadRotation) as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from error
    except web.RequestPayloadError:
        raise web.HTTPBadRequest(text="The body is not encoded as its headers say.\n") from None
