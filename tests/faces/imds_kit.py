"""An IMDS face with a clock that is set by hand, and what its clients send."""

from sidecar.core.arns import RoleArn
from sidecar.core.model import Credentials, Instant, Seconds
from sidecar.core.refresh import RefreshPolicy, RoleState
from sidecar.faces.authorization import NoAuthorization
from sidecar.faces.guards import Guard
from sidecar.faces.imds import TOKEN, TTL, ImdsFace
from sidecar.faces.imds_tokens import SessionTokens
from sidecar.faces.instance import Instance
from sidecar.http.messages import Request, Response
from tests.doubles import ROLE_ARN
from tests.faces.kit import Source, answered

HOSTS = frozenset({"169.254.169.254", "127.0.0.1", "localhost"})
CREDENTIALS = "/latest/meta-data/iam/security-credentials"
DOCUMENT = "/latest/dynamic/instance-identity/document"
POD = Instance(RoleArn.parse(ROLE_ARN), "checkout-7c5d8-x2x8q", "eu-central-1", None)


class RefreshedSource(Source):
    """A broker's doors, and its state."""

    def __init__(self, holds: Credentials | None = None, **kwargs: Credentials) -> None:
        super().__init__(holds, **kwargs)
        self.state = RoleState(holds)


class Imds:
    """The face, and the instant on its clock."""

    def __init__(
        self,
        source: RefreshedSource,
        *,
        v1: bool = False,
        min_life: Seconds = 900,
        instance: Instance = POD,
        policy: RefreshPolicy | None = None,
    ) -> None:
        self.at: Instant = 0
        self.face = ImdsFace(
            source,
            Guard(HOSTS, NoAuthorization()),
            SessionTokens(b"a key of this process", self.now),
            instance=instance,
            v1=v1,
            min_life=min_life,
            policy=policy or RefreshPolicy(),
            now=self.now,
        )

    def now(self) -> Instant:
        return self.at

    async def put(self, life: str | None = "21600", path: str = "/latest/api/token", **headers: str) -> Response:
        """Ask for a session token."""
        asked = {} if life is None else {TTL: life}
        return await answered(self.face, Request("PUT", path, {"host": "169.254.169.254"} | asked | headers))

    async def token(self, life: int = 21_600) -> str:
        return (await self.put(str(life))).body.decode()

    async def get(self, path: str, token: str | None = None, method: str = "GET", **headers: str) -> Response:
        """`token` None: as IMDSv1 does."""
        shown = {} if token is None else {TOKEN: token}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await answered(self.face, Request(method, path, {"host": "169.254.169.254"} | shown | named))
