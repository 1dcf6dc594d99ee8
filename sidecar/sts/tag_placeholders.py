"""Session tags whose values come from the pod's token: `{namespace}`, `{pod}`, `{service_account}`. Pure.

STS allows no brace in a tag, so a brace is a placeholder or a mistake.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from sidecar.core.claims import Claims
from sidecar.core.errors import ClaimMissing

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
CLAIMS: Mapping[str, Callable[[Claims], str]] = {
    "namespace": lambda claims: claims.namespace,
    "pod": lambda claims: claims.pod,
    "service_account": lambda claims: claims.service_account,
}
KNOWN_PLACEHOLDERS = ", ".join(f"{{{name}}}" for name in CLAIMS)


def unknown_placeholders(value: str) -> Iterator[str]:
    """What stands in braces and names no claim."""
    yield from (found[0] for found in _PLACEHOLDER.finditer(value) if found[1] not in CLAIMS)


def filled(value: str, key: str, claims: Claims) -> str:
    """The value of the tag `key` with its claims in place. Raises `ClaimMissing`: an empty tag would match too much."""

    def claim(found: re.Match[str]) -> str:
        name = found[1]
        if name not in CLAIMS:
            return found[0]
        if not (text := CLAIMS[name](claims)):
            raise _missing(name, key)
        return text

    return _PLACEHOLDER.sub(claim, value)


def _missing(name: str, key: str) -> ClaimMissing:
    return ClaimMissing(
        f"The tag {key} needs the token's {name}, which is missing.",
        fix="Tags with placeholders need a token that a kubelet projected into the pod: a serviceAccountToken volume, "
        "not the token of a Secret.",
    )
