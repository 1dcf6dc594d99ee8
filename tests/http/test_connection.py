"""The states of a connection, one move at a time: no socket, no loop but for a face that waits, time by hand."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from itertools import product

import pytest

from sidecar.http.connection import (
    ENDING,
    TIME_LIMITS,
    TRANSITIONS,
    Event,
    IllegalTransition,
    State,
)
from sidecar.http.messages import Request, Response
from sidecar.http.serializer import CONTINUE
from tests.http.peer import request
from tests.http.scene import LIMITS, Scene

LAST = ("Connection: close",)


@pytest.fixture
async def scene() -> Scene:
    return Scene()


# --- the table -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)), ids=lambda member: member.name)
async def test_what_is_in_the_table_moves_and_what_is_not_raises_and_changes_nothing(
    scene: Scene, state: State, event: Event
) -> None:
    scene.connection.state = state
    scene.clock.now = 7
    before = scene.connection.deadline
    if event in TRANSITIONS[state]:
        scene.connection._move(event)
        assert scene.state is TRANSITIONS[state][event]
        assert scene.connection.deadline == 7 + TIME_LIMITS[scene.state](LIMITS)
        return
    with pytest.raises(IllegalTransition, match=f"{event.name} in {state.name}"):
        scene.connection._move(event)
    assert (scene.state, scene.connection.deadline) == (state, before)


def test_each_state_but_the_last_can_be_lost_and_from_the_last_there_is_no_way() -> None:
    assert {state for state in State if TRANSITIONS[state].get(Event.LOST) is State.CLOSED} == {*State} - {State.CLOSED}
    assert TRANSITIONS[State.CLOSED] == {}


def test_after_the_last_answer_there_is_no_way_back() -> None:
    assert {after for state in ENDING for after in TRANSITIONS[state].values()} <= ENDING


def test_every_state_can_be_reached() -> None:
    reached = {State.IDLE}
    for _ in State:
        reached |= {after for state in reached for after in TRANSITIONS[state].values()}
    assert reached == set(State)


# --- what leads where ------------------------------------------------------------------------------------------


async def test_a_request_leads_through_the_states_and_back(scene: Scene) -> None:
    await scene.until_it_is(State.IDLE)
    scene.receive(request("GET", "/wait")[:9])
    await scene.until_it_is(State.RECEIVING)
    scene.receive(request("GET", "/wait")[9:])
    await scene.until_it_is(State.ANSWERING)
    scene.face.may_go.set()
    await scene.until_it_is(State.IDLE)
    assert scene.transport.sent.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_an_answer_is_counted_with_the_time_from_question_to_answer(scene: Scene) -> None:
    scene.clock.now = 10
    scene.receive(request("GET", "/wait"))
    scene.clock.now = 13
    scene.face.may_go.set()
    await scene.until_it_is(State.IDLE)
    assert (scene.answered, scene.took) == ([200], [3])


def sending(scene: Scene) -> None:
    scene.transport.stalled = True
    scene.connection._move(Event.ANSWERED)
    scene.transport.write(b"an answer")
    scene.transport.flush()


def lingering(scene: Scene) -> None:
    scene.receive(b"nonsense\r\n")


def finishing(scene: Scene) -> None:
    scene.transport.stalled = True
    scene.receive(b"nonsense\r\n")


def closing(scene: Scene) -> None:
    scene.transport.stalled = True
    scene.receive(request("GET", "/", *LAST))


WAYS: dict[State, Callable[[Scene], None]] = {
    State.IDLE: lambda _: None,
    State.RECEIVING: lambda scene: scene.receive(b"GET"),
    State.ANSWERING: lambda scene: scene.receive(request("GET", "/wait")),
    State.SENDING: sending,
    State.LINGERING: lingering,
    State.FINISHING: finishing,
    State.CLOSING: closing,
}


@pytest.mark.parametrize(
    ("state", "limit"),
    [
        (State.IDLE, LIMITS.idle),
        (State.RECEIVING, LIMITS.read),
        (State.ANSWERING, LIMITS.answer),
        (State.SENDING, LIMITS.write),
        (State.LINGERING, LIMITS.linger),
        (State.FINISHING, LIMITS.write),
        (State.CLOSING, LIMITS.write),
    ],
)
async def test_each_state_has_its_time_which_begins_with_it(scene: Scene, state: State, limit: float) -> None:
    scene.clock.now = 100
    WAYS[state](scene)
    assert scene.state is state
    assert scene.connection.deadline == (limit if state is State.IDLE else 100 + limit)


@pytest.mark.parametrize(
    ("state", "after", "said"),
    [
        (State.IDLE, State.CLOSED, b""),
        (State.RECEIVING, State.LINGERING, b"HTTP/1.1 408"),
        (State.ANSWERING, State.CANCELLING, b""),
        (State.SENDING, State.CLOSED, b""),
        (State.LINGERING, State.CLOSED, b"HTTP/1.1 400"),
        (State.FINISHING, State.CLOSED, b""),
        (State.CLOSING, State.CLOSED, b""),
    ],
)
async def test_whatever_lasts_too_long_ends(scene: Scene, state: State, after: State, said: bytes) -> None:
    WAYS[state](scene)
    scene.connection.overdue()
    assert (scene.state, scene.transport.sent[: len(said) or 1]) == (after, said)


async def test_a_face_that_was_told_to_stop_has_a_moment_and_then_its_connection_is_cut(scene: Scene) -> None:
    scene.receive(request("GET", "/stubborn"))
    scene.clock.now = LIMITS.answer
    await asyncio.sleep(0)
    scene.connection.overdue()
    assert (scene.state, scene.connection.deadline) == (State.CANCELLING, LIMITS.answer + LIMITS.linger)
    await scene.face.cancelled.wait()
    scene.connection.overdue()
    assert scene.state is State.CLOSED
    scene.face.may_go.set()


async def test_a_client_that_reads_again_is_answered_on(scene: Scene) -> None:
    sending(scene)
    scene.receive(request("GET", "/wait"))
    assert (scene.state, scene.transport.reads, scene.face.seen) == (State.SENDING, False, [])
    scene.transport.stalled = False
    scene.transport.flush()
    assert (scene.state, scene.transport.reads) == (State.ANSWERING, True)


async def test_a_refused_client_that_reads_late_has_its_time_to_linger_all_the_same(scene: Scene) -> None:
    finishing(scene)
    scene.clock.now = 3
    scene.transport.stalled = False
    scene.transport.flush()
    assert (scene.state, scene.connection.deadline) == (State.LINGERING, 3 + LIMITS.linger)


@pytest.mark.parametrize("state", [State.IDLE, State.LINGERING, State.FINISHING])
async def test_a_client_that_has_said_all_is_closed_where_it_waits_for_nothing(scene: Scene, state: State) -> None:
    WAYS[state](scene)
    scene.receive_eof()
    assert scene.state is (State.CLOSING if state is State.FINISHING else State.CLOSED)


@pytest.mark.parametrize("state", [State.ANSWERING, State.SENDING])
async def test_a_client_that_has_said_all_gets_what_it_asked_for_and_is_then_closed(scene: Scene, state: State) -> None:
    WAYS[state](scene)
    scene.receive_eof()
    assert scene.state is state
    scene.face.may_go.set()
    scene.transport.stalled = False
    scene.transport.flush()
    await scene.until_it_is(State.CLOSED)
    assert scene.transport.sent


async def test_a_request_that_is_cut_short_is_refused_and_its_connection_closed_at_once(scene: Scene) -> None:
    scene.receive(b"GET")
    scene.receive_eof()
    assert (scene.answered, scene.state) == ([400], State.CLOSED)


@pytest.mark.parametrize(
    ("more", "unread", "after"),
    [(b"", False, State.CLOSED), (b"x", False, State.LINGERING), (b"", True, State.LINGERING)],
    ids=["all is read", "more came", "there may be more"],
)
async def test_after_the_last_answer_we_linger_where_the_client_may_be_sending(
    scene: Scene, more: bytes, unread: bool, after: State
) -> None:
    scene.transport.unread = unread
    scene.receive(request("GET", "/", *LAST) + more)
    await scene.until_it_is(after)
    assert scene.transport.eof is (after is State.LINGERING)


async def test_nothing_is_kept_of_an_answer_that_was_waited_for(scene: Scene) -> None:
    scene.receive(request("GET", "/wait"))
    task = scene.connection._task
    assert task is not None
    left = weakref.ref(task)
    del task
    scene.face.may_go.set()
    await scene.until_it_is(State.IDLE)
    await asyncio.sleep(0)
    gc.collect()
    assert left() is None


async def test_what_comes_while_we_linger_is_dropped(scene: Scene) -> None:
    lingering(scene)
    scene.receive(request())
    assert (scene.state, scene.face.seen, scene.answered) == (State.LINGERING, [], [400])


async def test_losing_the_connection_cancels_the_face_and_its_answer_goes_nowhere(scene: Scene) -> None:
    scene.receive(request("GET", "/wait"))
    await asyncio.sleep(0)
    scene.transport.abort()
    await scene.face.cancelled.wait()
    await asyncio.sleep(0)
    assert (scene.state, scene.transport.sent, scene.answered, len(scene.pool)) == (State.CLOSED, b"", [], 0)


async def test_an_answer_at_once_is_sent_before_the_next_request_is_put_to_the_face() -> None:
    class Counting:
        name = "counting"
        asked = 0

        def answer(self, _: Request) -> Response:
            self.asked += 1
            return Response(200, b"", {})

    face = Counting()
    scene = Scene(face)
    scene.transport.stalled = True
    scene.receive(request() * 3)
    assert (scene.state, face.asked) == (State.SENDING, 1)
    scene.transport.stalled = False
    scene.transport.flush()
    assert (scene.state, face.asked) == (State.IDLE, 3)


async def test_a_client_that_waits_to_be_told_to_go_on_is_told_at_once(scene: Scene) -> None:
    scene.receive(request("PUT", "/", "Content-Length: 1", "Expect: 100-continue"))
    assert (scene.state, scene.transport.sent) == (State.RECEIVING, CONTINUE)
    scene.receive(b"x")
    await scene.until_it_is(State.IDLE)
    assert scene.answered == [200]


async def test_an_answer_that_was_waited_for_is_sent_before_the_next_face_is_asked(scene: Scene) -> None:
    scene.receive(request("GET", "/wait") + request("GET", "/wait"))
    scene.transport.stalled = True
    scene.face.may_go.set()
    await scene.until_it_is(State.SENDING)
    assert len(scene.face.seen) == 1
