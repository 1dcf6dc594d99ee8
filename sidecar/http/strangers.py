"""How often a peer outside the pod may connect: what it can make us do comes after what applications ask."""

from collections.abc import Callable
from socket import SocketType

from sidecar.core.model import Instant, Seconds
from sidecar.http.addresses import is_of_this_machine

CONNECTIONS_PER_SECOND = 50
"""Of one address. A kubelet and a scraper need one in some seconds, and may share an address with a node's pods."""
MOST_PEERS = 1024
"""Remembered at once. With more of them, those that came first begin anew."""
WINDOW: Seconds = 1


class PeerRate:
    """Counts each peer's connections in a window of time. `clock`: seconds that only grow."""

    def __init__(self, clock: Callable[[], Instant], most: int = CONNECTIONS_PER_SECOND) -> None:
        self._clock = clock
        self._most = most
        self._windows: dict[str, tuple[Instant, int]] = {}

    def __call__(self, accepted: SocketType) -> bool:
        """Whether its peer may have this connection, too. The pod itself may have any number."""
        try:
            peer = accepted.getpeername()
        except OSError:  # it has gone
            return False
        return is_of_this_machine(peer) or self.admits(str(peer[0]))

    def admits(self, host: str) -> bool:
        """Count one more connection of `host`: is it within what one may have?"""
        now = self._clock()
        began, count = self._windows.get(host, (now, 0))
        if now >= began + WINDOW:
            began, count = now, 0
        if host not in self._windows and len(self._windows) >= MOST_PEERS:
            del self._windows[next(iter(self._windows))]
        self._windows[host] = began, count + 1
        return count < self._most
