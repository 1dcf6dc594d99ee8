"""A hundred thousand requests to a face, recognised and not, leave every counter and every bucket exact."""

import random
from collections import Counter

import pytest

from sidecar.core.model import DEFAULT_ROLE
from sidecar.core.refresh import RefreshPolicy
from sidecar.faces.authorization import NoAuthorization
from sidecar.faces.container import ContainerFace
from sidecar.faces.guards import Guard
from sidecar.faces.imds import ImdsFace
from sidecar.faces.imds_tokens import SessionTokens
from sidecar.faces.routes import Routes
from sidecar.http.connection import Connection, State
from sidecar.http.handler import RequestHandler
from sidecar.http.limits import Limits
from sidecar.http.messages import Face
from sidecar.http.pool import ConnectionPool
from sidecar.observe.fan_out import to_request_observers
from sidecar.observe.metrics import Metrics
from sidecar.observe.refusals import Refusals
from sidecar.observe.role_metrics import RoleMetrics
from sidecar.observe.usage import Usage
from tests.doubles import credentials
from tests.faces.imds_kit import CREDENTIALS, POD, RefreshedSource
from tests.faces.kit import AUTH_TOKEN, OneToken, served_role
from tests.http.histories import HOSTS, Clock
from tests.http.peer import request
from tests.http.scene import FakeTransport

MANY = 100_000
AGENTS = {"Boto3/1.28.0 Python/3.11": ("boto3", "1"), "aws-sdk-java/1.12.705 Linux/6": ("aws-sdk-java", "1")}


class Deaf(FakeTransport):
    """Its client does not keep what it reads."""

    def write(self, data: bytes) -> None:
        assert data.startswith(b"HTTP/1.1 ")


class Counted:
    """A face, and all that is told of its requests."""

    def __init__(self, name: str) -> None:
        self.clock = Clock()
        self.source = RefreshedSource(credentials(life=10**9))
        self.role = RoleMetrics(self.clock, started_at=0)
        self.metrics, self.usage = Metrics(), Usage(self.clock)
        self.metrics.show_roles({DEFAULT_ROLE: self.role})
        observe = to_request_observers(self.metrics, self.usage, Refusals(self.clock))
        pool = ConnectionPool(Limits(), self.clock.now, lambda: False)
        self._turns_end: list[object] = []
        self.handler = RequestHandler(self._face(name), observe, pool, self._turns_end.append)
        self.transport = Deaf()
        self.connection = Connection(self.handler, pool, self.transport)
        self.connection.connection_made()

    def _face(self, name: str) -> Face:
        if name == "imds":
            return ImdsFace(
                self.source,
                Guard(HOSTS, NoAuthorization()),
                SessionTokens(b"a key", self.clock.now),
                instance=POD,
                v1=True,
                min_life=900,
                policy=RefreshPolicy(),
                now=self.clock.now,
            )
        return ContainerFace(Routes([served_role(self.source)], DEFAULT_ROLE), Guard(HOSTS, OneToken()), name)

    def ask(self, data: bytes) -> None:
        self.connection.data_received(data)
        assert self.connection.state is State.IDLE

    def end_turn(self) -> None:
        ends, self._turns_end[:] = self._turns_end[:], []
        for end in ends:
            assert callable(end)
            end()

    def sample(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"irsa_sidecar_{name}", labels) or 0


GOOD = {
    "container": lambda agent: request(
        "GET", "/v1/credentials", f"Authorization: {AUTH_TOKEN}", f"User-Agent: {agent}"
    ),
    "ecs": lambda agent: request("GET", "/", f"Authorization: {AUTH_TOKEN}", f"User-Agent: {agent}"),
    "imds": lambda agent: request("GET", f"{CREDENTIALS}/{POD.role_name}", f"User-Agent: {agent}"),
}


@pytest.mark.parametrize("face", GOOD)
async def test_every_counter_and_bucket_is_exact(face: str) -> None:
    counted, dice = Counted(face), random.Random(7)
    asked: Counter[str] = Counter()
    refused = 0
    for number in range(MANY):
        agent = dice.choice(tuple(AGENTS))
        asked[agent] += 1
        if wrong := dice.random() < 0.05:
            refused += 1
        counted.ask(request("POST", "/", f"User-Agent: {agent}") if wrong else GOOD[face](agent))
        if dice.random() < 0.1:
            counted.end_turn()
        if number % 1000 == 0:
            counted.end_turn()
            counted.clock.at += 1
    counted.end_turn()
    good = MANY - refused
    status = "405" if face != "imds" else "404"
    assert counted.sample("requests_total", face=face, status="200") == good
    assert counted.sample("requests_total", face=face, status=status) == refused
    assert counted.sample("request_duration_seconds_count", face=face) == MANY
    assert counted.sample("request_duration_seconds_bucket", face=face, le="+Inf") == MANY
    assert counted.sample("request_duration_seconds_bucket", face=face, le="0.0001") == MANY
    assert counted.sample("request_duration_seconds_sum", face=face) == 0
    assert (counted.role.served, counted.role.degraded) == (good, 0)
    by = "imds-v1" if face == "imds" else face
    assert {use.sdk.family: use.requests for use in counted.usage.uses()} == {
        AGENTS[agent][0]: times for agent, times in asked.items()
    }
    for agent, times in asked.items():
        family, major = AGENTS[agent]
        assert counted.sample("client_requests_total", face=by, sdk=family, major=major) == times
    assert sum(use.served for use in counted.usage.uses()) == good
    await counted.handler.close()
