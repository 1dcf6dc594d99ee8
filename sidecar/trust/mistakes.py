"""The texts of mistakes that both the lint (policy only) and `explain` (policy and token) report."""

from dataclasses import dataclass

from sidecar.core.findings import Finding, Where, error
from sidecar.trust.context import ASSUME_ROLE_WITH_WEB_IDENTITY
from sidecar.trust.document import Statement

SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class IntendedCaller:
    """Whom a role is for, as far as that is known: the fixes name it."""

    provider_arn: str = "arn:aws:iam::<account>:oidc-provider/<issuer without https://>"
    subject: str = f"{SERVICE_ACCOUNT}<namespace>:<service account>"

    @property
    def principal(self) -> str:
        """As the policy has to write it."""
        return f'"Principal": {{"Federated": "{self.provider_arn}"}}'


def at(statement: Statement, *rest: str) -> Where:
    """The place of a part of a statement."""
    return ("Statement", statement.index, *rest)


def action_not_web_identity(statement: Statement) -> Finding:
    covered = "all but " if statement.except_actions else ""
    return error(
        "action-not-web-identity",
        f"The action is {covered}{', '.join(statement.actions)}, which lacks {ASSUME_ROLE_WITH_WEB_IDENTITY}.",
        f'Write "Action": "{ASSUME_ROLE_WITH_WEB_IDENTITY}".',
        at(statement, "Action"),
    )


def principal_not_federated(statement: Statement, intended: IntendedCaller) -> Finding:
    names = ", ".join(map(str, statement.principals))
    return error(
        "principal-not-federated",
        f"The principal is {names}; a service account's token never matches it.",
        f"Write {intended.principal}.",
        at(statement, "Principal"),
    )


def subject_shape(key: str, value: str, intended: IntendedCaller, where: Where) -> Finding:
    return error(
        "subject-shape",
        f"{key} is compared with `{value}`, but a cluster never issues such a sub.",
        f'Write "{intended.subject}".',
        where,
    )


def key_never_carried(key: str, meant: str, where: Where) -> Finding:
    """`meant`: the key that was probably meant, "" if none comes near."""
    return error(
        "key-never-carried",
        f"{key} is in no call of AssumeRoleWithWebIdentity, which is unsigned and has no principal, no MFA and no "
        "calling service: the statement never applies.",
        f"Write {meant} instead." if meant else "Remove the condition; aud and sub say who may call.",
        where,
    )


def service_account(subject: str) -> tuple[str, str] | None:
    """Namespace and name in a cluster's `sub`, None if it is no service account's."""
    namespace, colon, name = subject.removeprefix(SERVICE_ACCOUNT).partition(":")
    if not subject.startswith(SERVICE_ACCOUNT) or not colon or not namespace or not name or ":" in name:
        return None
    return namespace, name
