"""Recognised requests, rule by rule: what is answered again without asking the face, and what never is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from unittest import mock

import pytest

from sidecar.http import recognised
from sidecar.http.connection import Connection, State
from sidecar.http.messages import Repeatable, Reply, Request, Response
from sidecar.http.recognised import LONGEST, MOST
from sidecar.http.serializer import Serializer
from tests.http.peer import request
from tests.http.scene import LIMITS, FakeTransport, Scene
from tests.waiting import HANGS_AFTER

ASKED = request("GET", "/v1/credentials", "Authorization: a-secret")
CLOSES = request("GET", "/v1/credentials", "Connection: close")


@dataclass
class Repeating:
    """A face whose answers hold until it says otherwise, but for `/once` and `/wait`. `looks`: how often it was asked
    whether they do.
    """

    name: str = "repeating"
    seen: list[Request] = field(default_factory=list)
    holds: bool = True
    looks: int = 0

    def answer(self, request: Request) -> Reply:
        self.seen.append(request)
        response = Response(200, f"answer {len(self.seen)}".encode(), {})
        match request.path:
            case "/once":
                return response
            case "/wait":
                return asyncio.sleep(0, response)
        return Repeatable(response, self._holds)

    def _holds(self) -> bool:
        self.looks += 1
        return self.holds


class Recognising(Scene):
    """A connection to such a face."""

    def __init__(self) -> None:
        self.repeating = Repeating()
        self.wall = 1000.2
        serializer = Serializer(lambda: self.wall)
        with mock.patch("sidecar.http.handler.Serializer", return_value=serializer):
            super().__init__(self.repeating)

    @property
    def known(self) -> int:
        return len(self.connection._handler.recognised._known)

    def end_turn(self) -> None:
        """As `Turns` does: each end comes, though one before it fails."""
        ends, self.turns_end[:] = self.turns_end[:], []
        for end in ends:
            with contextlib.suppress(ArithmeticError):
                end()

    def bodies(self) -> list[str]:
        """Of what was answered since the last look."""
        said, self.transport.sent = self.transport.sent, b""
        return [part.partition(b"HTTP/1.1")[0].decode() for part in said.split(b"\r\n\r\n")[1:]]

    def asked_for(self, *parts: bytes) -> list[str]:
        """What is answered to `parts`, in a turn of their own."""
        for part in parts:
            self.receive(part)
        self.end_turn()
        return self.bodies()


@pytest.fixture
async def scene() -> AsyncIterator[Recognising]:
    scene = Recognising()
    yield scene
    await scene.connection._handler.close()


async def test_the_same_bytes_get_the_same_answer_and_the_face_is_not_asked(scene: Recognising) -> None:
    assert [scene.asked_for(ASKED) for _ in range(3)] == [["answer 1"]] * 3
    assert scene.asked_for(ASKED.replace(b"a-secret", b"another")) == ["answer 2"]
    assert scene.asked_for(ASKED) == ["answer 1"]
    assert len(scene.repeating.seen) == 2


async def test_every_answer_is_counted_when_its_turn_has_ended(scene: Recognising) -> None:
    scene.asked_for(ASKED)
    for _ in range(5):
        scene.receive(ASKED)
    assert scene.answered == [200]
    scene.end_turn()
    assert (scene.answered, scene.took) == ([200] * 6, [0] * 6)
    scene.end_turn()
    assert len(scene.answered) == 6


async def test_what_an_answer_rests_on_is_looked_at_once_a_turn_and_a_change_ends_them_all(scene: Recognising) -> None:
    other = request("GET", "/other")
    scene.asked_for(ASKED, other)
    assert (scene.asked_for(ASKED, ASKED, ASKED), scene.repeating.looks) == (["answer 1"] * 3, 1)
    scene.repeating.holds = False
    assert scene.asked_for(ASKED) == ["answer 3"]
    scene.repeating.holds = True
    assert scene.asked_for(other) == ["answer 4"], "it is forgotten as well"


async def test_a_change_ends_also_those_that_were_looked_at_before_it_in_the_same_turn(scene: Recognising) -> None:
    other = request("GET", "/other")
    scene.asked_for(ASKED, other)
    scene.receive(ASKED)
    scene.repeating.holds = False
    scene.receive(other)
    scene.receive(ASKED)
    assert scene.bodies() == ["answer 1", "answer 3", "answer 4"]


async def test_an_observer_that_fails_costs_no_other_count_and_no_look(scene: Recognising) -> None:
    """What was answered in a turn is looked at anew in the next, whatever becomes of its count."""
    other = request("GET", "/other")
    scene.asked_for(ASKED, other)
    scene.receive(ASKED)
    for _ in range(3):
        scene.receive(other)
    failing_first = mock.Mock(side_effect=[ArithmeticError, None])
    with mock.patch.object(scene.connection._handler.recognised, "_observe", failing_first):
        scene.end_turn()
    assert [told.args[-1] for told in failing_first.call_args_list] == [1, 3]
    scene.bodies()
    scene.repeating.holds = False
    assert scene.asked_for(other) == ["answer 3"]


async def test_the_date_is_that_of_the_second(scene: Recognising) -> None:
    scene.receive(ASKED)
    before, scene.transport.sent = scene.transport.sent, b""
    scene.wall += 0.7
    scene.receive(ASKED)
    assert scene.transport.sent == before
    scene.end_turn()
    scene.wall += 0.2
    scene.transport.sent = b""
    scene.receive(ASKED)
    assert b"Thu, 01 Jan 1970 00:16:41 GMT" in scene.transport.sent


async def test_a_new_second_changes_the_date_alone_and_asks_no_face(scene: Recognising) -> None:
    answers = []
    for _ in range(3):
        scene.receive(ASKED)
        scene.end_turn()
        answers.append(scene.transport.sent)
        scene.transport.sent = b""
        scene.wall += 1
    assert [answer.replace(f"16:4{place} GMT".encode(), b"") for place, answer in enumerate(answers)] == [
        answers[0].replace(b"16:40 GMT", b"")
    ] * 3
    assert len(scene.repeating.seen) == 1


async def test_an_answer_that_was_made_as_the_second_ended_is_not_remembered(scene: Recognising) -> None:
    """Its date is not the one that was looked at: no later one could be put in its place."""
    seconds = iter([1000.9, 1001.0, 1001.1, 1001.1, 1001.1, 1001.1])
    serializer = Serializer(lambda: next(seconds))
    scene.connection._handler.date = scene.connection._handler.recognised._date = serializer.date
    scene.connection._handler.serialize = serializer.serialize
    assert scene.asked_for(ASKED, ASKED) == ["answer 1", "answer 2"]


@pytest.mark.parametrize(
    "data",
    [
        request("GET", "/once"),
        request("GET", "/", "Content-Length: 2") + b"ab",
        request("GET", "/") * 2,
        request("GET", "/") + b"GET",
        request("GET", "/", "X-Long: " + "a" * LONGEST),
        request("GET", "/nowhere", "X: \x00"),
    ],
    ids=["what is good for once", "a body", "two", "one and a part", "a long one", "a refused one"],
)
async def test_these_are_never_remembered(scene: Recognising, data: bytes) -> None:
    scene.receive(data)
    assert scene.known == 0


async def test_what_came_in_parts_is_not_remembered(scene: Recognising) -> None:
    scene.receive(ASKED[:20])
    scene.receive(ASKED[20:])
    assert (scene.bodies(), scene.known) == (["answer 1"], 0)


async def test_what_had_to_be_waited_for_is_not_remembered(scene: Recognising) -> None:
    scene.receive(request("GET", "/wait"))
    await scene.until_it_is(State.IDLE)
    assert (scene.bodies(), scene.known) == (["answer 1"], 0)


async def test_few_are_remembered(scene: Recognising) -> None:
    for number in range(3 * MOST):
        scene.receive(request("GET", f"/{number}"))
        assert 1 <= scene.known <= MOST


async def test_what_nobody_asks_for_is_forgotten_in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognised, "FORGOTTEN_AFTER", 0.02)
    scene = Recognising()
    async with asyncio.timeout(HANGS_AFTER):
        for _ in range(2):
            scene.asked_for(ASKED)
            assert scene.known == 1
            while scene.known:
                await asyncio.sleep(0.001)
    assert scene.connection._handler.recognised._forgetting is None, "nothing is left to look for"


async def test_what_is_asked_for_is_kept_and_the_rest_goes(scene: Recognising) -> None:
    scene.asked_for(ASKED, request("GET", "/other"))
    known = scene.connection._handler.recognised
    known.forget_unused()
    assert scene.known == 2, "both were asked for since the look before"
    for _ in range(3):
        scene.asked_for(ASKED)
        known.forget_unused()
        assert scene.known == 1
    known.forget_unused()
    assert scene.known == 0


async def test_nothing_is_remembered_once_the_face_is_closed(scene: Recognising) -> None:
    scene.asked_for(ASKED)
    await scene.connection._handler.close()
    assert scene.known == 0
    assert scene.connection._handler.recognised._forgetting is None


async def test_no_secret_is_in_what_they_are_called(scene: Recognising) -> None:
    scene.asked_for(ASKED)
    shown = repr(list(scene.connection._handler.recognised._known.values()))
    assert "secret" not in shown
    assert "answer 1" not in shown


# --- only where a connection has nothing else to do -------------------------------------------------------------


async def test_it_waits_behind_one_that_waits(scene: Recognising) -> None:
    scene.asked_for(ASKED)
    scene.receive(request("GET", "/wait"))
    scene.receive(ASKED)
    assert (scene.state, scene.bodies()) == (State.ANSWERING, [])
    await scene.until_it_is(State.IDLE)
    assert scene.bodies() == ["answer 2", "answer 3"]


async def test_it_waits_until_the_client_reads(scene: Recognising) -> None:
    scene.asked_for(ASKED)
    scene.transport.stalled = True
    scene.asked_for(ASKED)
    assert scene.state is State.SENDING
    scene.receive(ASKED)
    assert (len(scene.answered), scene.transport.reads) == (2, False)


async def test_what_looks_like_a_request_inside_of_another_is_none(scene: Recognising) -> None:
    scene.asked_for(ASKED)
    scene.receive(request("PUT", "/", f"Content-Length: {len(ASKED)}"))
    assert (scene.state, scene.bodies()) == (State.RECEIVING, [])
    scene.receive(ASKED)
    assert scene.bodies() == ["answer 2"]


async def test_what_follows_the_last_request_is_nobodys(scene: Recognising) -> None:
    scene.asked_for(ASKED)
    scene.transport.unread = True
    scene.receive(CLOSES)
    scene.bodies()
    scene.receive(ASKED)
    assert (scene.state, scene.bodies()) == (State.LINGERING, [])


# --- how the connection goes on ---------------------------------------------------------------------------------


async def test_it_stays_open_and_its_idle_time_begins_anew(scene: Recognising) -> None:
    scene.asked_for(ASKED)
    scene.clock.now = 50
    scene.asked_for(ASKED)
    assert (scene.state, scene.connection.deadline) == (State.IDLE, 50 + LIMITS.idle)


async def test_idle_time_begins_anew_for_whoever_asks_next_in_the_same_turn(scene: Recognising) -> None:
    second = another_connection(scene)
    scene.asked_for(ASKED)
    scene.clock.now = 50
    scene.receive(ASKED)
    second.receive(ASKED)
    assert second.connection.deadline == 50 + LIMITS.idle


async def test_it_ends_where_the_client_said_so(scene: Recognising) -> None:
    first = scene
    first.asked_for(CLOSES)
    assert first.state is State.CLOSED
    second = another_connection(first)
    second.receive(CLOSES)
    assert (second.state, second.transport.sent.count(b"Connection: close")) == (State.CLOSED, 1)
    assert len(first.repeating.seen) == 1


def another_connection(scene: Recognising) -> Recognising:
    """To the same face, by the same handler."""
    other = Recognising()
    other.transport = FakeTransport()
    other.connection = other.transport.receiver = Connection(scene.connection._handler, scene.pool, other.transport)
    other.connection.connection_made()
    return other


async def test_a_connection_that_has_lasted_too_long_ends_with_its_next_answer(scene: Recognising) -> None:
    scene.asked_for(ASKED)
    scene.clock.now = LIMITS.total
    scene.receive(ASKED)
    assert (scene.state, b"Connection: close" in scene.transport.sent) == (State.CLOSED, True)
    young = another_connection(scene)
    young.receive(ASKED)
    assert (young.state, b"Connection: close" in young.transport.sent) == (State.IDLE, False)


async def test_one_that_has_lasted_too_long_ends_though_another_has_asked_before_it_in_the_same_turn(
    scene: Recognising,
) -> None:
    scene.clock.now = 10
    young = another_connection(scene)
    young.asked_for(ASKED)
    scene.clock.now = LIMITS.total
    young.receive(ASKED)
    scene.receive(ASKED)
    assert (scene.state, b"Connection: close" in scene.transport.sent) == (State.CLOSED, True)
    assert (young.state, b"Connection: close" in young.transport.sent) == (State.IDLE, False)


async def test_once_the_server_ends_each_answer_is_its_connections_last(scene: Recognising) -> None:
    scene.asked_for(ASKED)
    with mock.patch.object(scene.pool, "_leaving", return_value=True):
        scene.receive(ASKED)
    assert (scene.state, b"Connection: close" in scene.transport.sent) == (State.CLOSED, True)
