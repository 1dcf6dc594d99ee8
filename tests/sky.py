"""What a pod's clocks go through, and what lives under it."""

import random

from sidecar.core.model import Instant, Seconds
from tests.doubles import Pod


class Sky:
    """Moves the clocks of `pod`, and knows the truth."""

    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._ahead: list[tuple[Instant, Seconds]] = []
        self.changed = 0

    def changes(self, rng: random.Random) -> None:
        """One thing at a time: what is set back while the machine stands still hides that it stood."""
        clock, seconds = self._pod.clock, rng.uniform(100, 4000)
        match rng.randrange(6):
            case 0:
                clock.jump(-seconds)
            case 1:
                clock.jump(seconds)
                self._ahead.append((clock.now(), seconds))
            case 2:
                clock.pause(seconds)
                self._ahead.append((clock.now(), seconds))
            case _:
                return
        self.changed += 1

    def lives_by_all_clocks(self) -> bool:
        """What was issued last: by the steady clock, and by a wall clock that was right when it was issued."""
        last = self._pod.seen.last_issued
        if last is None:
            return False
        self._ahead = [(at, by) for at, by in self._ahead if at >= last.issued_at]
        return self._pod.clock.now() < last.expires_at - sum(by for _, by in self._ahead) - 5

    def lives(self) -> bool:
        """What was issued last, by the right clock."""
        last = self._pod.seen.last_issued
        return last is not None and self._pod.clock.true() < last.expiration - 5
