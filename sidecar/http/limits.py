"""Limits for clients: everything that a client sends is bounded."""

import contextlib
import fcntl
import os
import resource
import socket
from dataclasses import dataclass, replace

from sidecar.core.model import Seconds

MOST_CONNECTIONS = 1024
MOST_ADMIN_CONNECTIONS = 64
"""A probe or a scraper has one, and needs it for a moment."""
ADMIN_IDLE: Seconds = 10
MOST_REFUSED_AT_ONCE = 32
DESCRIPTORS_KEPT = 128
DESCRIPTORS_KEPT_AT_LEAST = 24
"""What clients must leave us: the call to STS, the token file, the credentials file."""
MOST_OPEN_FILES = 16_384
ROOM = 2048
"""Descriptors: 16 KiB of the kernel's memory."""


def allow_open_files() -> None:
    """More open files, as far as the hard limit goes: each client costs one, and the usual 1024 are for select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MOST_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError):  # macOS has a second limit, which may be lower
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    _make_room()


def _make_room() -> None:
    """Have the kernel enlarge its table of descriptors now. Once there are threads, the one that accepts a connection
    waits for that, 10 to 20 ms at the 256th descriptor, the 512th, and so on, and every client with it.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    last = (ROOM if soft == resource.RLIM_INFINITY else min(ROOM, soft)) - 1
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as some:  # without room we serve all the same
        os.close(fcntl.fcntl(some, fcntl.F_DUPFD_CLOEXEC, last))


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. Real clients send 300 bytes in 8 headers; a token may have 4096."""

    target: int = 8192
    """RFC 9112, section 3, asks for at least 8000."""
    header_count: int = 64
    head: int = 16_384
    """All header names and values of one request, trailers included."""
    body: int = 1024
    """No request needs one; some clients send one all the same."""
    message: int = 65_536
    """One request whole, with what framing may waste: white space, chunk extensions."""
    pipelined: int = 16
    """Requests of one connection that may wait their turn. The last of them is answered with `Connection: close`."""
    connections: int = MOST_CONNECTIONS
    refused_at_once: int = MOST_REFUSED_AT_ONCE
    """Connections beyond the limit that are told so with a 503 before they are closed; more are closed in silence."""

    read: Seconds = 5
    """From a request's first byte to its last, however fast they trickle in."""
    answer: Seconds = 5
    """A face's time. Ours take 0.8 s at the most."""
    write: Seconds = 5
    """For a client to read what fills its buffers."""
    idle: Seconds = 75
    """Between requests."""
    total: Seconds = 3600
    """A connection older than this is closed with its next answer."""
    linger: Seconds = 1
    """How long a refused client may go on sending, so that it reads the refusal instead of a reset connection."""
    drain: Seconds = 2
    """For requests under way once listening ends."""
    sweep: Seconds = 1
    """How often deadlines are looked at, so how late a time-out may come. One timer serves all connections."""


def limits_of_each(servers: int) -> Limits:
    """For each of the servers in this process, what its limit on open files allows. It does not change later."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return Limits()
    kept = min(DESCRIPTORS_KEPT, max(DESCRIPTORS_KEPT_AT_LEAST, soft // 2))
    share = max(0, soft - kept) // servers
    refused = min(MOST_REFUSED_AT_ONCE, share // 2)
    return Limits(connections=max(1, min(MOST_CONNECTIONS, share - refused)), refused_at_once=refused)


def admin_limits(limits: Limits) -> Limits:
    """For the port of probes and scrapers: strangers reach it, and the data ports come first."""
    return replace(limits, connections=min(limits.connections, MOST_ADMIN_CONNECTIONS), idle=ADMIN_IDLE)
