"""HTTP without what only Linux has: a Mac imports it and is served."""

import subprocess
import sys

from tests.waiting import HANGS_AFTER

WITHOUT_LINUX = """
import socket

for name in ("MSG_MORE", "MSG_DONTWAIT", "TCP_DEFER_ACCEPT", "TCP_CONGESTION"):
    delattr(socket, name)

import asyncio

from sidecar.http.addresses import TcpAddress
from sidecar.http.messages import Response
from sidecar.http.server import serving


class Hello:
    name = "hello"

    def answer(self, request):
        return Response(200, b"hello " * 50_000, {})


async def ask(port, *lines):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0.01)  # the server has looked for the request, and found none
    for line in lines:
        writer.write(line)
    said = await reader.read()
    writer.close()
    return said


async def main():
    async with serving(Hello(), lambda *_: None, [TcpAddress("127.0.0.1", 0)]) as (address,):
        last = b"GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n"
        kept = b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"
        print((await ask(address.port, kept + last)).count(b"hello "))
        print((await ask(address.port, b"nonsense\\r\\n"))[:12])


asyncio.run(main())
"""


def test_it_serves_where_linux_s_own_calls_are_missing() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_LINUX], capture_output=True, text=True, timeout=HANGS_AFTER, check=False
    )
    assert (ran.stdout, ran.stderr) == ("100000\nb'HTTP/1.1 400'\n", "")
