"""One link of a chain: would STS let the base role's session assume the target, and if not, who refuses. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from sidecar.core.arns import RoleArn
from sidecar.core.claims import Claims
from sidecar.core.errors import ClaimMissing
from sidecar.core.findings import Finding, Level, error, info, warning
from sidecar.core.session_request import ChainedSessionRequest
from sidecar.explain.account_roles import AccountRole
from sidecar.explain.chain_mistakes import refusal
from sidecar.explain.explanation import Explanation, named
from sidecar.explain.judgement import ACCESS_DENIED, MALFORMED_POLICY, Verdict
from sidecar.sts.session_name import session_name_for
from sidecar.sts.tag_placeholders import filled
from sidecar.trust import (
    ChainEvaluation,
    MalformedPolicy,
    Permissions,
    SessionTags,
    chained_actions,
    evaluate_chain,
    parse,
    parse_identity,
    role_session,
)


@dataclass(frozen=True, slots=True)
class ChainSession:
    """Who asks: a session of the base role, with what it brings along."""

    role_arn: RoleArn
    name: str
    tags: SessionTags = SessionTags()  # noqa: RUF009 (frozen)
    source_identity: str = ""
    policy: str | None = None
    """Its session policy."""

    @property
    def arn(self) -> str:
        role = self.role_arn
        return f"arn:{role.partition}:sts::{role.account}:assumed-role/{role.name}/{self.name}"


@dataclass(frozen=True)
class ChainLink:
    """`base` and `target`: what is known of the two roles, None for nothing."""

    caller: ChainSession
    base: AccountRole | None
    target_arn: RoleArn
    target: AccountRole | None
    asked: ChainedSessionRequest
    claims: Claims

    @cached_property
    def sent(self) -> SessionTags:
        """Raises `ClaimMissing`."""
        tags = {key: filled(value, key, self.claims) for key, value in self.asked.tags}
        return SessionTags(tags, self.asked.transitive_tags)

    @property
    def source_identity(self) -> str:
        return self.caller.source_identity or self.asked.source_identity or ""

    @property
    def session(self) -> ChainSession:
        """What the next link has to do with. Raises `ClaimMissing`."""
        inherited = self.caller.tags
        going_on = {key: value for key, value in inherited.values.items() if key in inherited.transitive}
        tags = SessionTags(going_on | dict(self.sent.values), (*inherited.transitive, *self.sent.transitive))
        name = self.asked.name or session_name_for(self.claims)
        return ChainSession(self.target_arn, name, tags, self.source_identity, self.asked.policy)


def explain_link(link: ChainLink) -> Explanation:
    """The verdict, and everything that there is to say of this link."""
    try:
        evaluated = _evaluate(link)
    except ClaimMissing as problem:
        return Explanation(Verdict.INVALID_TOKEN, "", (error("claim-missing-for-tag", problem.cause, problem.fix),))
    except MalformedPolicy as problem:
        found = error("malformed-policy", problem.cause, problem.fix, problem.where)
        return Explanation(Verdict.INVALID_POLICY, MALFORMED_POLICY, (found,))
    policy = parse(link.target.trust_policy) if link.target else None
    told = (*_refusals(link, evaluated), *_collisions(link), *_unseen(link))
    findings = tuple(dict.fromkeys(named(found, policy) for found in told))  # actions share their conditions
    if any(found.level is Level.ERROR for found in findings):
        return Explanation(Verdict.DENY, ACCESS_DENIED, findings)
    return Explanation(Verdict.ALLOW, "", (info("allowed-by", _allowed(link, evaluated)), *findings))


def _evaluate(link: ChainLink) -> ChainEvaluation:
    """With what is not known taken for right. Raises `ClaimMissing` and `MalformedPolicy`."""
    caller, asked = link.caller, link.asked
    request = role_session(
        str(caller.role_arn),
        caller.arn,
        session_name=link.session.name,
        external_id=asked.external_id or "",
        sent=link.sent,
        inherited=caller.tags,
        source_identity=link.source_identity,
    )
    policies = tuple(parse_identity(text, name) for name, text in _policies(link))
    session_policy = parse_identity(caller.policy, "the session policy") if caller.policy else None
    actions = chained_actions(link.sent, caller.tags, link.source_identity)
    trust = parse(link.target.trust_policy if link.target else _OPEN)
    return evaluate_chain(str(link.target_arn), trust, Permissions(policies, session_policy), request, actions)


_OPEN = '{"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:*"}}'
_ALL = '{"Statement": {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}}'


def _policies(link: ChainLink) -> Iterator[tuple[str, str]]:
    if link.base is None or link.base.policies is None:
        yield "", _ALL
        return
    yield from link.base.policies
    if link.base.unseen:
        yield "", _ALL  # any of them may allow it


def _refusals(link: ChainLink, evaluated: ChainEvaluation) -> Iterator[Finding]:
    for action in evaluated.actions:
        if action.refused_by is not None:
            yield from refusal(action, str(link.caller.role_arn), str(link.target_arn))


def _collisions(link: ChainLink) -> Iterator[Finding]:
    """What STS refuses of tags and identity, whatever the policies say."""
    kept = {key.casefold() for key in link.caller.tags.transitive}
    for key in link.sent.values:
        if key.casefold() in kept:
            yield error(
                "transitive-tag-set-again",
                f"The tag {key} comes from the base role's session as a transitive tag, and cannot be set again.",
                f"Take {key} out of this profile's sidecar_tags, or out of the base's sidecar_transitive_tags.",
            )
    own = link.asked.source_identity
    if own and link.caller.source_identity not in ("", own):
        yield error(
            "source-identity-set-again",
            f"The chain has the source identity {link.caller.source_identity} already, and cannot change it to {own}.",
            "Take sidecar_source_identity out of this profile: the first one stays.",
        )


def _unseen(link: ChainLink) -> Iterator[Finding]:
    if link.target is None:
        yield warning(
            "target-unseen",
            f"No file has {link.target_arn}: its trust policy is taken for right.",
            "Ask its owner for the output of `aws iam get-role`, and give it as --account.",
        )
    if link.base is None or link.base.policies is None:
        yield warning(
            "base-policies-unseen",
            f"No file has the policies of {link.caller.role_arn}: what it may do is taken for right.",
            "Give the output of `aws iam get-account-authorization-details` of its account as --account.",
        )
    elif link.base.unseen:
        yield warning(
            "base-policies-unseen",
            f"Of {link.caller.role_arn} the file does not have {', '.join(link.base.unseen)}: taken for right.",
            "Call get-account-authorization-details without --filter, so that it prints managed policies too.",
        )


def _allowed(link: ChainLink, evaluated: ChainEvaluation) -> str:
    first = evaluated.actions[0]
    trust = "the trust policy, not seen, is taken for right." if link.target is None else first.trust.reason
    direct = all(action.direct for action in evaluated.actions)
    side = "no policy of its own is needed within the account." if direct else first.identity.reason
    actions = ", ".join(action.action for action in evaluated.actions)
    return f"{link.caller.role_arn} may assume {link.target_arn} ({actions}). Target: {trust} Base: {side}"
