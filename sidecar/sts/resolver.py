"""Resolves names without blocking the process: a name server may not answer for a minute."""

import asyncio
import errno
import os
import socket
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from sidecar.core.daemon_thread import in_daemon_thread
from sidecar.core.model import Seconds

RESOLVE_WITHIN: Seconds = 6
"""glibc asks a name server that does not answer again after 5 s, and for each of the pod's search domains anew."""

NUMERIC = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
NUMERIC_ADDRESS = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV

Query = tuple[str, int, int]
Found = list[ResolveResult]


class Resolver(AbstractResolver):
    """The `AbstractResolver` of calls to STS. Of one name there is one look-up at a time, whoever has given it up."""

    def __init__(self) -> None:
        self._under_way: dict[Query, asyncio.Task[Found]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises `OSError`: `socket.gaierror`, or `TimeoutError` with an errno."""
        look_up = self._look_up((host, port, family))
        done, _ = await asyncio.wait([look_up], timeout=RESOLVE_WITHIN)
        if not done:
            # Without an errno, aiohttp takes it for the time-out of the whole call.
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        return look_up.result()

    def _look_up(self, query: Query) -> "asyncio.Task[Found]":
        look_up = self._under_way.get(query)
        if look_up is None:
            look_up = self._under_way[query] = asyncio.create_task(_found(*query), name="look up a name")
            look_up.add_done_callback(lambda ended: self._ended(query, ended))
        return look_up

    def _ended(self, query: Query, look_up: "asyncio.Task[Found]") -> None:
        del self._under_way[query]
        if not look_up.cancelled():
            look_up.exception()  # seen: whoever asked may have given it up

    async def close(self) -> None:
        """Nothing is kept: a look-up still under way ends with the loop."""


async def _found(host: str, port: int, family: int) -> Found:
    return await in_daemon_thread(_addresses, host, port, family)


def _addresses(host: str, port: int, family: int) -> Found:
    named = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [_result(host, port, entry[0], entry[2], entry[4]) for entry in named]


def _result(name: str, port: int, family: int, protocol: int, place: tuple[Any, ...]) -> ResolveResult:
    address, _ = socket.getnameinfo(place, NUMERIC)  # with the scope that a link-local address needs
    return ResolveResult(hostname=name, host=address, port=port, family=family, proto=protocol, flags=NUMERIC_ADDRESS)
