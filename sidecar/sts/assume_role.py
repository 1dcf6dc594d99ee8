"""AssumeRole with the credentials of another role: one signed form, one answer, every failure named."""

from dataclasses import dataclass
from urllib.parse import urlencode

from sidecar.core.claims import Claims
from sidecar.core.model import Credentials, Instant, UnixTime
from sidecar.core.ports import Clock
from sidecar.core.session_request import ChainedSessionRequest
from sidecar.sts.exchange import API_VERSION, OK, SkewObserver, clock_skew, no_observer
from sidecar.sts.issued import AskedOfSts, IssuedSessions
from sidecar.sts.plausibility import Presented
from sidecar.sts.post import SentForm, StsPost
from sidecar.sts.refusal import chain_failure_of
from sidecar.sts.refused_chain import RefusedChain
from sidecar.sts.request_signature import signed
from sidecar.sts.route import Route
from sidecar.sts.session_fields import chained_fields
from sidecar.sts.session_name import session_name_for

ACTION = "AssumeRole"


@dataclass(frozen=True, slots=True)
class ChainedCall:
    """Where to ask and for what. `region`: the one that the signature is for."""

    route: Route
    region: str
    role_arn: str
    session: ChainedSessionRequest


@dataclass(frozen=True, slots=True)
class Base:
    """Who asks: the newest credentials of the base role, and the claims of the token behind it, if there is one."""

    credentials: Credentials
    claims: Claims

    @property
    def session_name(self) -> str:
        """The name of the session that asks, which is the pod's in the whole chain."""
        if self.claims.pod or self.claims.subject:
            return session_name_for(self.claims)
        return self.credentials.assumed_role_arn.rpartition("/")[2] or session_name_for(self.claims)

    @property
    def presented(self) -> Presented:
        life = self.credentials.lifetime
        return Presented("credentials", self.credentials.expiration - life, self.credentials.expiration)


class AssumeRole:
    """Asks for one role. What STS's clock showed last is remembered, so that a node with a wrong clock can sign too."""

    def __init__(
        self, post: StsPost, call: ChainedCall, clock: Clock, observe_skew: SkewObserver = no_observer
    ) -> None:
        self._post = post
        self._call = call
        self._clock = clock
        self._observe_skew = observe_skew
        self._issued = IssuedSessions()
        self._sts_clock: UnixTime | None = None
        """What STS's clock showed when our steady clock began, by its last answer to us."""

    async def __call__(self, base: Base) -> Credentials:
        """Raises `ExchangeFailed`, and `ClaimMissing` for a tag that cannot be filled in."""
        asked = self._asked(base)
        answer = await self._post(self._form(base, asked.at), self._call.route)
        if answer.date is not None:
            self._observe_skew(clock_skew(answer.date, asked.at_wall, self._clock.wall()))
            self._sts_clock = answer.date - asked.at
        if answer.status == OK:
            return self._issued.take(answer, asked)
        now = asked.at_wall if answer.date is None else answer.date
        raise chain_failure_of(answer, self._refused(base), now)

    def _asked(self, base: Base) -> AskedOfSts:
        call, now, wall = self._call, self._clock.now(), self._clock.wall()
        return AskedOfSts(ACTION, call.role_arn, call.session.duration, call.route.endpoint, base.presented, now, wall)

    def _refused(self, base: Base) -> RefusedChain:
        asking, has_external_id = base.credentials, self._call.session.external_id is not None
        role = self._call.role_arn
        return RefusedChain(asking.assumed_role_arn, asking.role_arn, role, has_external_id, asking.expiration)

    def _form(self, base: Base, now: Instant) -> SentForm:
        call = self._call
        fields = {
            "Action": ACTION,
            "Version": API_VERSION,
            "RoleArn": call.role_arn,
            "RoleSessionName": call.session.name or base.session_name,
            "DurationSeconds": str(call.session.duration),
        }
        fields |= chained_fields(call.session, base.claims)
        body, at = urlencode(fields).encode(), self._sts_time(base.credentials, now)
        return signed(body, call.route.endpoint, base.credentials, region=call.region, at=at)

    def _sts_time(self, credentials: Credentials, now: Instant) -> UnixTime:
        """STS's clock by its last answer to us, or to the base role; the node's where neither told."""
        if self._sts_clock is not None:
            return self._sts_clock + now
        if credentials.sts_time is not None:
            return credentials.sts_time + now - credentials.issued_at
        return self._clock.wall()
