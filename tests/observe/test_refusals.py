"""Refused requests: one line in the log for each kind, with its fix; and who hears of it, from socket to person."""

import logging
from time import monotonic
from unittest.mock import Mock

import pytest

from sidecar.core.clock import SystemClock
from sidecar.core.ports import Clock
from sidecar.faces.authorization import AuthorizationTokens
from sidecar.http.connection import Connection
from sidecar.http.handler import RequestHandler
from sidecar.http.limits import Limits
from sidecar.http.messages import Refusal, Request, Response, error_response
from sidecar.http.pool import ConnectionPool
from sidecar.observe.fan_out import to_request_observers
from sidecar.observe.metrics import Metrics
from sidecar.observe.refusals import AGAIN_AFTER, MOST_KINDS, RECENT, Refusals
from sidecar.observe.sdk_family import Sdk
from sidecar.observe.usage import Usage
from tests.doubles import KEY_CANARY, credentials
from tests.faces.kit import Source, answered, container_face, request
from tests.http.peer import Repeating
from tests.http.scene import FakeTransport
from tests.observe.kit import SERVED, UNAUTHORIZED, UNAVAILABLE, fields
from tests.status.scenes import Scene

BOTO3 = Sdk("boto3", "1")


class Refused:
    """Refusals at a time that a test sets."""

    def __init__(self, log: pytest.LogCaptureFixture) -> None:
        self.scene, self.log = Scene(), log
        self.refusals = Refusals(self.scene)

    def answer(self, response: Response = UNAUTHORIZED, at: float = 0, protocol: str = "container") -> None:
        self.scene.time = at
        self.refusals(protocol, BOTO3, response)

    @property
    def lines(self) -> list[dict[str, object]]:
        return [fields(record) for record in self.log.records if record.getMessage() == "request refused"]


def refusal(fix: str, cause: str = "It is wrong.", status: int = 401) -> Response:
    return error_response(status, Refusal("NotAuthorized", cause, fix))


@pytest.fixture
def refused(caplog: pytest.LogCaptureFixture) -> Refused:
    return Refused(caplog)


def test_the_first_refusal_of_a_kind_is_a_warning_with_its_fix(refused: Refused) -> None:
    refused.answer()
    (record,) = refused.log.records
    told = UNAUTHORIZED.refusal
    assert told is not None
    assert record.levelno == logging.WARNING
    assert refused.lines == [
        {
            "face": "container",
            "status": 401,
            "code": "NotAuthorized",
            "cause": told.cause,
            "fix": told.fix,
            "sdk": "boto3",
            "major": "1",
            "times": 1,
        }
    ]


def test_a_client_that_goes_on_asking_is_told_of_once_an_hour(refused: Refused) -> None:
    for second in range(0, int(AGAIN_AFTER) * 3, 10):
        refused.answer(at=second)
    assert [line["times"] for line in refused.lines] == [1, 361, 721]


def test_another_fix_and_another_protocol_are_other_kinds(refused: Refused) -> None:
    refused.answer(refusal("Set the token."))
    refused.answer(refusal("Set the right token."))
    refused.answer(refusal("Set the token."), protocol="imds-v1")
    refused.answer(refusal("Set the token.", cause="The Host header is 'a'."))
    assert len(refused.lines) == 3


@pytest.mark.parametrize("answer", [SERVED, UNAVAILABLE, Response(404, b"", {})], ids=lambda answer: answer.status)
def test_what_no_client_can_mend_is_no_refusal(refused: Refused, answer: Response) -> None:
    refused.answer(answer)
    assert (refused.lines, refused.refusals.recent()) == ([], [])


def test_the_recent_ones_are_shown_the_most_frequent_first_and_not_for_ever(refused: Refused) -> None:
    refused.answer(refusal("One."))
    for second in (1, 2):
        refused.answer(refusal("Two."), at=second)
    assert [(kind.refusal.fix, kind.times, kind.last_at) for kind in refused.refusals.recent()] == [
        ("Two.", 2, 2),
        ("One.", 1, 0),
    ]
    refused.scene.time = RECENT + 1
    assert [kind.refusal.fix for kind in refused.refusals.recent()] == ["Two."]


def test_no_stranger_makes_it_grow_without_bound(refused: Refused) -> None:
    for number in range(3 * MOST_KINDS):
        refused.answer(refusal(f"Fix {number}."))
    assert len(refused.refusals.recent()) == len(refused.lines) == MOST_KINDS


# --- from an answer to everybody who should know ---------------------------------------------------------------


class Observed:
    """All that is told of requests, and a face that demands a token."""

    def __init__(self) -> None:
        self.scene = Scene()
        clock: Clock = self.scene
        self.metrics = Metrics()
        self.usage, self.refusals = Usage(clock), Refusals(clock)
        self.observe = to_request_observers(self.metrics, self.usage, self.refusals)
        tokens = AuthorizationTokens(fixed=KEY_CANARY, file=None, clock=clock)
        self.face = container_face(Source(credentials()), authorization=tokens)

    async def ask(self, asked: Request) -> None:
        self.observe("container", asked, await answered(self.face, asked), 0.001)


async def test_nine_refused_requests_are_three_lines_and_a_served_one_is_counted_as_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    observed = Observed()
    agent = {"user_agent": "Boto3/1.28.0 Python/3.11"}
    for _ in range(3):
        await observed.ask(request(**agent))
        await observed.ask(request(**agent, authorization="wrong"))
        await observed.ask(request("/v2/credentials", **agent))
    await observed.ask(request(**agent, authorization=KEY_CANARY))
    told = [fields(record) for record in caplog.records]
    assert [line["status"] for line in told] == [401, 401, 404]
    assert all(line["fix"] for line in told)
    (use,) = observed.usage.uses()
    assert (use.served, use.refused, use.requests) == (1, 9, 10)
    assert [kind.times for kind in observed.refusals.recent()] == [3, 3, 3]
    sample = observed.metrics.registry.get_sample_value
    assert sample("irsa_sidecar_refused_requests_total", {"face": "container"}) == 9
    assert sample("irsa_sidecar_client_requests_total", {"face": "container", "sdk": "boto3", "major": "1"}) == 10


def test_bytes_that_never_became_a_request_are_refused_by_nobody_known() -> None:
    observed = Observed()
    observed.observe("imds", None, error_response(400, Refusal("MalformedRequest", "No HTTP.", "Send http://.")), 0)
    (use,) = observed.usage.uses()
    assert (use.protocol, use.sdk, use.refused) == ("imds", Sdk("unknown", "unknown"), 1)


async def test_a_defect_in_what_counts_costs_no_client_its_answer(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    metrics.observe_client = Mock(side_effect=ArithmeticError)  # type: ignore[method-assign]
    observe = to_request_observers(metrics, Usage(SystemClock()), Refusals(SystemClock()))
    pool, transport = ConnectionPool(Limits(), monotonic, lambda: False), FakeTransport()
    handler = RequestHandler(Repeating(), observe, pool, lambda _: None)
    Connection(handler, pool, transport).data_received(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert transport.sent.startswith(b"HTTP/1.1 200 ")
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["observer failed"]


def test_a_defect_in_what_counts_is_logged_once_though_every_request_meets_it(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    observe = to_request_observers(metrics, Usage(SystemClock()), Refusals(SystemClock()))
    for defect in (ArithmeticError, LookupError):
        metrics.observe_client = Mock(side_effect=defect)  # type: ignore[method-assign]
        for _ in range(100):
            observe("container", request(), UNAUTHORIZED, 0)
    logged = [record.exc_info[0] for record in caplog.records if record.exc_info]
    assert logged == [ArithmeticError, LookupError]
