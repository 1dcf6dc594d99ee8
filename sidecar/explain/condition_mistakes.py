"""Why one condition does not hold: what the lint says of it, else the first mistake that only the token shows."""

from collections.abc import Callable

from sidecar.core import audiences
from sidecar.core.findings import Finding
from sidecar.explain.failed_condition import FailedCondition
from sidecar.explain.jwt_parts import shown
from sidecar.explain.key_mistakes import key_mistakes
from sidecar.explain.nearest import difference
from sidecar.explain.slips import placeholder_in, plain, slip_in
from sidecar.explain.token_mistakes import wrong_file
from sidecar.trust.context import CLAIM_KEYS
from sidecar.trust.mistakes import service_account, subject_shape
from sidecar.trust.patterns import expand, glob, has_wildcard
from sidecar.trust.variables import variables_in

__all__ = ["FailedCondition", "condition_mistakes"]

_SWAPPED = frozenset({"subject-under-aud", "audience-under-sub"})
_WILDCARD = frozenset({"wildcard-under-equals"})


def condition_mistakes(miss: FailedCondition) -> list[Finding]:
    """The key first, then the values: the lint is asked before the token."""
    if of_key := key_mistakes(miss):
        return of_key
    if miss.negated:
        return [_by_token(miss)]
    return (
        _swapped(miss) or _unfilled(miss) or _letters(miss) or _wildcards(miss) or _misshapen(miss) or [_by_token(miss)]
    )


def _swapped(miss: FailedCondition) -> list[Finding]:
    """Each of aud and sub may want what the other has."""
    if linted := miss.linted(_SWAPPED):
        return linted
    other = {"aud": "sub", "sub": "aud"}.get(miss.claim, "")
    token = miss.case.token
    value = {"sub": token.subject, "aud": token.audience}.get(other, "")
    if not value or value == miss.actual or plain(miss.near) != value:
        return []
    code = "subject-under-aud" if miss.claim == "aud" else "audience-under-sub"
    where = f'Put it under "{miss.case.key(other)}".'
    return [miss.found(code, f"{miss.key} expects `{miss.near}`, which is the token's {other}.", where)]


def _unfilled(miss: FailedCondition) -> list[Finding]:
    """A template's placeholder, or a policy variable that this request gives no value."""
    found = placeholder_in(miss.near)
    if not found or not miss.actual:
        return []
    names = list(variables_in(miss.near))
    if names and all(":" in name for name in names):
        return _variables(miss, names)
    message = f"{miss.key} expects `{miss.near}`: {found} was never filled in."
    return [miss.found("placeholder-in-value", message, _write(miss))]


def _variables(miss: FailedCondition, names: list[str]) -> list[Finding]:
    """Of an old version they are plain text; one that has a value is compared as any other text."""
    if not miss.case.policy.has_variables:
        return [found for found in miss.case.linted if found.code == "variables-need-version"]
    keys = miss.case.request.keys
    if expand(miss.near, keys) is not None:
        return []
    absent = ", ".join(name for name in names if len(keys.get(name.casefold(), ())) != 1)
    message = f"{miss.key} expects `{miss.near}`; the call has no {absent}, so the condition never holds."
    return [miss.found("variable-without-value", message, _write(miss))]


def _letters(miss: FailedCondition) -> list[Finding]:
    """Characters that no sub and no aud of this issuer has."""
    if miss.claim not in CLAIM_KEYS or not miss.actual:
        return []
    slip = slip_in(miss.near, miss.actual)
    if slip is None:
        return []
    return [miss.found(slip.code, f"{miss.key} expects `{miss.near}`: {slip.clause}.", _write(miss))]


def _write(miss: FailedCondition) -> str:
    return f'Write "{miss.key}": "{shown(miss.actual)}".'


def _wildcards(miss: FailedCondition) -> list[Finding]:
    """A pattern that would not match the token as a pattern either is two mistakes."""
    found = miss.linted(_WILDCARD)
    would_match = any(glob(value, miss.actual) for value in miss.condition.wanted)
    return found if would_match or not found else [*found, _by_token(miss)]


def _misshapen(miss: FailedCondition) -> list[Finding]:
    """Where the value that comes closest is one that no cluster writes. Whether the issuer is one, the token tells."""
    if (
        miss.claim != "sub"
        or has_wildcard(miss.near)
        or "${" in miss.near
        or service_account(miss.near.strip())
        or service_account(miss.actual) is None
    ):
        return []
    return miss.linted(frozenset({"subject-shape"})) or [
        subject_shape(miss.key, miss.near, miss.case.intended, miss.where)
    ]


def _by_token(miss: FailedCondition) -> Finding:
    for recognise in _KNOWN:
        if finding := recognise(miss):
            return finding
    code = "condition-fails" if miss.actual else "condition-key-absent"
    return miss.found(code, f"{miss.condition}.", "Correct the condition, or remove it if it is not intended.")


def _excluded(miss: FailedCondition) -> Finding | None:
    if not miss.negated or not miss.actual:
        return None
    return miss.found(
        "condition-excludes",
        f"{miss.condition.operator} {miss.key} excludes {shown(miss.actual)}.",
        "Remove the value from that condition, if this service account should have the role.",
    )


def _audience(miss: FailedCondition) -> Finding | None:
    if miss.claim != "aud" or not miss.actual:
        return None
    have, near, issuer = shown(miss.actual), miss.near, miss.case.token.issuer_name
    remarks = [f"; {name}: {remark}" for name in (near, have) if (remark := audiences.remark(name))]
    ask = "" if audiences.remark(near) else audiences.ask_for(near, issuer)
    is_wrong = any(wrong_file(miss.case.token)) or audiences.remark(miss.actual)
    write = "" if is_wrong and ask else f'Write "{miss.key}": "{have}"'
    fix = ", or ".join(filter(None, (write, ask)))
    return miss.found(
        "audience-differs",
        f"{miss.key}: `{have}` ≠ `{near}`{''.join(remarks)}{_only_case(miss)}.",
        f"{fix[:1].upper()}{fix[1:]}.",
    )


def _only_case(miss: FailedCondition) -> str:
    same = (
        glob(miss.near.casefold(), miss.actual.casefold())
        if miss.takes_patterns
        else (miss.near.casefold() == miss.actual.casefold())
    )
    return "; only the case differs, and IAM compares case-sensitively" if same else ""


def _subject(miss: FailedCondition) -> Finding | None:
    if miss.claim != "sub" or not miss.actual:
        return None
    have, near, count = shown(miss.actual), miss.near, len(miss.condition.wanted)
    compared = f"{miss.key}: `{have}` ≠ `{near}`" + (f" (the nearest of {count})" if count > 1 else "")
    clause = _only_case(miss) or difference(miss.actual, near)
    return miss.found(
        "subject-differs",
        f"{compared}{'; ' if clause else ''}{clause.removeprefix('; ')}.",
        f'Write "{miss.key}": "{have}"{_or_move_the_pod(miss)}.',
    )


def _or_move_the_pod(miss: FailedCondition) -> str:
    account = service_account(miss.near)
    if account is None or has_wildcard(miss.near) or service_account(miss.actual) is None:
        return ""
    return f", or run the pod in namespace {account[0]} with serviceAccountName: {account[1]}"


def _session_name(miss: FailedCondition) -> Finding | None:
    if miss.key.casefold() != "sts:rolesessionname" or not miss.actual:
        return None
    return miss.found(
        "session-name-differs",
        f"{miss.key}: `{shown(miss.actual)}` ≠ `{miss.near}`; the sidecar names its sessions <namespace>.<pod> "
        "unless it is told otherwise.",
        f"Set AWS_ROLE_SESSION_NAME to a name that {miss.near} allows, or correct the condition.",
    )


_KNOWN: tuple[Callable[[FailedCondition], Finding | None], ...] = (_excluded, _audience, _subject, _session_name)
