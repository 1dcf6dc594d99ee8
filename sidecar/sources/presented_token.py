"""The token that a source presents: whether it may still be sent, by what the server's answers taught of its clock."""

from math import inf

from sidecar.core.errors import TokenExpired
from sidecar.core.model import Instant, Seconds, Token, UnixTime
from sidecar.core.ports import Clock


class PresentedToken:
    """What was presented last, and what the server's clock showed then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._judged: Token | None = None
        """The last token that the server answered about."""
        self._server_clock: UnixTime | None = None
        """What its clock showed when our steady clock began, by its last answer."""
        self._identity: tuple[str, str, tuple[str, ...]] | None = None
        """Whom the last credentials were issued to."""

    def check(self, token: Token) -> None:
        """Raises `TokenExpired` for a token that nobody need be asked about."""
        if token == self._judged and (overdue := self._earliest_time() - token.claims.expires_at) >= 0:
            raise _expired(overdue)

    def learn(self, token: Token, server_time: UnixTime | None, at: Instant) -> None:
        """The server has answered about `token`, and its clock showed this."""
        if server_time is not None:
            self._judged, self._server_clock = token, server_time - at

    def issued_to(self, token: Token) -> None:
        """Credentials were issued for `token`."""
        self._identity = token.claims.identity

    def is_same_identity(self, token: Token | None) -> bool:
        """Does the token speak for whom the last one did that was taken? A rotation is nothing more than that."""
        return token is not None and token.claims.identity == self._identity

    def _earliest_time(self) -> UnixTime:
        """What the slower of two clocks shows: the node's, and the server's, by its last answer.

        Either may be wrong, and both. A token that both call expired is not sent, once the server has seen it: to
        withhold a good one would be the worse mistake, for nothing would ever correct the clocks, while the server
        refuses a bad one.
        """
        if self._server_clock is None:
            return -inf
        return min(self._clock.wall(), self._clock.now() + self._server_clock)


def _expired(overdue: Seconds) -> TokenExpired:
    return TokenExpired(
        f"The projected token expired {overdue:.0f} s ago and has not been replaced.",
        fix="Check that the kubelet on this node is healthy, that the node's clock is right, and that the volume "
        "is a projected serviceAccountToken, not mounted with subPath (such a mount never receives a rotated token).",
    )
