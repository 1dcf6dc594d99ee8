"""What the sidecar may use of a node: its requests and limits, checked as Kubernetes checks them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

USUAL_REQUESTS = {"cpu": "10m", "memory": "64Mi"}
USUAL_LIMITS = {"memory": "192Mi"}
"""Measured: docs/kubernetes.md, "Resources". No CPU limit: throttled, the sidecar answers later than SDKs wait."""
NONE = "none"
"""As a value it removes a usual request or limit."""
_NAMES = ("cpu", "memory", "ephemeral-storage")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|[MGTPE]|[KMGTPE]i)?", re.ASCII)
_UNITS = {"": Fraction(1), "m": Fraction(1, 1000), "k": Fraction(1000), "Ki": Fraction(1024)} | {
    letter + suffix: Fraction(base) ** power
    for power, letter in enumerate("MGTPE", start=2)
    for suffix, base in {"": 1000, "i": 1024}.items()
}
_ENOUGH_MEMORY = "96Mi"
"""Measured: with less, the kernel ends the sidecar when `doctor` runs beside it (bench/memory_limit.py)."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Requests and limits by resource name, in Kubernetes' quantities."""

    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)

    def manifest(self) -> dict[str, dict[str, str]]:
        """The usual ones with those given, as a container has them."""
        both = {
            "requests": _together(USUAL_REQUESTS, self.requests),
            "limits": _together(USUAL_LIMITS, self.limits),
        }
        return {kind: found for kind, found in both.items() if found}

    def complaints(self) -> Iterator[str]:
        """What Kubernetes would refuse."""
        wrong = [*_malformed("--requests", self.requests), *_malformed("--limits", self.limits)]
        yield from wrong
        if wrong:
            return
        asked = self.manifest()
        for name, limit in asked.get("limits", {}).items():
            request = asked.get("requests", {}).get(name, "0")
            if amount(request) > amount(limit):
                yield f"--limits {name}={limit}: less than is requested ({request}); lower --requests {name} too."

    def cautions(self) -> Iterator[str]:
        """What Kubernetes takes, and what works badly."""
        limits = self.manifest().get("limits", {})
        memory = limits.get("memory")
        if memory is not None and amount(memory) < amount(_ENOUGH_MEMORY):
            yield (
                f"--limits memory={memory}: below {_ENOUGH_MEMORY} the kernel may end the sidecar, and the credentials "
                "with it, when a probe or `doctor` runs (docs/kubernetes.md, Resources)."
            )
        if cpu := limits.get("cpu"):
            yield (
                f"--limits cpu={cpu}: a sidecar that is throttled may answer later than the second that some SDKs wait."
            )


def amount(quantity: str) -> Fraction:
    """A quantity as a number: bytes, or processors. Raises `ValueError`."""
    found = _QUANTITY.fullmatch(quantity)
    if found is None:
        raise ValueError(quantity)
    return Fraction(found[1]) * _UNITS[found[2] or ""]


def _together(usual: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in {**usual, **given}.items() if value != NONE}


def _malformed(flag: str, given: Mapping[str, str]) -> Iterator[str]:
    for name, value in given.items():
        if name not in _NAMES:
            yield f"{flag} {name}: not a resource of a sidecar; {', '.join(_NAMES)} are."
        elif value != NONE and not _QUANTITY.fullmatch(value):
            yield f"{flag} {name}={value}: not a quantity, such as 10m or 64Mi; `{NONE}` removes the usual one."
