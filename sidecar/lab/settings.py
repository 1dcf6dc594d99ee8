"""What can be chosen when the lab starts."""

from dataclasses import dataclass
from pathlib import Path

from sidecar.lab.cluster.key_tenures import WEEK
from sidecar.lab.cluster.keys import KidForm
from sidecar.lab.loopback import LoopbackAddress


@dataclass(frozen=True, slots=True)
class StsSettings:
    """Settings of STS, in seconds. `session_lifetime` replaces what requests ask for; `keep_jwks` is its cache time."""

    state: Path
    listen: LoopbackAddress = ("127.0.0.1", 9922)
    region: str = "us-east-1"
    session_lifetime: float | None = None
    keep_jwks: float = 2.0


@dataclass(frozen=True, slots=True)
class LabSettings:
    """Settings of the whole lab. With `sts=None` another process runs STS. Lifetimes and periods are in seconds."""

    state: Path
    issuer: LoopbackAddress = ("127.0.0.1", 9921)
    sts: LoopbackAddress | None = ("127.0.0.1", 9922)
    control: LoopbackAddress = ("127.0.0.1", 9923)
    agent: LoopbackAddress | None = None
    """The EKS Pod Identity agent's; None for none."""
    region: str = "us-east-1"
    token_lifetime: float | None = None
    session_lifetime: float | None = None
    key_period: float = WEEK
    kid_form: KidForm = KidForm.EKS
    keep_jwks: float = 2.0

    @property
    def sts_settings(self) -> StsSettings | None:
        if self.sts is None:
            return None
        return StsSettings(self.state, self.sts, self.region, self.session_lifetime, self.keep_jwks)
