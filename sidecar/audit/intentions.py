"""Who is meant to have a role, and what explain says to it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sidecar.audit.cluster import ROLE_ANNOTATION, Cluster, ClusterServiceAccount, Wish
from sidecar.audit.roles import AuditedRole, likeness
from sidecar.audit.tokens import Asked, Asker
from sidecar.core.arns import RoleArn
from sidecar.core.findings import Finding, Level, error, info
from sidecar.explain import Verdict


@dataclass(frozen=True, slots=True)
class Intended:
    """An intention and its answer: `can` is None where a file is missing to tell; `reasons` say why not."""

    cluster: Cluster
    account: ClusterServiceAccount
    role_arn: str
    told_by: str
    can: bool | None
    depends_on: tuple[str, ...] = ()
    reasons: tuple[Finding, ...] = ()

    @property
    def level(self) -> Level:
        if self.can:
            return Level.PASSED
        return Level.SKIPPED if self.can is None else Level.ERROR


@dataclass(frozen=True, slots=True)
class Intention:
    """A service account, and one role that it is meant to have."""

    cluster: Cluster
    account: ClusterServiceAccount
    wish: Wish

    @property
    def likeness(self) -> tuple[str, str]:
        return likeness(self.wish.role_arn)

    def met_by(self, role: AuditedRole, ask: Asker) -> Intended:
        """Explain's answer for the tokens that the account has: one that gets in is enough."""
        asked = [
            Asked(role, self.cluster, self.account, audience, self.wish.role_arn) for audience in self.wish.audiences
        ]
        for question in asked:
            judged = ask.judge(question)
            if judged.verdict is Verdict.ALLOW:
                return self._answered(can=True, depends_on=judged.depends_on)
        told = ask.explain(asked[0]).findings
        return self._answered(can=False, reasons=tuple(found for found in told if found.level is Level.ERROR))

    def without_role(self, accounts: Collection[str]) -> Intended:
        """There is no such role, or its account is in none of the files."""
        try:
            account = RoleArn.parse(self.wish.role_arn).account
        except ValueError as problem:
            return self._answered(can=False, reasons=(self._not_an_arn(problem),))
        if account not in accounts:
            return self._answered(can=None, reasons=(_account_not_given(account),))
        return self._answered(can=False, reasons=(self._no_such_role(account),))

    def _answered(
        self, *, can: bool | None, depends_on: tuple[str, ...] = (), reasons: tuple[Finding, ...] = ()
    ) -> Intended:
        return Intended(self.cluster, self.account, self.wish.role_arn, self.wish.told_by, can, depends_on, reasons)

    def _not_an_arn(self, problem: ValueError) -> Finding:
        return error("not-a-role-arn", f"{self.wish.role_arn!r} {problem}.", self._annotate())

    def _no_such_role(self, account: str) -> Finding:
        return error(
            "no-such-role",
            f"Account {account} has no role {self.wish.role_arn}; STS says the same as for a refusal.",
            f"Create the role, or name another one: {self._annotate()}",
        )

    def _annotate(self) -> str:
        account = self.account
        return (
            f"`kubectl annotate serviceaccount -n {account.namespace} {account.name} --overwrite "
            f"{ROLE_ANNOTATION}=<role ARN>`, and restart its pods."
        )


def _account_not_given(account: str) -> Finding:
    return info(
        "account-not-given",
        f"No --account file has roles of account {account}, so nothing is known of this one.",
        f"`aws iam get-account-authorization-details --filter Role`, with credentials of account {account}, prints it.",
    )


def meant_by(cluster: Cluster) -> Iterator[Intention]:
    """By annotation, or by a pod's AWS_ROLE_ARN."""
    return (Intention(cluster, account, wish) for account in cluster.accounts for wish in account.wishes)
