"""The upper bound for asyncio: answers constant bytes to anything that ends in an empty line, on uvloop.

Arguments PORT and FILE: FILE holds the answer, byte for byte. It checks nothing, so no server can be faster.
"""

import asyncio
import sys
from pathlib import Path
from typing import cast

import uvloop


class Constant(asyncio.Protocol):
    """One connection. The request must arrive whole, which it does on loopback."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._answer)
        if b"\r\nConnection: close\r\n" in data:
            self._transport.close()


async def _serve(port: int, answer: bytes) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Constant(answer), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
