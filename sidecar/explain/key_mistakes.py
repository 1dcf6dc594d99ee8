"""A condition key that the request does not have: what is wrong with its spelling, or why no request has it."""

from collections.abc import Callable

from sidecar.core.findings import Finding
from sidecar.explain.failed_condition import FailedCondition
from sidecar.explain.issuer_names import issuer_slip
from sidecar.explain.jwt_parts import shown
from sidecar.explain.slips import placeholder_in, plain, slip_in
from sidecar.trust import mistakes
from sidecar.trust.context import CLAIM_KEYS
from sidecar.trust.keys import is_never_carried, is_own_key, likely_meant

_LINTED = frozenset({"scheme-in-condition-key", "claim-is-no-key", "key-never-carried"})


def key_mistakes(miss: FailedCondition) -> list[Finding]:
    """Empty where the key is one that the request has, or that a request could have."""
    if miss.actual:
        return []
    for recognise in _KNOWN:
        if finding := recognise(miss):
            return [finding]
    return miss.linted(_LINTED) or _other_issuer(miss)


def _mine(miss: FailedCondition) -> str:
    return miss.case.token.issuer_name


def _write(miss: FailedCondition, claim: str = "") -> str:
    wanted = claim or (miss.claim if miss.claim in CLAIM_KEYS else "sub")
    return f'Write "{miss.case.key(wanted)}".'


def _template(miss: FailedCondition) -> Finding | None:
    found = placeholder_in(miss.key)
    if not found:
        return None
    return miss.found(
        "placeholder-in-key",
        f"The key {miss.key} holds {found}, which nobody filled in; IAM never expands a key.",
        _write(miss),
    )


def _bare(miss: FailedCondition) -> Finding | None:
    if plain(miss.key).casefold() not in CLAIM_KEYS:
        return None
    return miss.found(
        "bare-key",
        f"The key {miss.key} names a claim and no issuer; such a key is in no request.",
        _write(miss, plain(miss.key).casefold()),
    )


def _slash(miss: FailedCondition) -> Finding | None:
    before, _, claim = plain(miss.key).rpartition("/")
    if claim.casefold() not in CLAIM_KEYS or before.casefold() != _mine(miss).casefold():
        return None
    return miss.found(
        "slash-for-colon", f"The key {miss.key} has a slash before {claim}; IAM wants a colon.", _write(miss, claim)
    )


def _no_claim(miss: FailedCondition) -> Finding | None:
    if plain(miss.key).casefold().rstrip(":/") != _mine(miss).casefold():
        return None
    return miss.found("claim-missing-in-key", f"The key {miss.key} names an issuer and no claim.", _write(miss))


def _arn(miss: FailedCondition) -> Finding | None:
    if not plain(miss.key).startswith("arn:"):
        return None
    return miss.found(
        "arn-in-key",
        f"The key {miss.key} begins with an ARN; a condition key begins with the issuer's name.",
        _write(miss),
    )


def _letters(miss: FailedCondition) -> Finding | None:
    claim = plain(miss.claim)
    right = miss.case.key(claim)
    if claim not in CLAIM_KEYS or plain(miss.key).casefold() != right.casefold():
        return None
    slip = slip_in(miss.key, right)
    return miss.found(slip.code, f"The key {miss.key!r}: {slip.clause}.", _write(miss, claim)) if slip else None


def _misspelt_claim(miss: FailedCondition) -> Finding | None:
    if miss.named_issuer.casefold() != _mine(miss).casefold() or miss.claim in CLAIM_KEYS:
        return None
    if miss.claim not in _OTHER_WORDS:
        return None
    meant = _OTHER_WORDS[miss.claim]
    return miss.found(
        "claim-misspelt", f"{miss.key} is not a condition key; IAM calls that claim {meant}.", _write(miss, meant)
    )


_OTHER_WORDS = {
    **dict.fromkeys(("subject", "subs", "sub_", "serviceaccount", "service_account"), "sub"),
    **dict.fromkeys(("audience", "audiences", "auds", "aud_", "client_id", "clientid"), "aud"),
}


def _own(miss: FailedCondition) -> Finding | None:
    """One of IAM's own keys, or what was meant for one."""
    if not is_own_key(miss.key) or not is_never_carried(miss.key):
        return None
    return mistakes.key_never_carried(miss.key, likely_meant(miss.key), miss.where)


def _other_issuer(miss: FailedCondition) -> list[Finding]:
    named, mine = miss.named_issuer, _mine(miss)
    if not named or is_own_key(miss.key) or named.casefold() == mine.casefold():
        return []
    fix = _write(miss)
    if slip := issuer_slip(named, mine):
        code, clause = slip
        return [miss.found(code, f"The key {miss.key}: {clause}.", fix)]
    if "." not in named:
        return []
    return [
        miss.found(
            "other-issuer",
            f"The key {shown(miss.key)} is of another cluster than the token's: `{mine}` ≠ `{named}`.",
            f"{fix} For two clusters write two statements.",
        )
    ]


_KNOWN: tuple[Callable[[FailedCondition], Finding | None], ...] = (
    _template,
    _bare,
    _no_claim,
    _slash,
    _letters,
    _arn,
    _misspelt_claim,
    _own,
)
