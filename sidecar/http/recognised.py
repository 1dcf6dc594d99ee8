"""Recognised requests: the same bytes get the same answer, without being read and judged again.

Programs ask with the same bytes again and again. Whoever sends bytes that were answered well a moment ago, to the same
face, gets the very answer that those got. The rules, and who keeps each:

| rule | kept by |
| --- | --- |
| Only good answers are remembered: those that a face calls `Repeatable`. | the faces |
| Only for the bytes of one whole request, without a body, that came in one read by themselves. | `RequestParser` |
| Only where a connection has nothing else to do, and ends with it only as its client said. | `Connection`, `visits` |
| Only while nothing has changed that the answer rests on: looked at once in each turn, which sets `Date`. | `find` |
| Few and short ones, and none that nobody asks for any more: they hold secrets. | `remember`, `forget_unused` |
| Each answer is counted as any other is, when the turn has ended. | `_count` |
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from sidecar.core.model import Instant, Seconds
from sidecar.http.messages import Request, Response

MOST, LONGEST = 32, 4096
"""Requests, and bytes of each."""
FORGOTTEN_AFTER: Seconds = 1
"""Without being asked for; twice that at the most."""


AtTurnsEnd = Callable[[Callable[[], None]], None]
"""Has something called once, when the turn has ended."""


@dataclass(slots=True)
class Recognised:
    """A request that was answered, and its answer: `last` says whether the connection ends with it, `date` is the line
    in it with the date, and `holds` says whether the face would answer so again.
    """

    request: Request
    response: Response
    answer: bytes = field(repr=False)
    last: bool
    date: bytes
    holds: Callable[[], bool] = field(repr=False)
    times: int = 0
    """How often it was answered in this turn."""
    asked_at: Instant = 0
    """When somebody asked for it first in this turn."""
    used: bool = True
    """Asked for since somebody last looked for what is not."""

    def set_date(self, date: bytes) -> None:
        """From now on `date` is the line in the answer."""
        self.answer = self.answer.replace(self.date, date, 1)
        self.date = date


class RecognisedRequests:
    """Those of one face. `date`: the line in answers now, the same object for as long as it is the same.

    `observe` is told of each answer, how long it took and how often it was given. While `closing`, none is given: each
    would have to say that the connection ends.
    """

    def __init__(
        self,
        date: Callable[[], bytes],
        observe: Callable[[Request, Response, Seconds, int], None],
        closing: Callable[[], bool],
        at_turns_end: AtTurnsEnd,
    ) -> None:
        self._date = date
        self._observe = observe
        self._closing = closing
        self._at_turns_end = at_turns_end
        self._known: dict[bytes, Recognised] = {}
        self.in_this_turn: dict[bytes, Recognised] = {}
        """Those that hold in this turn, for connections that stay: whoever gives one more counts it in its `times`."""
        self._forgetting: asyncio.TimerHandle | None = None

    def find(self, data: bytes, now: Instant) -> Recognised | None:
        """What is to be answered to `data`, and is counted as answered with this call."""
        known = self._known.get(data)
        if known is None or not (known.times or self._still_holds(known)):
            return None
        known.times += 1
        if not known.last:
            known.asked_at = now
            self.in_this_turn[data] = known
        return known

    def find_last(self, data: bytes) -> Recognised | None:
        """The same, if the connection ends with it."""
        known = self._known.get(data)
        if known is None or not (known.last and (known.times or self._still_holds(known))):
            return None
        known.times += 1
        return known

    def _still_holds(self, known: Recognised) -> bool:
        """Looked at when it is asked for the first time in a turn."""
        if self._closing() or not known.holds():
            self.forget()
            return False
        if known.date is not (date := self._date()):
            known.set_date(date)
        known.used = True
        self._at_turns_end(partial(self._count, known))
        return True

    def remember(self, data: bytes, known: Recognised) -> None:
        """`data`: what was answered just now; nothing, if that must not be remembered."""
        if not 0 < len(data) <= LONGEST or known.date not in known.answer:  # else the second ended meanwhile
            return
        if len(self._known) >= MOST:
            self.forget()
        if self._forgetting is None:
            self._forget_later()
        self._known[data] = known

    def _forget_later(self) -> None:
        self._forgetting = asyncio.get_running_loop().call_later(FORGOTTEN_AFTER, self.forget_unused)

    def forget_unused(self) -> None:
        """Those that nobody has asked for since the last look."""
        self._known = {data: known for data, known in self._known.items() if known.used}
        self._forgetting = None
        for known in self._known.values():
            known.used = False
        if self._known:
            self._forget_later()

    def forget(self) -> None:
        """All of them, used or not."""
        self._known.clear()
        self.in_this_turn.clear()
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None

    def _count(self, known: Recognised) -> None:
        """The turn has ended. To find an answer takes no time that could be measured."""
        self.in_this_turn.clear()  # first: none is given in the next turn without a look
        times, known.times = known.times, 0
        self._observe(known.request, known.response, 0, times)
