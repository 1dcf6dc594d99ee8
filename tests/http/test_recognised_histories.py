"""Whether requests are recognised or not, clients see the same bytes and every counter the same numbers.

Both live through made-up histories: rotations, expiry, tokens that change, clocks that jump, drains, other roles,
clients that stall, send by halves and vanish, and mutated bytes. A history ends with each client being asked again.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.faces.imds_tokens import SessionTokens
from tests.faces.imds_kit import CREDENTIALS, POD
from tests.http.fuzz import mutant
from tests.http.histories import FIXED, Clock, Outside, Sidecar, settle
from tests.http.peer import request
from tests.scale import cases

CLOSE = "Connection: close"
TOKENS = (f"Authorization: {FIXED}", *(f"Authorization: token-{number}" for number in range(3)), "Authorization: wrong")
NAMES, DOCUMENT = f"{CREDENTIALS}/", f"{CREDENTIALS}/{POD.role_name}"
USUAL = {
    0: [request("GET", "/v1/credentials", token, *closing) for token in TOKENS[:2] for closing in ((), (CLOSE,))],
    1: [request("GET", path, *closing) for path in (NAMES, DOCUMENT) for closing in ((), (CLOSE,))],
}
"""What each face is asked for."""
OTHERS = [
    *(request("GET", "/v1/credentials", token) for token in TOKENS),
    request("HEAD", "/v1/credentials", TOKENS[0]),
    request("GET", "/", TOKENS[0], version="1.0"),
    request("GET", "/", TOKENS[0], "Connection: keep-alive", version="1.0"),
    request("GET", "/v1/credentials"),
    request("GET", "/v1/credentials", TOKENS[0], "Content-Length: 2") + b"ab",
    request("GET", "/v1/credentials", TOKENS[0]) * 2,
    request("GET", "/v1/credentials", TOKENS[0]) + request("GET", "/nowhere"),
    request("GET", "/v1/credentials", TOKENS[0]) + b"GET",
    request("GET", "/v1/credentials", TOKENS[0], CLOSE) + b"GET",
    request("GET", "/latest/meta-data/iam/info"),
    request("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60"),
]

WHO, FACE = st.integers(0, 9), st.integers(0, 1)
ANY = st.sampled_from([*USUAL[0], *USUAL[1], *OTHERS])
ASKED = st.one_of(
    st.tuples(st.just("ask"), WHO, ANY),
    FACE.flatmap(lambda face: st.tuples(st.just("ask anew"), st.just(face), st.sampled_from(USUAL[face]))),
    st.tuples(st.just("ask anew"), FACE, ANY),
    st.tuples(st.just("show a session token"), WHO, st.integers(0, 3), st.sampled_from([NAMES, DOCUMENT])),
    st.tuples(st.just("send by halves"), WHO, ANY, st.integers(1, 120)),
    st.tuples(st.just("send"), WHO, st.integers(0, 2**32).map(lambda seed: mutant(random.Random(seed)))),
)
HAPPENS = st.one_of(
    st.tuples(st.just("time passes"), st.sampled_from([0.1, 0.4, 1.0, 5.0, 29.0, 61.0, 250.0, 900.0, 1700.0, 3500.0])),
    st.tuples(st.just("the wall clock jumps"), st.sampled_from([-3600.0, -1.0, 1.0, 120.0, 3600.0])),
    st.tuples(st.just("STS issues"), st.sampled_from([10.0, 900.0, 3600.0])),
    st.tuples(st.just("STS fails")),
    st.tuples(st.just("the token rotates"), st.integers(0, 2)),
    st.tuples(st.just("other roles"), st.booleans()),
    st.tuples(st.just("a session token"), st.sampled_from([1, 30, 21_600])),
    st.tuples(st.just("connect"), st.integers(0, 1)),
    st.tuples(st.just("half close"), WHO),
    st.tuples(st.just("stall"), WHO),
    st.tuples(st.just("read on"), WHO),
    st.tuples(st.just("vanish"), WHO),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("leave"), st.booleans()),
)
HISTORIES = st.lists(st.one_of(ASKED, ASKED, ASKED, HAPPENS), min_size=1, max_size=60)
Step = tuple[Any, ...]


class Both:
    """The two, and what happens to them alike."""

    def __init__(self) -> None:
        self.outside = Outside(Clock())
        self.each = [Sidecar(self.outside, recognises=True), Sidecar(self.outside, recognises=False)]
        self.session_tokens = ["no token"]

    async def live(self, *history: Step) -> None:
        for step in history:
            what, *details = step
            if what not in WITHIN_A_TURN:
                self._end_turn()
            HAPPENS_TO[str(what)](self, *details)
            await settle()
            self._compare(step)
        self._end_turn()
        self._compare(("the end",))

    async def end(self) -> None:
        for sidecar in self.each:
            await sidecar.end()

    def ask(self, who: int, *parts: bytes) -> None:
        for part in parts:
            for sidecar in self.each:
                sidecar.receive(who, part)

    def ask_anew(self, face: int, data: bytes) -> None:
        for sidecar in self.each:
            sidecar.connect(face)
            sidecar.receive(-1, data)

    def show_a_session_token(self, who: int, number: int, path: str) -> None:
        token = self.session_tokens[number % len(self.session_tokens)]
        self.ask(who, request("GET", path, f"X-aws-ec2-metadata-token: {token}"))

    def issue(self, life: float) -> None:
        issued = self.outside.next_credentials(life)
        for sidecar in self.each:
            sidecar.issue(issued)

    def issue_a_session_token(self, life: int) -> None:
        self.session_tokens.append(SessionTokens(b"a key", self.outside.clock.now).issue(life))

    def _end_turn(self) -> None:
        for sidecar in self.each:
            sidecar.end_turn()
        one, other = self.each
        assert one.counted == other.counted
        assert one.remembered_statuses() <= {200}, "a refusal is judged each time"

    def _compare(self, after: Step) -> None:
        one, other = self.each
        assert one.seen() == other.seen(), after


def to_each(happens: Callable[..., None]) -> Callable[..., None]:
    """To one sidecar and the other."""

    def to_both(both: Both, *details: object) -> None:
        for sidecar in both.each:
            happens(sidecar, *details)

    return to_both


def pass_time(both: Both, seconds: float) -> None:
    both.outside.clock.at += seconds


def jump(both: Both, seconds: float) -> None:
    both.outside.clock.ahead += seconds


def rotate(both: Both, number: int) -> None:
    both.outside.token = f"token-{number}"


def leave(both: Both, leaving: bool) -> None:
    both.outside.leaving = leaving


WITHIN_A_TURN = {"ask", "ask anew", "show a session token", "send by halves", "send"}
"""Nothing else happens between a turn's beginning and its end."""
HAPPENS_TO: dict[str, Callable[..., None]] = {
    "ask": Both.ask,
    "ask anew": Both.ask_anew,
    "show a session token": Both.show_a_session_token,
    "send by halves": lambda both, who, data, cut: both.ask(who, data[:cut], *([data[cut:]] if data[cut:] else [])),
    "send": Both.ask,
    "time passes": pass_time,
    "the wall clock jumps": jump,
    "the token rotates": rotate,
    "leave": leave,
    "a session token": Both.issue_a_session_token,
    "STS issues": Both.issue,
    "STS fails": to_each(Sidecar.fail),
    "other roles": to_each(lambda sidecar, some: sidecar.reload() if some else sidecar.reload_with_no_role()),
    "connect": to_each(Sidecar.connect),
    "half close": to_each(Sidecar.receive_eof),
    "stall": to_each(Sidecar.stall),
    "read on": to_each(Sidecar.read_on),
    "vanish": to_each(Sidecar.vanish),
    "sweep": to_each(Sidecar.sweep),
}
BEGINNING: tuple[Step, ...] = (
    ("STS issues", 3600.0),
    ("a session token", 21_600),
    *(("ask anew", face, data) for face in (0, 1) for data in USUAL[face] * 2),
)
"""Both have a token, credentials, and clients that have asked."""
AT_LAST: tuple[Step, ...] = tuple(("ask anew", face, data) for face in (0, 1) for data in USUAL[face])


def lived(*history: Step) -> Both:
    async def live() -> Both:
        both = Both()
        try:
            await both.live(*BEGINNING, *history, *AT_LAST)
        finally:
            await both.end()
        return both

    return asyncio.run(live())


@settings(max_examples=cases(1000, 200), deadline=None)
@given(HISTORIES)
def test_no_history_shows_whether_requests_are_recognised(history: list[Step]) -> None:
    lived(*history)


CONTAINER, IMDS = USUAL[0][0], USUAL[1][2]
ROTATED = USUAL[0][2]
SHOWN = (("ask anew", 1, request("GET", "/latest/meta-data/none")), ("show a session token", -1, -1, DOCUMENT))
NAMED = (SHOWN[0], ("show a session token", -1, -1, NAMES))
A_MOMENT = ("time passes", 0.4)
HOURS: tuple[Step, ...] = (("time passes", 7200.0), ("the wall clock jumps", -7200.0))
"""A suspended machine whose wall clock is set back: no date tells."""
CHANGES: dict[str, tuple[Step, ...]] = {
    "new credentials": (("STS issues", 3600.0),),
    "new credentials, IMDS": (("STS issues", 3600.0),),
    "other roles": (("other roles", True),),
    "no role": (("other roles", False),),
    "a failed attempt": (("STS fails",),),
    "a pause": (("the wall clock jumps", 4000.0),),
    "hours": HOURS,
    "the end has begun": (("leave", True),),
    "the next second": (A_MOMENT, A_MOMENT),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_moment_when_something_changes_does_not_show(change: str) -> None:
    asked = (("ask anew", 0, CONTAINER), ("ask anew", 1, IMDS))
    lived(*asked, *CHANGES[change], *asked)


@pytest.mark.parametrize("shown", [SHOWN, NAMED], ids=["the document", "the names"])
def test_the_end_of_a_session_token_within_a_second_does_not_show(shown: tuple[Step, ...]) -> None:
    both = lived(("a session token", 1), ("time passes", 0.7), *shown, *shown, A_MOMENT, *shown)
    assert sum(times for (_, _, status), times in both.each[0].counted.items() if status == 401) == 1


def test_the_moment_from_which_imds_is_silent_does_not_show() -> None:
    anew = ("ask anew", 1, IMDS)
    both = lived(("time passes", 2699.7), anew, anew, A_MOMENT, anew)
    assert both.each[0].counted["imds", f"GET {DOCUMENT}", 503] > 0


def test_the_hour_of_a_replaced_token_ends_though_no_date_tells() -> None:
    anew = ("ask anew", 0, ROTATED)
    both = lived(
        ("the token rotates", 1),
        *(("time passes", 31.0), anew, ("ask anew", 0, CONTAINER), anew),
        *(("time passes", 3599.8), ("the wall clock jumps", -3599.9), ("STS issues", 3600.0)),
        *(anew, anew, anew, A_MOMENT, anew),
    )
    assert both.each[0].counted["container", "GET /v1/credentials", 401] > 0


def test_a_token_whose_file_is_to_be_read_again_is_not_taken_on_trust() -> None:
    anew = ("ask anew", 0, ROTATED)
    lived(anew, ("the token rotates", 1), ("time passes", 31.0), ("the wall clock jumps", -31.0), anew, anew)
