"""Sidecars in states worth a look: each with a past, told to the same observers that a running one has."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sidecar.admin import documents
from sidecar.admin.status import Status
from sidecar.core.errors import SidecarError, StsThrottled, TokenUnreadable, TrustRefused
from sidecar.core.model import DEFAULT_ROLE, Credentials, Instant, Seconds, Token, UnixTime
from sidecar.core.refresh import (
    Failed,
    Issued,
    Phase,
    RefreshEvent,
    RefreshPolicy,
    RoleState,
    SourceChanged,
    phase,
    step,
    usable,
)
from sidecar.http.messages import Response
from sidecar.observe.history import History
from sidecar.observe.refusals import Refusals
from sidecar.observe.sdk_family import sdk_of
from sidecar.observe.usage import Usage
from sidecar.settings.config import load
from tests.admin.kit import ShownRole
from tests.doubles import EPOCH, KEY_CANARY, ROLE_ARN, a_token, credentials
from tests.observe.kit import SERVED, UNAUTHORIZED

POLICY = RefreshPolicy()
ENVIRONMENT = {
    "AWS_ROLE_ARN": ROLE_ARN,
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/irsa-sidecar/token",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "SIDECAR_AUTH_TOKEN": KEY_CANARY,
    "SIDECAR_IMDS_LISTEN": "127.0.0.1:9913",
    "SIDECAR_IMDS_V1": "true",
    "HTTPS_PROXY": f"http://user:{KEY_CANARY.replace('/', '-')}@proxy.example:3128",
}
THROTTLED = StsThrottled(
    "STS asks for fewer calls.",
    fix="Wait: the sidecar slows down by itself. If it lasts, look for what else calls STS in this account and region.",
    aws_code="Throttling",
    status=400,
    request_id="c6104cbe-af31-11e0-8154-cbc7ccf896c7",
)
DENIED = TrustRefused(
    "The role's trust policy does not let system:serviceaccount:shop:checkout of https://oidc.example/cluster have it.",
    fix="Compare the policy's :sub and :aud conditions with the token below; irsa-sidecar explain names what differs.",
    aws_code="AccessDenied",
    status=403,
    request_id="0f3a9f0e-5d0e-4b4e-8a6b-3f1f5d2f9a11",
)
UNREADABLE = TokenUnreadable("There is no token file.", fix="Mount a projected serviceAccountToken volume there.")


class Scene:
    """A role and the sidecar around it, at a moment `now`: second zero is when the sidecar started."""

    def __init__(self, token: Token | None = None, environ: dict[str, str] | None = None) -> None:
        self.time: Instant = 0
        self.token = token
        self.state = RoleState()
        self.idle_for: Seconds = 0
        self.stopping = False
        self.history, self.usage, self.refusals = History(), Usage(self), Refusals(self)
        config = load(ENVIRONMENT if environ is None else environ, [])
        self.role = ShownRole(config.roles.default_role, self, self, self.history)
        self.status = Status(lambda: [self.role], self, lambda: self.stopping, self.usage, self.refusals, config)

    def now(self) -> Instant:
        return self.time

    def wall(self) -> UnixTime:
        return EPOCH + self.time

    @property
    def phase(self) -> Phase:
        return phase(self.state, self.time, POLICY)

    def usable(self) -> Credentials | None:
        return usable(self.state, self.time, POLICY)

    def document(self) -> dict[str, Any]:
        """What `/status.json` shows."""
        return documents.status(self.status.snapshot())

    def tell(self, event: RefreshEvent) -> None:
        """Let it happen, at its own time."""
        self.time = event.at
        self.state = step(self.state, event, POLICY, 0.5)
        self.history(DEFAULT_ROLE, event, self.state)

    def issued(self, at: Instant, took: Seconds = 0.09) -> None:
        held = credentials(issued_at=at)
        self.tell(Issued(at, replace(held, request_id="7b8b3a52-0d6c-4c38-9d5c-1f1ad8c7c0de"), took))

    def failed(self, at: Instant, error: SidecarError, took: Seconds | None = 0.06) -> None:
        self.tell(Failed(at, error, took))

    def rotated(self, at: Instant) -> None:
        self.token = a_token(life=3600, issued_at=EPOCH + at)
        self.tell(SourceChanged(at, same_identity=True))

    def used(self, protocol: str, user_agent: str | None, times: int, response: Response = SERVED) -> None:
        for _ in range(times):
            self.usage(protocol, sdk_of(user_agent), response)
            self.refusals(protocol, sdk_of(user_agent), response)


def _a_day(scene: Scene, latencies: Sequence[Seconds]) -> None:
    """Refreshes and rotations, and applications that asked."""
    scene.token = a_token(life=3600)
    for number, took in enumerate(latencies):
        if number:
            scene.rotated(1920 * number - 240)
        if took > 5:
            scene.failed(1920 * number, THROTTLED, took)
            scene.failed(1920 * number + 1, THROTTLED, 0.055)
            scene.issued(1920 * number + 3, 0.14)
        else:
            scene.issued(1920 * number, took)
    scene.used("container", "aws-sdk-java/1.11.300 Linux/5.10", 1284)
    scene.used("container", "python-urllib3/1.26", 96)
    scene.used("imds", "Boto3/1.9.199 Python/3.6", 211)
    scene.used("imds-v1", "Boto/2.49.0", 3)
    scene.used("container", None, 1)


LATENCIES = (
    *(0.212, 0.094, 0.088, 0.091, 0.103, 0.086, 0.097, 0.121, 0.089, 0.092, 0.095, 7.1, 0.11),
    *(0.087, 0.093, 0.34, 0.098, 0.09, 0.085, 0.091, 0.088, 0.096, 0.1, 0.094, 0.089),
)


def healthy() -> Scene:
    scene = Scene()
    _a_day(scene, LATENCIES)
    scene.time += 341
    return scene


def failing() -> Scene:
    """STS refuses since the last refresh came due: what is held lasts a while yet."""
    scene = Scene()
    _a_day(scene, LATENCIES)
    began = scene.time + 1920
    for number in range(9):
        scene.failed(began + 52 * number, DENIED, 0.07 + 0.01 * (number % 3))
    scene.time += 4
    return scene


def down() -> Scene:
    """There never was a token."""
    scene = Scene()
    for number in range(5):
        scene.failed(12.0 * number, UNREADABLE, None)
    return scene


def expired() -> Scene:
    scene = failing()
    for number in range(30):
        scene.failed(scene.time + 50, DENIED, 0.07 + 0.01 * (number % 3))
    return scene


def starting() -> Scene:
    return Scene()


def stopping() -> Scene:
    scene = healthy()
    scene.stopping = True
    return scene


def token_expired() -> Scene:
    scene = healthy()
    scene.token = a_token(life=600, issued_at=scene.wall() - 900)
    return scene


def refusing() -> Scene:
    """An application without the authorization token asks in vain."""
    scene = healthy()
    scene.used("container", "Boto3/1.28.0", 9, UNAUTHORIZED)
    return scene


def stuck() -> Scene:
    scene = healthy()
    scene.idle_for = 500
    return scene


SCENES: dict[str, Callable[[], Scene]] = {
    make.__name__: make
    for make in (healthy, failing, down, expired, starting, stopping, token_expired, refusing, stuck)
}
