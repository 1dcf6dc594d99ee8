"""Why one condition does not hold: the first known mistake that fits, else what was wanted and what is there."""

from collections.abc import Callable
from dataclasses import dataclass

from sidecar.core import audiences
from sidecar.core.findings import Finding, Where, error
from sidecar.explain.jwt_parts import shown
from sidecar.explain.nearest import difference, nearest, service_account
from sidecar.trust import ConditionResult
from sidecar.trust.context import CLAIM_KEYS
from sidecar.trust.lint_conditions import SERVICE_ACCOUNT
from sidecar.trust.patterns import glob, has_wildcard


@dataclass(frozen=True, slots=True)
class Miss:
    """A condition that did not hold, for a token of this issuer (as keys spell it)."""

    condition: ConditionResult
    where: Where
    issuer: str

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

    def wants(self, prefix: str) -> str:
        """The first wanted value that begins so, or ""."""
        return next((value for value in self.condition.wanted if value.startswith(prefix)), "")

    def found(self, code: str, message: str, fix: str) -> Finding:
        return error(code, message, fix, self.where)


def condition_mistake(miss: Miss) -> Finding:
    for recognise in _KNOWN:
        if finding := recognise(miss):
            return finding
    code = "condition-fails" if miss.actual else "condition-key-absent"
    return miss.found(code, f"{miss.condition}.", "Correct the condition, or remove it if it is not meant.")


# --- the key ---------------------------------------------------------------------------------------------------


def _scheme(miss: Miss) -> Finding | None:
    if "://" not in miss.key:
        return None
    return miss.found(
        "scheme-in-condition-key",
        f"The condition key {miss.key} holds a scheme; IAM refuses it, or never finds such a key.",
        f"Write {miss.key.partition('://')[2]}.",
    )


def _custom_claim(miss: Miss) -> Finding | None:
    if "kubernetes.io" not in miss.key and (miss.claim in CLAIM_KEYS or "." not in miss.named_issuer):
        return None
    return miss.found(
        "claim-is-no-key",
        f"{miss.key} is not a condition key: of a token's claims IAM keeps {', '.join(CLAIM_KEYS)} alone.",
        "Namespace and service account are in sub; pod and node cannot be used in a trust policy.",
    )


def _issuer_differs(miss: Miss) -> Finding | None:
    named, mine = miss.named_issuer, miss.issuer
    if miss.actual or "." not in named or named.casefold() == mine.casefold():
        return None
    fix = f"Write {mine}:{miss.claim}."
    if named.casefold().rstrip("/") == mine.casefold().rstrip("/"):
        return miss.found(
            "trailing-slash", f"The key {miss.key} and the token's iss, {mine}, differ by a trailing slash.", fix
        )
    return miss.found(
        "other-issuer",
        f"The key {miss.key} is of another cluster than the token's: `{mine}` ≠ `{named}`.",
        f"{fix} For two clusters write two statements.",
    )


# --- the value -------------------------------------------------------------------------------------------------


def _swapped(miss: Miss) -> Finding | None:
    if miss.claim in ("aud", "oaud") and (found := miss.wants(SERVICE_ACCOUNT)):
        return miss.found(
            "subject-under-aud",
            f"{miss.key} wants the service account {found}; aud is {shown(miss.actual)}, and the account is sub.",
            f'Put it under "{miss.named_issuer}:sub".',
        )
    if miss.claim == "sub" and (found := miss.wants("sts.")):
        return miss.found(
            "audience-under-sub",
            f"{miss.key} wants the audience {found}; sub is {shown(miss.actual)}.",
            f'Put it under "{miss.named_issuer}:aud".',
        )
    return None


def _wildcard(miss: Miss) -> Finding | None:
    patterns = [value for value in miss.condition.wanted if has_wildcard(value)]
    if not patterns or not miss.condition.operator.startswith("StringEquals"):
        return None
    hit = next((value for value in patterns if glob(value, miss.actual)), "")
    reach = f"as StringLike it would let {shown(miss.actual)} in" if hit else "as StringLike it would not match either"
    return miss.found(
        "wildcard-under-equals",
        f"{miss.condition.operator} takes the wildcard in {hit or patterns[0]!r} as a plain character; {reach}.",
        "Write StringLike for patterns, or the whole name under StringEquals.",
    )


def _excluded(miss: Miss) -> Finding | None:
    if "Not" not in miss.condition.operator or not miss.actual:
        return None
    return miss.found(
        "condition-excludes",
        f"{miss.condition.operator} {miss.key} shuts out {shown(miss.actual)}.",
        "Take the value out of that list, if this service account is meant.",
    )


def _audience(miss: Miss) -> Finding | None:
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


def _subject(miss: Miss) -> Finding | None:
    if miss.claim != "sub" or not miss.actual:
        return None
    have, near, count = shown(miss.actual), miss.near, len(miss.condition.wanted)
    compared = f"{miss.key}: `{have}` ≠ `{near}`" + (f" (the nearest of {count})" if count > 1 else "")
    if service_account(near.strip()) is None and not has_wildcard(near):
        return miss.found(
            "subject-shape",
            f"{compared}; a cluster never writes such a sub.",
            f'Write "{SERVICE_ACCOUNT}<namespace>:<service account>", here "{have}".',
        )
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


_KNOWN: tuple[Callable[[Miss], Finding | None], ...] = (
    _scheme,
    _custom_claim,
    _issuer_differs,
    _swapped,
    _wildcard,
    _excluded,
    _audience,
    _subject,
)
