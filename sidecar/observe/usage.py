"""Counts for people how often each SDK family used each protocol, and when last. Bounded, as the list of SDKs is."""

from dataclasses import dataclass

from sidecar.core.model import Instant
from sidecar.core.ports import Clock
from sidecar.observe.sdk_family import Sdk, sdk_of


@dataclass(slots=True)
class Use:
    """One SDK's use of one protocol (a face's name, or `imds-v1`). Counted in place."""

    protocol: str
    sdk: Sdk
    requests: int = 0
    last_at: Instant = 0


class Usage:
    """The `ClientObserver` that keeps count."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._uses: dict[tuple[str, Sdk], Use] = {}

    def __call__(self, face: str, user_agent: str | None) -> None:
        sdk = sdk_of(user_agent)
        use = self._uses.get((face, sdk)) or self._uses.setdefault((face, sdk), Use(face, sdk))
        use.requests += 1
        use.last_at = self._now()

    def uses(self) -> list[Use]:
        """Every use so far, the most frequent first."""
        return sorted(self._uses.values(), key=lambda use: -use.requests)
