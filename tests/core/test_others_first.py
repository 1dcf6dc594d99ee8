"""Between two steps of long work, whoever came during the first is served."""

import asyncio
import socket

from sidecar.core.others_first import others_first


async def test_whoever_came_during_one_step_is_served_before_the_next() -> None:
    served: list[bytes] = []
    sidecar, client = socket.socketpair()
    with sidecar, client:
        asyncio.get_running_loop().add_reader(sidecar, lambda: served.append(sidecar.recv(9)))
        client.send(b"a request")
        await others_first()
        asyncio.get_running_loop().remove_reader(sidecar)
    assert served == [b"a request"]
