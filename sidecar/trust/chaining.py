"""Does IAM let one role's session assume another role? Both sides are asked, for each action that the call needs. Pure.

Sources: AWS STS API reference, AssumeRole ("a user in the same account … add the user as a principal directly"); IAM
User Guide, "Cross-account policy evaluation logic", "Pass session tags in AWS STS" and "Monitor and control actions
taken with assumed roles".
"""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sidecar.trust.context import RequestContext, for_action
from sidecar.trust.document import TrustPolicy
from sidecar.trust.elements import Effect
from sidecar.trust.evaluate import Evaluation, evaluate
from sidecar.trust.identity import IdentityEvaluation, evaluate_identity
from sidecar.trust.identity_document import IdentityPolicy


class Side(enum.Enum):
    """Whose policy refuses."""

    TRUST = "the target's trust policy"
    IDENTITY = "the base role's policies"
    SESSION = "the base session's policy"


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the calling session may do: the policies of its role, and the one that was passed with the session."""

    policies: tuple[IdentityPolicy, ...] = ()
    session_policy: IdentityPolicy | None = None


@dataclass(frozen=True, slots=True)
class ActionEvaluation:
    """One action as both sides answer it. `direct`: the trust policy itself grants it, to the role or the session."""

    action: str
    trust: Evaluation
    identity: IdentityEvaluation
    session: IdentityEvaluation | None
    direct: bool

    @property
    def refused_by(self) -> Side | None:
        """The side to look at first; None where both allow it."""
        if not self.trust.allowed:
            return Side.TRUST
        if self.identity.denied or not (self.direct or self.identity.allowed):
            return Side.IDENTITY
        if self.session is not None and not self.session.allowed:
            return Side.SESSION
        return None

    @property
    def reason(self) -> str:
        """One sentence for a person."""
        match self.refused_by:
            case Side.IDENTITY:
                return f"{Side.IDENTITY.value}: {self.identity.reason}"
            case Side.SESSION if self.session is not None:
                return f"{Side.SESSION.value}: {self.session.reason}"
            case _:
                return f"{Side.TRUST.value}: {self.trust.reason}"


@dataclass(frozen=True, slots=True)
class ChainEvaluation:
    """One link: every action that the call needs, sts:AssumeRole first."""

    actions: tuple[ActionEvaluation, ...]

    @property
    def allowed(self) -> bool:
        return self.refused is None

    @property
    def refused(self) -> ActionEvaluation | None:
        """The first action that is refused: the one that STS names."""
        return next((each for each in self.actions if each.refused_by is not None), None)


def evaluate_chain(
    target_arn: str,
    target: TrustPolicy,
    caller: Permissions,
    request: RequestContext,
    actions: Sequence[str],
) -> ChainEvaluation:
    """`request`: as `context.role_session` makes it. `actions`: as `context.chained_actions` names them."""
    return ChainEvaluation(tuple(_evaluate(target_arn, target, caller, for_action(request, each)) for each in actions))


def _evaluate(target_arn: str, target: TrustPolicy, caller: Permissions, request: RequestContext) -> ActionEvaluation:
    trust = evaluate(target, request)
    session = caller.session_policy
    return ActionEvaluation(
        action=request.action,
        trust=trust,
        identity=evaluate_identity(caller.policies, request, target_arn),
        session=None if session is None else evaluate_identity((session,), request, target_arn),
        direct=_same_account(target_arn, request) and any(_named(trust, request)),
    )


def _named(trust: Evaluation, request: RequestContext) -> Iterator[bool]:
    """Whether each Allow that applies names the role or its session itself, rather than the account or everyone."""
    role_and_session = request.principals[:2]
    for result in trust.statements:
        if result.applies and result.statement.effect is Effect.ALLOW:
            yield any(principal.name in role_and_session for principal in result.statement.principals)


def _same_account(target_arn: str, request: RequestContext) -> bool:
    return target_arn.split(":")[4:5] == [*request.keys.get("aws:principalaccount", ())]
