"""The faces that there are: how each is called, configured and shown. Settings, metrics and pages are made from it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FaceSpec:
    """One face. A new one needs an entry in `FACES`, its own module, and its construction in `serve`."""

    name: str
    """A metric's label, and its key in the log."""
    title: str = field(repr=False)
    """Its name on the status page."""
    setting: str = field(repr=False)
    """The variable that tells where it listens."""
    listen: str = field(repr=False)
    """Where it listens by default; `off` for nowhere."""
    meaning: str = field(repr=False)
    """What the setting is for."""
    protected: bool
    """Whether an authorization token can protect it, so that it may listen where other pods can reach it."""
    variants: tuple[str, ...] = ()
    """Other protocols that it answers and that are counted by themselves: labels too."""

    @property
    def protocols(self) -> tuple[str, ...]:
        """All protocols that it answers, its own first."""
        return (self.name, *self.variants)


IMDS_V1 = "imds-v1"
"""IMDS without a session token."""

CONTAINER = FaceSpec(
    name="container",
    title="Container endpoint",
    setting="SIDECAR_LISTEN",
    listen="127.0.0.1:9911",
    meaning="The address of the container endpoint: IP:PORT or unix:/PATH, several separated by commas, or `off`. "
    "An address that can be reached from outside the pod requires an authorization token.",
    protected=True,
)
ECS = FaceSpec(
    name="ecs",
    title="ECS address",
    setting="SIDECAR_ECS_LISTEN",
    listen="off",
    meaning="The address for clients with AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: `169.254.170.2:80`. "
    "They send no authorization token, so everything that reaches the address gets credentials.",
    protected=False,
)
IMDS = FaceSpec(
    name="imds",
    title="EC2 metadata (IMDS)",
    setting="SIDECAR_IMDS_LISTEN",
    listen="off",
    meaning="The address of the instance metadata service (IMDS): `169.254.169.254:80`, `[fd00:ec2::254]:80`, or any "
    "loopback address that the application has in AWS_EC2_METADATA_SERVICE_ENDPOINT.",
    protected=False,
    variants=(IMDS_V1,),
)

FACES = (CONTAINER, ECS, IMDS)
