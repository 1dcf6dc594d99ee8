"""A network of one machine whose name server takes every question and answers none."""

import asyncio
import sys
from pathlib import Path

from tests.needs import needs

START = """
import fcntl, os, socket, struct, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
UP, SIOCSIFFLAGS = 1, 0x8914
fcntl.ioctl(udp, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", UP))
udp.bind(("127.0.0.1", 53))
udp.set_inheritable(True)  # the program itself holds the socket, and never reads from it
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def with_a_silent_name_server(directory: Path, *arguments: str) -> list[str]:
    """The command that runs Python so; its process is the one that is started, so that signals reach it."""
    needs("unshare")
    conf = directory / "resolv.conf"
    # The C library alone would wait for longer than any test does.
    conf.write_text("nameserver 127.0.0.1\nsearch a.example b.example\noptions ndots:5 timeout:30 attempts:5\n")
    hosts = directory / "nsswitch.conf"
    hosts.write_text("hosts: files dns\n")
    mounts = f"mount --bind {conf} /etc/resolv.conf && mount --bind {hosts} /etc/nsswitch.conf"
    return [
        *("unshare", "--map-root-user", "--net", "--mount", "--", "sh", "-c"),
        f'{mounts} && exec "$@"',
        *("sh", sys.executable, "-c", START, *arguments),
    ]


async def asked(process: int) -> None:
    """Wait until a question has reached the name server of this process."""
    while not any(_unread(line) for line in Path(f"/proc/{process}/net/udp").read_text().splitlines()[1:]):
        await asyncio.sleep(0.01)


def _unread(line: str) -> bool:
    _, local, _, _, queues, *_ = line.split()
    return local.endswith(":0035") and int(queues.partition(":")[2], 16) > 0
