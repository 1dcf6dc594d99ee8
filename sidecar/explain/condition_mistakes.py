"""Why one condition does not hold: what the lint says of it, else the first mistake that only the token shows."""

from collections.abc import Callable
from dataclasses import dataclass

from sidecar.core import audiences
from sidecar.core.findings import Finding, Where, error
from sidecar.explain.jwt_parts import shown
from sidecar.explain.nearest import difference, nearest
from sidecar.explain.question import Case
from sidecar.trust import ConditionResult
from sidecar.trust.mistakes import service_account, subject_shape
from sidecar.trust.patterns import glob, has_wildcard


@dataclass(frozen=True, slots=True)
class FailedCondition:
    """A condition that did not hold for the token."""

    condition: ConditionResult
    where: Where
    case: Case

    def linted(self, codes: frozenset[str]) -> list[Finding]:
        """Those of the lint's findings on this condition."""
        return [found for found in self.case.linted if found.where == self.where and found.code in codes]

    @property
    def negated(self) -> bool:
        return "Not" in self.condition.operator

    @property
    def key(self) -> str:
        return self.condition.key

    @property
    def named_issuer(self) -> str:
        return self.key.rpartition(":")[0]

    @property
    def claim(self) -> str:
        return self.key.rpartition(":")[2].casefold()

    @property
    def actual(self) -> str:
        """What the token has; "" if nothing goes by that key."""
        return next(iter(self.condition.actual), "")

    @property
    def near(self) -> str:
        """The wanted value that comes closest to what the token has."""
        return nearest(self.condition.wanted, self.actual)

    def found(self, code: str, message: str, fix: str) -> Finding:
        return error(code, message, fix, self.where)


def condition_mistakes(miss: FailedCondition) -> list[Finding]:
    """The lint is asked first, about the key and about the values; what it does not know needs the token."""
    if of_key := miss.linted(_KEY_MISTAKES):
        return of_key
    if differs := _issuer_differs(miss):
        return [differs]
    return miss.linted(_SWAPPED) or _wildcards(miss) or _misshapen(miss) or [_by_token(miss)]


_KEY_MISTAKES = frozenset({"scheme-in-condition-key", "claim-is-no-key"})
_SWAPPED = frozenset({"subject-under-aud", "audience-under-sub"})


def _wildcards(miss: FailedCondition) -> list[Finding]:
    """A pattern that would not match the token as a pattern either is two mistakes."""
    found = [] if miss.negated else miss.linted(frozenset({"wildcard-under-equals"}))
    would_match = any(glob(value, miss.actual) for value in miss.condition.wanted)
    return found if would_match or not found else [*found, _by_token(miss)]


def _misshapen(miss: FailedCondition) -> list[Finding]:
    """Where the value that comes closest is one that no cluster writes. Whether the issuer is one, the token tells."""
    if (
        miss.claim != "sub"
        or not miss.actual
        or miss.negated
        or has_wildcard(miss.near)
        or service_account(miss.near.strip())
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


def _issuer_differs(miss: FailedCondition) -> Finding | None:
    named, mine = miss.named_issuer, miss.case.token.issuer_name
    if miss.actual or "." not in named or named.casefold() == mine.casefold():
        return None
    fix = f"Write {mine}:{miss.claim}."
    if named.casefold().rstrip("/") == mine.casefold().rstrip("/"):
        return miss.found(
            "trailing-slash", f"The key {miss.key} and the token's iss, {mine}, differ by a trailing slash.", fix
        )
    return miss.found(
        "other-issuer",
        f"The key {miss.key} belongs to another cluster than the token's: `{mine}` ≠ `{named}`.",
        f"{fix} For two clusters write two statements.",
    )


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
    have, near = shown(miss.actual), miss.near
    remarks = [f"; {name}: {remark}" for name in (near, have) if (remark := audiences.remark(name))]
    other = "" if audiences.remark(near) else f", or project the token with audience {near}"
    return miss.found(
        "audience-differs",
        f"{miss.key}: `{have}` ≠ `{near}`{''.join(remarks)}.",
        f'Write "{miss.key}": "{have}"{other}.',
    )


def _subject(miss: FailedCondition) -> Finding | None:
    if miss.claim != "sub" or not miss.actual:
        return None
    have, near, count = shown(miss.actual), miss.near, len(miss.condition.wanted)
    compared = f"{miss.key}: `{have}` ≠ `{near}`" + (f" (the nearest of {count})" if count > 1 else "")
    clause = difference(miss.actual, near)
    return miss.found(
        "subject-differs",
        f"{compared}{'; ' if clause else ''}{clause}.",
        f'Write "{miss.key}": "{have}"{_or_move_the_pod(near)}.',
    )


def _or_move_the_pod(wanted: str) -> str:
    account = service_account(wanted)
    if account is None or has_wildcard(wanted):
        return ""
    return f", or run the pod in namespace {account[0]} with serviceAccountName: {account[1]}"


_KNOWN: tuple[Callable[[FailedCondition], Finding | None], ...] = (
    _excluded,
    _audience,
    _subject,
)
