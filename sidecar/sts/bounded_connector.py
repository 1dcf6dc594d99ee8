"""Connections to STS that take in only so much: of the answer, and of all that may come before it."""

import asyncio
from functools import partial
from typing import cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

from sidecar.core.errors import StsUnavailable
from sidecar.sts.wording import FIX_NOT_STS

MOST_BYTES = 96 * 1024
"""Of one connection: an answer, the proxy's answer before it, and their headers. Real ones have 3 KiB."""
MOST_HEADS = 8
"""Status lines of one connection: the proxy's, STS's, and an interim one (RFC 9110, section 15.2) before each."""
STEP = 4096
_HEAD = b"HTTP/1."


class BoundedHandler(ResponseHandler):
    """Ends a connection that says more than an answer can need: endless interim answers would be read without end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._bytes_left = MOST_BYTES
        self._heads_left = MOST_HEADS

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), STEP):
            step = data[start : start + STEP]
            self._bytes_left -= len(step)
            self._heads_left -= step.count(_HEAD)
            if self._bytes_left < 0 or self._heads_left < 0:
                self._refuse()
                return
            super().data_received(step)

    def _refuse(self) -> None:
        self.set_exception(
            StsUnavailable(
                f"The STS endpoint, or the proxy before it, sent more than {MOST_BYTES} bytes or {MOST_HEADS} heads.",
                fix=FIX_NOT_STS,
            )
        )
        if self.transport is not None:
            self.transport.abort()


class BoundedConnector(aiohttp.TCPConnector):
    """A `TCPConnector` whose connections are bounded, the one to a proxy included."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]
        # Every connection of a connector begins here, the one through a proxy's tunnel too.
        self._factory = cast("partial[ResponseHandler]", partial(BoundedHandler, loop=self._loop))
