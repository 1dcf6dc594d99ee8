"""A program in the pod that answers one request with the bytes it is given."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sidecar.http.addresses import TcpAddress
from tests.waiting import HANGS_AFTER


@contextmanager
def answering(*parts: bytes, keep_open: bool = False) -> Iterator[TcpAddress]:
    """A program that takes one request, sends `parts`, and ends the connection, or keeps it until the block ends."""
    done = threading.Event()

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1 << 16)
            for part in parts:
                connection.sendall(part)
            if keep_open:
                done.wait(HANGS_AFTER)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield TcpAddress(*server.getsockname())
        finally:
            done.set()
            thread.join()
