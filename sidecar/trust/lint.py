"""Mistakes that are visible in the policy without a token.

Every rule is a function from the policy, a statement or a condition to findings; `lint` runs them all. They are the
mistakes that people report. Those of single conditions are in `lint_conditions`.
"""

from collections.abc import Callable, Iterator

from sidecar.core import audiences
from sidecar.core.findings import Finding, error, info, warning
from sidecar.trust import mistakes
from sidecar.trust.context import ASSUME_ROLE_WITH_WEB_IDENTITY
from sidecar.trust.document import Statement, TrustPolicy
from sidecar.trust.elements import VERSIONS, Condition, Effect
from sidecar.trust.lint_conditions import CONDITION_RULES, claim_key, is_open_door, restricts, subject_shapes
from sidecar.trust.mistakes import IntendedCaller, at
from sidecar.trust.patterns import glob
from sidecar.trust.shared_issuers import OWN_AUDIENCES, sure_claims
from sidecar.trust.subjects import example_subject, trusts_shared_issuer, who_gets_in

ANYBODY = IntendedCaller()
SIZE_QUOTA = 2048
"""Characters without white space: IAM's default for a trust policy (quota ACLSizePerRole)."""
SIZE_QUOTA_RAISED = 4096
"""The most to which AWS raises that quota on request."""


def lint(policy: TrustPolicy, intended: IntendedCaller = ANYBODY) -> tuple[Finding, ...]:
    """All findings, in the order of the document; those about the whole policy first. The fixes name `intended`."""
    found = list(_size(policy)) + list(_variables(policy))
    for statement in policy.statements:
        for rule in _STATEMENT_RULES:
            found += rule(statement)
        for advising_rule in _ADVISING_RULES:
            found += advising_rule(statement, intended)
        for condition in statement.conditions:
            for condition_rule in CONDITION_RULES:
                found += condition_rule(statement, condition)
    return tuple(found)


def _size(policy: TrustPolicy) -> Iterator[Finding]:
    if policy.size > SIZE_QUOTA:
        told = error if policy.size > SIZE_QUOTA_RAISED else warning
        yield told(
            "size-over-quota",
            f"The policy has {policy.size} characters without white space; the default quota is {SIZE_QUOTA}.",
            f"Combine service accounts in one StringLike pattern, ask AWS to raise ACLSizePerRole (at most "
            f"{SIZE_QUOTA_RAISED}), or split the role.",
        )


def _variables(policy: TrustPolicy) -> Iterator[Finding]:
    values = (value for statement in policy.statements for c in statement.conditions for value in c.values)
    if not policy.has_variables and any("${" in value for value in values):
        yield error(
            "variables-need-version",
            f"The policy uses ${{...}}, which version {policy.version} reads as plain text.",
            f'Write "Version": "{VERSIONS[0]}".',
        )


def _action(statement: Statement) -> Iterator[Finding]:
    if _federated(statement) and not statement.except_actions and not _covers_web_identity(statement):
        yield mistakes.action_not_web_identity(statement)


def _principal_kind(statement: Statement, intended: IntendedCaller) -> Iterator[Finding]:
    if statement.effect is Effect.ALLOW and _names_web_identity(statement) and not _federated(statement):
        yield mistakes.principal_not_federated(statement, intended)


def _pod_identity(statement: Statement, intended: IntendedCaller) -> Iterator[Finding]:
    if any(principal.name == audiences.POD_IDENTITY for principal in statement.principals):
        yield info(
            "pod-identity-principal",
            f"{audiences.POD_IDENTITY} is EKS Pod Identity, which does not use web identity tokens.",
            f"For IRSA add a statement with {intended.principal}, or give the pod a Pod Identity association.",
            at(statement, "Principal"),
        )


def _provider_arn(statement: Statement, intended: IntendedCaller) -> Iterator[Finding]:
    for principal in statement.principals:
        if principal.kind != "Federated" or not principal.name.startswith("arn:"):
            continue
        if "://" in principal.name:
            yield error(
                "scheme-in-provider-arn",
                f"The provider ARN {principal.name} contains a URL scheme; no provider has such an ARN.",
                f"Write {principal.name.replace('https://', '').replace('http://', '')}.",
                at(statement, "Principal"),
            )
        elif ":oidc-provider/" not in principal.name:
            yield error(
                "not-an-oidc-provider",
                f"{principal.name} is not the ARN of an OIDC provider.",
                f"Write {intended.provider_arn}.",
                at(statement, "Principal"),
            )


def _open_to_the_cluster(statement: Statement) -> Iterator[Finding]:
    if statement.effect is Effect.DENY or not (_federated(statement) and _covers_web_identity(statement)):
        return
    subject = example_subject(statement)
    if not statement.conditions:
        yield error(
            "no-condition",
            f"No Condition: {who_gets_in(statement)} may assume this role.",
            f'Add a Condition on "<issuer>:sub" with "{subject}", and on "<issuer>:aud".',
            at(statement),
        )
    elif not any(_limits(condition, statement) for condition in statement.conditions):
        yield from _no_subject(statement, subject)
    elif not any(restricts(condition, "aud", statement) for condition in statement.conditions):
        yield info(
            "no-audience-condition",
            "No condition on the token's aud: any audience that the provider lists is accepted.",
            f'Add "<issuer>:aud": "{audiences.STS}" to a StringEquals block.',
            at(statement, "Condition"),
        )


def _no_subject(statement: Statement, subject: str) -> Iterator[Finding]:
    if any(is_open_door(condition, statement) for condition in statement.conditions):
        return  # the open door is named itself
    told = error if trusts_shared_issuer(statement) else warning
    excluding = any(claim_key(found)[1] == "sub" and found.operator.negated for found in statement.conditions)
    limit = "Apart from whom the condition on sub excludes, " if excluding else "No condition on the token's sub: "
    yield told(
        "no-subject-condition",
        f"{limit}{who_gets_in(statement)} may assume this role.",
        f'Add "<issuer>:sub": "{subject}" to a StringEquals block.',
        at(statement, "Condition"),
    )


def _limits(condition: Condition, statement: Statement) -> bool:
    """Whether it keeps out some of the issuer's subjects: by sub, or by a key that says as much."""
    issuer, claim = claim_key(condition)
    if issuer in OWN_AUDIENCES and restricts(condition, "aud", statement):
        return True
    return restricts(condition, "sub", statement) or (
        claim in sure_claims(issuer) and restricts(condition, claim, statement)
    )


def _two_issuers(statement: Statement) -> Iterator[Finding]:
    named = [issuer for condition in statement.conditions if (issuer := claim_key(condition)[0])]
    issuers = sorted({issuer.casefold(): issuer for issuer in named}.values())  # IAM ignores the case of key names
    if len(issuers) > 1:
        yield error(
            "two-issuers",
            f"The conditions name keys of {len(issuers)} issuers ({', '.join(issuers)}); no token has both.",
            "Write one statement for each issuer.",
            at(statement, "Condition"),
        )


def _foreign_issuer(statement: Statement) -> Iterator[Finding]:
    """Key names ignore case, so only the rest of the issuer is compared."""
    trusted = {name for p in statement.principals if (name := p.name.partition(":oidc-provider/")[2])}
    folded = {name.casefold() for name in trusted}
    for condition in statement.conditions:
        issuer = claim_key(condition)[0]
        if not trusted or not issuer or "://" in issuer or issuer.casefold() in folded:
            continue
        slash = issuer.casefold().rstrip("/") in {name.rstrip("/") for name in folded}
        yield error(
            "issuer-differs-from-principal",
            f"The condition key names the issuer {issuer}, the principal {', '.join(sorted(trusted))}"
            + ("; they differ by a trailing slash." if slash else "."),
            "Write the same issuer in both, as the token's iss has it, without https://.",
            at(statement, "Condition", condition.operator.name, condition.key),
        )


def _same_key_twice(statement: Statement) -> Iterator[Finding]:
    positive: dict[str, Condition] = {}
    for condition in statement.conditions:
        if condition.operator.negated or condition.operator.base == "Null":
            continue
        first = positive.setdefault(condition.key.casefold(), condition)
        if first is not condition:
            yield warning(
                "both-must-hold",
                f"{condition.key} is under {first.operator.name} and {condition.operator.name}: both must hold.",
                "For one or the other, list all values under one StringLike, or write two statements.",
                at(statement, "Condition", condition.operator.name, condition.key),
            )


_STATEMENT_RULES: tuple[Callable[[Statement], Iterator[Finding]], ...] = (
    _action,
    _open_to_the_cluster,
    _two_issuers,
    _foreign_issuer,
    _same_key_twice,
)


_ADVISING_RULES: tuple[Callable[[Statement, IntendedCaller], Iterator[Finding]], ...] = (
    _principal_kind,
    _pod_identity,
    _provider_arn,
    subject_shapes,
)
"""Those whose fix names who is meant."""


def _federated(statement: Statement) -> bool:
    return any(principal.kind == "Federated" for principal in statement.principals)


def _covers_web_identity(statement: Statement) -> bool:
    covered = any(glob(action.casefold(), ASSUME_ROLE_WITH_WEB_IDENTITY.casefold()) for action in statement.actions)
    return covered is not statement.except_actions


def _names_web_identity(statement: Statement) -> bool:
    return any(action.casefold() == ASSUME_ROLE_WITH_WEB_IDENTITY.casefold() for action in statement.actions)
