"""What Linux's sockets can do beyond other systems', and what stands in for it there (a Mac, to try things out).

Plain numbers: the standard library's flags are enums, and to combine two of those costs more than to send an answer.
"""

import contextlib
import select
import selectors
import socket
import struct
import sys
from array import array
from collections.abc import Callable, Sequence
from typing import Protocol

DO_NOT_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))
"""A flag: this call returns at once. It saves a system call for each connection, `setblocking`."""
MORE_FOLLOWS = int(getattr(socket, "MSG_MORE", 0))
"""A flag: send this together with what follows. Without it the end of a connection is a packet of its own."""
STREAM = int(socket.SOCK_STREAM)
DEFER_ACCEPT: int | None = getattr(socket, "TCP_DEFER_ACCEPT", None)
"""An option: show a connection once its first bytes are here. Without it the loop is asked to wait for them."""
CONGESTION: int | None = getattr(socket, "TCP_CONGESTION", None)
"""An option: how fast to send more than the first few packets. An answer is one packet. The oldest way is built into
every kernel and does least; BBR, the default of some nodes, sets a timer for each packet to space them out.
"""

ATTACH_FILTER = 26
"""An option: the kernel asks a program of BPF about each packet for the socket (asm-generic/socket.h)."""
NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 2), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFF_FFFF))
"""Load the byte with TCP's flags; if SYN is among them, keep nothing of the packet, else all (linux/filter.h)."""


class Poller(Protocol):
    """Watches descriptors, as `select.epoll` does."""

    def register(self, fd: int, eventmask: int, /) -> object: ...
    def modify(self, fd: int, eventmask: int, /) -> object: ...
    def unregister(self, fd: int, /) -> object: ...
    def poll(self, timeout: float, maxevents: int, /) -> Sequence[tuple[int, int]]: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...


class PortablePoll:
    """What `select.epoll` does, by whatever the system has instead."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.register = self._selector.register
        self.modify = self._selector.modify
        self.unregister = self._selector.unregister
        self.fileno = self._selector.fileno
        self.close = self._selector.close

    def poll(self, timeout: float, _: int) -> Sequence[tuple[int, int]]:
        return [(key.fd, events) for key, events in self._selector.select(timeout)]


Poll: Callable[[], Poller] = getattr(select, "epoll", PortablePoll)
"""Watches many descriptors, and can itself be watched."""
READ = int(getattr(select, "EPOLLIN", selectors.EVENT_READ))
WRITE = int(getattr(select, "EPOLLOUT", selectors.EVENT_WRITE))


def acceptor(listening: socket.socket) -> Callable[[], socket.SocketType]:
    """What accepts one connection of those that wait, or raises what `listening.accept` would.

    The method that it is made of is private to the standard library, which has had it since Python 3.0. The public one
    makes a `socket.socket`, with enums and an address that nobody looks at: it takes longer than to answer.
    """
    accept: Callable[[], tuple[int, object]] = listening._accept  # type: ignore[attr-defined]  # noqa: SLF001
    family = int(listening.family)

    def accept_one() -> socket.SocketType:
        number, _ = accept()
        accepted = socket.SocketType(family, STREAM, 0, number)
        if not DO_NOT_WAIT:
            accepted.setblocking(False)
        return accepted

    return accept_one


def prepare_listening(bound: socket.socket, first_bytes_within: float) -> None:
    """For TCP; what is accepted inherits it. `first_bytes_within`: seconds to wait for a client's first bytes."""
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if CONGESTION is not None:
        with contextlib.suppress(OSError):  # a system that only looks like Linux
            bound.setsockopt(socket.IPPROTO_TCP, CONGESTION, b"reno")
    if DEFER_ACCEPT is not None:
        bound.setsockopt(socket.IPPROTO_TCP, DEFER_ACCEPT, int(first_bytes_within))


def let_nobody_begin(bound: socket.socket) -> None:
    """No connection begins from now on; those that have begun come about.

    To close a socket that listens resets the connections that the kernel has not shown yet: those whose first bytes are
    under way (see `DEFER_ACCEPT`), and those between our last look and its end. A client that is kept from beginning is
    refused once the socket is closed.
    """
    if bound.family is socket.AF_UNIX:
        bound.shutdown(socket.SHUT_RD)
    elif sys.platform == "linux":
        program = array("B", b"".join(struct.pack("HBBI", *step) for step in NO_SYN))
        with contextlib.suppress(OSError):  # a system that only looks like Linux
            bound.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, struct.pack("HP", len(NO_SYN), program.buffer_info()[0]))


def waits_for_first_bytes(bound: socket.socket) -> bool:
    """Whether clients may have connected of whom we have not heard."""
    if bound.family is socket.AF_UNIX or DEFER_ACCEPT is None:
        return False
    return bound.getsockopt(socket.IPPROTO_TCP, DEFER_ACCEPT) > 0
