"""The sessions that one role was issued, one after another: whether an answer can be the next. Pure.

Who stands in between can keep an answer and send it again. So each is compared with the last that was taken.
"""

from dataclasses import dataclass

from sidecar.core.model import Credentials, Instant, Seconds, UnixTime
from sidecar.sts.answer import Answer, credentials_in
from sidecar.sts.endpoints import is_of_aws
from sidecar.sts.plausibility import Clocks, DateSeen, LastAnswer, Presented, ServerClock, check_new


@dataclass(frozen=True, slots=True)
class AskedOfSts:
    """One call: what for, with what, whom, and when by both of our clocks."""

    action: str
    role_arn: str
    duration: Seconds
    endpoint: str
    presented: Presented
    at: Instant
    at_wall: UnixTime


class IssuedSessions:
    """What was taken so far, as much of it as the next answer is compared with."""

    def __init__(self) -> None:
        self._last: LastAnswer | None = None
        self._clock = ServerClock()

    def take(self, answer: Answer, asked: AskedOfSts) -> Credentials:
        """Raises `StsUnavailable` unless these are new credentials for what was asked."""
        seen = None if answer.date is None else DateSeen(answer.date, asked.at)
        Clocks(asked.at_wall, answer.date, self._clock.expected(seen)).check(asked.presented)
        found = credentials_in(
            answer,
            action=asked.action,
            role_arn=asked.role_arn,
            duration=asked.duration,
            asked_at=asked.at,
            asked_at_wall=asked.at_wall,
            from_aws=is_of_aws(asked.endpoint),
        )
        check_new(found.session_token, answer.date, self._last)
        self._clock.take(seen)
        self._last = LastAnswer(found.session_token, self._clock.seen)
        return found
