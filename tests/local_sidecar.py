"""A face served from a thread: for commands and browsers, which a test drives from its own."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sidecar.faces.authorization import Authorization
from sidecar.http.addresses import Address, TcpAddress
from sidecar.http.messages import Face
from sidecar.http.server import serving
from tests.faces.kit import Source, container_face
from tests.waiting import HANGS_AFTER

ANY_PORT = TcpAddress("127.0.0.1", 0)


@contextmanager
def a_sidecar(
    source: Source, *, address: Address = ANY_PORT, authorization: Authorization | None = None
) -> Iterator[Address]:
    """The container face; gives its address."""
    with in_a_thread(container_face(source, authorization=authorization), address) as bound:
        yield bound


@contextmanager
def in_a_thread(face: Face, address: Address = ANY_PORT) -> Iterator[Address]:
    """Serve until the block ends; gives the address."""
    bound: list[Address] = []
    listening, done = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        # A thread outlives its join by a moment, and must not take the SIGCHLD that a test's main thread waits for.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        async with serving(face, lambda *_: None, [address]) as addresses:
            bound.extend(addresses)
            listening.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    try:
        assert listening.wait(HANGS_AFTER)
        yield bound[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()
