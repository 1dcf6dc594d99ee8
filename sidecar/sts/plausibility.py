"""Whether an answer's times and names can be what STS said just now to what we asked. Pure.

Whoever stands between us and STS can replay an old answer, or write one. What he cannot change is what we know without
him: which role we asked for and for how long, what the node's clock shows, when what we presented was issued, and
what STS's clock showed last time.
"""

import re
from dataclasses import dataclass
from typing import Self

from sidecar.core.arns import LONGEST_ARN, RoleArn
from sidecar.core.claims import Claims
from sidecar.core.errors import ExchangeFailed, StsUnavailable
from sidecar.core.model import SESSION_NAME, Instant, Seconds, UnixTime

CLOCKS_DIFFER: Seconds = 300
"""How far two clocks that are right may be apart: AWS allows as much in a signature."""
_ARN = re.compile(r"[\w+=,.@:/-]+", re.ASCII)


SEEN_TO_RUN: Seconds = 5
"""So long a clock must be watched: dates in headers have no fractions of a second."""


@dataclass(frozen=True, slots=True)
class DateSeen:
    """What STS's clock showed in an answer to a question of ours at `at`, on the steady clock."""

    date: UnixTime
    at: Instant

    def by(self, now: Instant) -> UnixTime:
        """What it must show `now`."""
        return self.date + now - self.at

    def runs_to(self, later: "DateSeen") -> bool:
        """Does this clock run? What somebody keeps and sends again always has the same date."""
        watched = later.at - self.at
        return watched >= SEEN_TO_RUN and abs(later.date - self.by(later.at)) <= watched / 2


class ServerClock:
    """A server's clock by its answers that were taken, and what it must show in the next one."""

    def __init__(self) -> None:
        self.seen: DateSeen | None = None
        self._doubted: DateSeen | None = None

    def expected(self, seen: DateSeen | None) -> UnixTime | None:
        """What it must show by the last answer; nothing once another clock was seen to run in its place."""
        if self.seen is None or seen is None:
            return None
        if self._doubted is not None and self._doubted.runs_to(seen):
            return None
        if self._doubted is None or self._doubted.at + SEEN_TO_RUN <= seen.at:
            self._doubted = seen
        return self.seen.by(seen.at)

    def take(self, seen: DateSeen | None) -> None:
        """An answer with this date was taken."""
        self.seen = seen or self.seen
        self._doubted = None


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The last session that was taken: `session_token`, and STS's clock by the last answer that showed it."""

    session_token: str
    seen: DateSeen | None


@dataclass(frozen=True, slots=True)
class Presented:
    """What the call was made with, in a word, and from when until when it is valid."""

    what: str
    issued_at: UnixTime
    expires_at: UnixTime

    @classmethod
    def of_token(cls, claims: Claims) -> Self:
        return cls("token", claims.issued_at, claims.expires_at)


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who was asked, as it is called where its answer cannot be true. `error`: what is raised then, with `fix`."""

    name: str
    error: type[ExchangeFailed]
    fix: str

    def sent(self, what: str) -> ExchangeFailed:
        """It sent `what` cannot be."""
        return self.error(f"{self.name} sent {what}.", fix=self.fix)


STS = Answerer(
    "The STS endpoint",
    StsUnavailable,
    "Check the clocks of the node and of the STS server. If they are right, something between the sidecar and "
    "STS keeps or writes answers: check AWS_ENDPOINT_URL_STS, HTTPS_PROXY and AWS_CA_BUNDLE.",
)


@dataclass(frozen=True, slots=True)
class Clocks:
    """What is known of the time when an answer came. `date`: STS's own; `expected`: what it should be by the last."""

    wall: UnixTime
    date: UnixTime | None
    expected: UnixTime | None = None
    of: Answerer = STS

    def check(self, given: Presented) -> None:
        """Raises the answerer's error for an answer that was not written now.

        A wrong clock of the node alone contradicts nothing, nor does one wrong answer before.
        """
        if self.date is None:
            return
        behind = self.date < self.wall - CLOCKS_DIFFER
        if behind and self.expected is not None and self.date < self.expected - CLOCKS_DIFFER:
            raise self.of.sent(f"an answer that is {min(self.wall, self.expected) - self.date:.0f} s old")
        if behind and self.date < given.issued_at - CLOCKS_DIFFER:
            raise self.of.sent(f"an answer that is older than the {given.what} it was given")
        if self.date > max(given.expires_at, self.wall) + CLOCKS_DIFFER:
            raise self.of.sent(f"an answer from after the end of the {given.what}")

    def outlives(self, expiration: UnixTime, duration: Seconds) -> bool:
        """Is this, by every clock, a longer life than `duration`?"""
        latest = self.wall if self.date is None else max(self.wall, self.date)
        return expiration > latest + duration + CLOCKS_DIFFER

    def check_expiration(self, expiration: UnixTime, duration: Seconds) -> None:
        """Raises `StsUnavailable` for a life that by no clock is the one that was asked for."""
        if self.outlives(expiration, duration):
            raise StsUnavailable(
                f"The STS endpoint sent credentials that outlive the {duration:.0f} s that were asked for.",
                fix="If this server issues longer sessions only, set SIDECAR_DURATION to their length. Otherwise check "
                "what answers at AWS_ENDPOINT_URL_STS, and the clocks of the node and of the STS server.",
            )


def check_assumed_role(assumed_role_arn: str, role_arn: str, *, may_be_absent: bool) -> None:
    """Raises `StsUnavailable` unless this is a session of the role that was asked for.

    `may_be_absent`: other STS servers than AWS's leave it out.
    """
    if not assumed_role_arn:
        if may_be_absent:
            return
        raise STS.sent("credentials without the role they are for")
    session = assumed_role_arn.rpartition("/")[2]
    formed = (
        len(assumed_role_arn) <= LONGEST_ARN and _ARN.fullmatch(assumed_role_arn) and SESSION_NAME.fullmatch(session)
    )
    if not (formed and RoleArn.parse_any(role_arn).has_session(assumed_role_arn)):
        raise STS.sent("credentials of another role than the one that was asked for")


def check_new(session_token: str, date: UnixTime | None, last: LastAnswer | None) -> None:
    """Raises `StsUnavailable` for an answer that came before.

    AWS never issues the same session twice. Another server may, under a date of its own.
    """
    if last is None or session_token != last.session_token:
        return
    if date is None or last.seen is None or date <= last.seen.date:
        raise STS.sent("the same credentials as before")
