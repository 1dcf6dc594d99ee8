"""Why a statement's principal is not the token's provider: how the names differ, by the likeliest slip."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sidecar.core.findings import Finding, Level, Where, error
from sidecar.explain.issuer_names import issuer_slip
from sidecar.explain.question import Case
from sidecar.explain.slips import placeholder_in, plain, slip_in
from sidecar.trust import Statement
from sidecar.trust.mistakes import principal_not_federated

_LOOSE_ARN = re.compile(r"arn:(?P<partition>[^:]*):iam::(?P<account>[^:]*):oidc-provider/(?P<name>.*)", re.DOTALL)
_LINTED = frozenset(
    {"pod-identity-principal", "principal-not-federated", "scheme-in-provider-arn", "not-an-oidc-provider"}
)
Told = tuple[str, str]
"""A code and a clause."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """A Federated principal as written, taken apart as far as it can be."""

    written: str
    partition: str = ""
    account: str = ""
    name: str = ""


def principal_mistakes(case: Case, statement: Statement, where: Where) -> list[Finding]:
    """What the lint says of the principal; what it only mentions is an error for this token."""
    if statement.except_principals:
        fix = f"Write {case.intended.principal}."
        return [error("not-principal", "NotPrincipal names the token's own provider.", fix, where)]
    linted = [found for found in case.linted if found.where == where and found.code in _LINTED]
    return [replace(found, level=Level.ERROR) for found in linted] or [_other_principal(case, statement, where)]


def _other_principal(case: Case, statement: Statement, where: Where) -> Finding:
    names = [principal.name for principal in statement.principals if principal.kind == "Federated"]
    if not names:
        return principal_not_federated(statement, case.intended)
    found = [told for name in names for told in _differences(case, _taken_apart(name))]
    code, clause = min(found, key=lambda told: told[0] == "other-issuer")
    fix = f'Write "Federated": "{case.provider_arn}".'
    return error(code, f"The principal is {', '.join(f'Federated {name}' for name in names)}; {clause}.", fix, where)


def _taken_apart(name: str) -> Trusted:
    found = _LOOSE_ARN.fullmatch(plain(name))
    return Trusted(name, **found.groupdict()) if found else Trusted(name)


def _differences(case: Case, trusted: Trusted) -> Iterator[Told]:
    for recognise in _KNOWN:
        if told := recognise(case, trusted):
            yield told
            return
    yield "other-issuer", f"the token comes from another cluster: {case.token.issuer_name}"


def _template(_: Case, trusted: Trusted) -> Told | None:
    found = placeholder_in(trusted.written)
    return ("placeholder-in-principal", f"{found} was never filled in") if found else None


def _letters(case: Case, trusted: Trusted) -> Told | None:
    slip = slip_in(trusted.written, case.provider_arn)
    return (slip.code, slip.clause) if slip and plain(trusted.written) == case.provider_arn else None


def _no_arn(case: Case, trusted: Trusted) -> Told | None:
    if trusted.name or trusted.written.startswith("arn:"):
        return None
    return "principal-not-an-arn", f"IAM wants the ARN of the provider, {case.provider_arn}"


def _built_in(case: Case, trusted: Trusted) -> Told | None:
    if not case.is_built_in or trusted.name != case.token.issuer_name:
        return None
    return "built-in-principal", f"AWS knows {trusted.name} itself, and policies mean it by that name, not by an ARN"


def _misplaced(case: Case, trusted: Trusted) -> Told | None:
    """The right issuer in another place."""
    if trusted.name != case.token.issuer_name or not case.place.account.isdigit():
        return None
    if not re.fullmatch(r"\d{12}", trusted.account, re.ASCII):
        return "account-misspelt", f"{trusted.account or 'nothing'} is not an account of 12 digits"
    if trusted.account == case.place.account:
        return "partition-differs", f"the provider is in partition {case.place.partition}"
    return "provider-in-other-account", f"the role and its provider are in account {case.place.account}"


def _issuer(case: Case, trusted: Trusted) -> Told | None:
    return issuer_slip(trusted.name, case.token.issuer_name) if trusted.name else None


_KNOWN: tuple[Callable[[Case, Trusted], Told | None], ...] = (
    _template,
    _letters,
    _no_arn,
    _built_in,
    _misplaced,
    _issuer,
)
