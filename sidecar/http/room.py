"""Who makes room for a newcomer: known at once, however many there are.

Who has its answer goes first, then who has been idle for longest: nobody loses anything. Then the oldest half-sent
request: whoever means well sends a request in one piece.
"""

from typing import Protocol

from sidecar.core.model import Instant

MOST_BYTES = 8 * 1024 * 1024
"""Of half-sent requests on all ports together. An application's request has 300 bytes."""


class Occupant(Protocol):
    """What is asked of a connection. `since`: when it last moved on. `spent`: its answer is written, and it need only
    read it.
    """

    @property
    def since(self) -> Instant: ...

    @property
    def idle(self) -> bool: ...

    @property
    def receiving(self) -> bool: ...

    @property
    def spent(self) -> bool: ...

    def close(self) -> None: ...
    def abort(self) -> None: ...


class ByteBudget:
    """How much half-sent requests may hold, whatever port they came to: the memory is one."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.most = most
        self.used = 0
        self._rooms: list[Room] = []

    def share(self, room: "Room") -> None:
        self._rooms.append(room)

    def leave(self, room: "Room") -> None:
        self._rooms.remove(room)

    def keep(self) -> None:
        """End the oldest where most is held, until the rest fits."""
        while self.used > self.most:
            max(self._rooms, key=lambda room: room.held).end_half_sent()


class Room:
    """The connections of one port that could make room, oldest first."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._spent: dict[Occupant, None] = {}
        self._idle: dict[Occupant, Instant] = {}
        self._half_sent: dict[Occupant, int] = {}
        self._refused: set[Occupant] = set()
        self.held = 0
        """Bytes of half-sent requests."""
        budget.share(self)

    def moved(self, connection: Occupant) -> None:
        """It is new, or in another state than before."""
        self._unlist(connection)
        if connection.idle:
            self._idle[connection] = connection.since
        elif connection.receiving:
            self._half_sent[connection] = 0
        elif connection.spent and connection not in self._refused:
            self._spent[connection] = None

    def refuse(self, connection: Occupant) -> None:
        """It is here only to hear so: it has nobody's place, and its end would make no room."""
        self._unlist(connection)
        self._refused.add(connection)

    def left(self, connection: Occupant) -> None:
        self._unlist(connection)
        self._refused.discard(connection)

    @property
    def refused(self) -> int:
        """How many are being told that there is no room."""
        return len(self._refused)

    def received(self, connection: Occupant, size: int) -> None:
        """So many bytes of its request are here, and it is not whole."""
        if connection in self._half_sent:
            self._count(size - self._half_sent[connection])
            self._half_sent[connection] = size
            self._budget.keep()

    def make(self, newest: Occupant) -> bool:
        """Whether somebody could be ended for `newest`."""
        if (answered := next((each for each in self._spent if each is not newest), None)) is not None:
            answered.abort()
            return True
        if (oldest := self._longest_idle(newest)) is not None:
            oldest.close()
            return True
        return self.end_half_sent()

    def end_half_sent(self) -> bool:
        oldest = next(iter(self._half_sent), None)
        if oldest is None:
            return False
        oldest.abort()
        return True

    def close(self) -> None:
        self._budget.leave(self)

    def _longest_idle(self, newest: Occupant) -> Occupant | None:
        """Whoever has asked since it was listed goes to the end of the list: at most once for each request."""
        for _ in range(len(self._idle)):
            connection = next(iter(self._idle))
            if connection is not newest and self._idle[connection] == connection.since:
                return connection
            del self._idle[connection]
            self._idle[connection] = connection.since
        return next((each for each in self._idle if each is not newest), None)

    def _unlist(self, connection: Occupant) -> None:
        self._spent.pop(connection, None)
        self._idle.pop(connection, None)
        self._count(-self._half_sent.pop(connection, 0))

    def _count(self, size: int) -> None:
        self.held += size
        self._budget.used += size
