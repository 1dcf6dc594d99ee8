"""How two spellings of an issuer differ, where they are likely to mean the same one."""

import re

from sidecar.explain.nearest import distance
from sidecar.explain.slips import plain, slip_in

_EKS = re.compile(
    r"oidc\.eks\.(?P<region>[a-z0-9-]+)\.(?P<suffix>amazonaws\.com(?:\.cn)?|[a-z0-9.]+)/id/(?P<id>\w+)", re.IGNORECASE
)
_TOLERATED = 2
"""Letters that may differ between two spellings of one issuer: clusters' ids differ in almost all of them."""


def issuer_slip(written: str, mine: str) -> tuple[str, str] | None:
    """A code and a clause for a name that is `mine`, misspelt; None for another issuer's."""
    if written.rstrip("/") == mine.rstrip("/"):
        return "trailing-slash", f"it differs from the token's issuer {mine} by a trailing slash"
    if written.casefold() == mine.casefold():
        return "issuer-case", f"it differs from the token's issuer {mine} in case; STS is case-sensitive"
    if plain(written) == mine and (slip := slip_in(written, mine)):
        return slip.code, slip.clause
    clause = _ending(written, mine) or _eks(written, mine) or _few_letters(written, mine)
    return ("issuer-misspelt", clause) if clause else None


def _ending(written: str, mine: str) -> str:
    if written.casefold().startswith(mine.casefold()):
        return f"{written[len(mine) :]} after the issuer {mine} is no part of its name"
    cut = written.rstrip("/")
    if len(cut) > len(mine) // 2 and "/" in cut and mine.casefold().startswith(cut.casefold()):
        return f"the issuer's end is missing: {mine[len(cut) :]}"
    if mine.casefold().endswith(f"/{cut.casefold()}"):
        return f"the issuer's beginning is missing: {mine[: -len(cut)]}"
    return ""


def _eks(written: str, mine: str) -> str:
    """The same cluster's id under another region or domain."""
    theirs, ours = _EKS.fullmatch(written), _EKS.fullmatch(mine)
    if not theirs or not ours or theirs["id"].casefold() != ours["id"].casefold():
        return ""
    if theirs["region"] != ours["region"]:
        return f"the region is {theirs['region']}, the token's issuer is in {ours['region']}"
    return f"the domain is {theirs['suffix']}, the token's issuer has {ours['suffix']}"


def _few_letters(written: str, mine: str) -> str:
    if distance(written.casefold(), mine.casefold()) <= _TOLERATED:
        return f"a letter or two differ from the token's issuer {mine}"
    return ""
