"""A scene served as the sidecar serves itself: by its own admin face, behind its own server."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sidecar.admin.app import AdminFace
from sidecar.observe.metrics import Metrics
from sidecar.values import TcpAddress
from sidecar.wire.server import serving
from tests.status.scenes import Scene

ANY_PORT = TcpAddress("127.0.0.1", 0)


@contextmanager
def a_stage(scene: Scene) -> Iterator[str]:
    """The page's URL. Served from a thread of its own, so that a browser can be driven from this one."""
    face = AdminFace(scene.status, Metrics(scene, started_at=0, token=lambda: scene.token))
    url: list[str] = []
    listening, done = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with serving(face, lambda face, status, seconds: None, [ANY_PORT]) as addresses:
            url.append(f"http://{addresses[0]}/status")
            listening.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    try:
        assert listening.wait(5)
        yield url[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()
