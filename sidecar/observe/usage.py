"""Counts for people what each SDK family got by each protocol, and when last. Bounded, as the list of SDKs is."""

from dataclasses import dataclass

from sidecar.core.model import Instant
from sidecar.core.ports import Clock
from sidecar.http.messages import Response
from sidecar.observe.sdk_family import Sdk


@dataclass(slots=True)
class Use:
    """One SDK's use of one protocol (a face's name, or `imds-v1`). Counted in place.

    `served`: documents with credentials; `refused`: errors of any kind. Others, such as IMDS's session tokens, are
    neither.
    """

    protocol: str
    sdk: Sdk
    served: int = 0
    refused: int = 0
    requests: int = 0
    last_at: Instant = 0


class Usage:
    """Takes every answer, and keeps count."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._uses: dict[tuple[str, Sdk], Use] = {}

    def __call__(self, protocol: str, sdk: Sdk, response: Response, times: int = 1) -> None:
        use = self._uses.get((protocol, sdk)) or self._uses.setdefault((protocol, sdk), Use(protocol, sdk))
        use.requests += times
        use.served += times * response.serves
        use.refused += times * (response.refusal is not None)
        use.last_at = self._now()

    def uses(self) -> list[Use]:
        """Every use so far, the most frequent first."""
        return sorted(self._uses.values(), key=lambda use: -use.requests)
