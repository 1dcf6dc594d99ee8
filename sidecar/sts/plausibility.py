"""Whether an answer's times and names can be what STS said just now to what we asked. Pure.

Whoever stands between us and STS can replay an old answer, or write one. What he cannot change is what we know without
him: which role we asked for and for how long, what the node's clock shows, when the API server issued the token, and
what STS's clock showed last time.
"""

import re
from dataclasses import dataclass

from sidecar.core.arns import LONGEST_ARN, RoleArn
from sidecar.core.claims import Claims
from sidecar.core.errors import StsUnavailable
from sidecar.core.model import SESSION_NAME, Instant, Seconds, UnixTime

CLOCKS_DIFFER: Seconds = 300
"""How far two clocks that are right may be apart: AWS allows as much in a signature."""
_ARN = re.compile(r"[\w+=,.@:/-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """`offset`: what STS's clock showed at our steady clock's zero. `session_token`: what it issued."""

    offset: Seconds
    session_token: str

    def date_at(self, now: Instant) -> UnixTime:
        return self.offset + now


@dataclass(frozen=True, slots=True)
class Clocks:
    """What is known of the time when an answer came. `date`: STS's own; `expected`: what it should be by the last."""

    wall: UnixTime
    date: UnixTime | None
    expected: UnixTime | None = None

    def check(self, claims: Claims) -> None:
        """Raises `StsUnavailable` for an answer that was not written now.

        A wrong clock of the node alone contradicts nothing, nor does one wrong answer before.
        """
        if self.date is None:
            return
        behind = self.date < self.wall - CLOCKS_DIFFER
        if behind and self.expected is not None and self.date < self.expected - CLOCKS_DIFFER:
            raise _implausible(f"an answer that is {min(self.wall, self.expected) - self.date:.0f} s old")
        if behind and self.date < claims.issued_at - CLOCKS_DIFFER:
            raise _implausible("an answer that is older than the token it was given")
        if self.date > max(claims.expires_at, self.wall) + CLOCKS_DIFFER:
            raise _implausible("an answer from after the token's end")

    def check_expiration(self, expiration: UnixTime, duration: Seconds) -> None:
        """Raises `StsUnavailable` for a life that by no clock is the one that was asked for."""
        latest = self.wall if self.date is None else max(self.wall, self.date)
        if expiration > latest + duration + CLOCKS_DIFFER:
            raise _implausible(f"credentials that outlive the {duration:.0f} s that were asked for, by every clock")


def check_assumed_role(assumed_role_arn: str, role_arn: str, *, may_be_absent: bool) -> None:
    """Raises `StsUnavailable` unless this is a session of the role that was asked for.

    `may_be_absent`: other STS servers than AWS's leave it out.
    """
    if not assumed_role_arn:
        if may_be_absent:
            return
        raise _implausible("credentials without the role they are for")
    session = assumed_role_arn.rpartition("/")[2]
    formed = (
        len(assumed_role_arn) <= LONGEST_ARN and _ARN.fullmatch(assumed_role_arn) and SESSION_NAME.fullmatch(session)
    )
    if not (formed and RoleArn.parse_any(role_arn).has_session(assumed_role_arn)):
        raise _implausible("credentials of another role than the one that was asked for")


def check_new(session_token: str, last: LastAnswer | None) -> None:
    """Raises `StsUnavailable` for what was issued before: STS never issues the same session twice."""
    if last is not None and session_token == last.session_token:
        raise _implausible("the same credentials as before")


def _implausible(what: str) -> StsUnavailable:
    return StsUnavailable(
        f"The STS endpoint sent {what}.",
        fix="Something between the sidecar and STS keeps or writes answers: check AWS_ENDPOINT_URL_STS, HTTPS_PROXY, "
        "AWS_CA_BUNDLE and the node's clock.",
    )
