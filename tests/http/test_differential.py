"""Our parsing of HTTP against two others: aiohttp's parser in Python, and the one in C that it uses.

The C one is llhttp too, but another release of it, set up by other people; the Python one is independent. Where a
judge differs, it is written down here with the reason, and a difference that has gone must be struck out.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy
from hypothesis import given
from hypothesis import strategies as st

from sidecar.http.limits import Limits
from sidecar.http.messages import ParsedRequest, Request, Response
from sidecar.http.parser import RequestParser
from sidecar.http.refusals import SUPPORTED_METHODS
from tests.http.corpus import CORPUS
from tests.http.peer import request

Reading = list[Request | str]
"""Requests in order; `refused` in place of the first that cannot be one, and the end of the list."""
C, PYTHON, BOTH = {"C"}, {"Python"}, {"C", "Python"}
DIFFERENCES = {
    "HTTP/1.0 with an absolute target": (
        BOTH,
        "we give the face the Host that the target names, so that it is checked",
    ),
    "two spaces after the method": (PYTHON, "llhttp forgives a second space; RFC 9112, section 3, lets it"),
    "two spaces after the target": (PYTHON, "as well"),
    "several empty lines before": (PYTHON, "llhttp forgives a bare LF between requests, where nothing can hide"),
    "a trailer that tries to be a header": (C, "we read trailers only to forget them"),
    "RTSP": (PYTHON, "llhttp takes RTSP/1.0 for HTTP/1.0; nothing but the name differs"),
    "a TLS hello": (PYTHON, "waits for a line's end; we answer at the first byte that no method begins with"),
    "a method in lower case": (PYTHON, "methods are case-sensitive: RFC 9110, section 9.1"),
    "HTTP/1.2": (PYTHON, "there is none"),
    "a byte beyond ASCII in the target": (PYTHON, "targets are ASCII: RFC 3986"),
    "a fragment": (BOTH, "a fragment is never sent: RFC 9112, section 3.2.1"),
    "an absolute target of another scheme": (BOTH, "we serve http"),
    "an absolute target of another host": (
        BOTH,
        "target and Host must agree: which of them the guard checks must not matter",
    ),
    "an absolute target with a user": (BOTH, "RFC 9110, section 4.2.4: treat it as an error"),
    "a length beyond 64 bits": (PYTHON, "Python's numbers have no end; our limit on bodies would refuse it as well"),
    "chunks in HTTP/1.0": (BOTH, "RFC 9112, section 6.1: faulty framing"),
    "a chunk's size beyond 64 bits": (PYTHON, "as with lengths"),
    "too many headers": (BOTH, "our limit"),
    "too many trailers": (BOTH, "our limit"),
    "too large a body": (BOTH, "our limit"),
    "too large a body that waits to be asked for": (BOTH, "our limit"),
    "too large a body in chunks": (BOTH, "our limit"),
    "an unknown expectation": (BOTH, "aiohttp looks at it later, and answers 417 too"),
    "an unknown coding in chunks": (BOTH, "RFC 9112, section 6.1: 501; nobody here would decode it"),
    "HTTP/2.0": (BOTH, "RFC 9110, section 15.6.6: 505; aiohttp answers as if it were HTTP/1"),
    "HTTP/0.9": (C, "the same"),
    "a request after the last": (BOTH, "we answer the last and read no further: RFC 9112, section 9.6"),
    "noise after the last request": (C, "as well"),
}
"""By case: which judges read it differently, and why ours stands."""
REFUSED = "refused"


def ours(*parts: bytes) -> Reading:
    parser = RequestParser(Limits())
    for part in parts:
        parser.feed(part)
    return [_seen(item) for item in parser.requests]


def _seen(item: ParsedRequest | Response) -> Request | str:
    """What a face would answer other than by a refusal."""
    return item.request if isinstance(item, ParsedRequest) and item.request.method in SUPPORTED_METHODS else REFUSED


def theirs(parser: Callable[..., Any], data: bytes) -> Reading:
    reading: Reading = []
    loop = asyncio.new_event_loop()
    try:
        judge = parser(Mock(), loop, 2**16, max_line_size=8190, max_field_size=8190)
        messages, _, _ = judge.feed_data(data)
        for message, payload in messages:
            reading.append(_request(message) if payload.exception() is None else REFUSED)
    except BadHttpMessage:
        reading.append(REFUSED)
    finally:
        loop.close()
    return reading


def _request(message: Any) -> Request | str:
    if message.method not in SUPPORTED_METHODS:
        return REFUSED
    headers: dict[str, str] = {}
    for name, value in message.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Request(message.method, message.url.raw_path, headers)


JUDGES = {"C": HttpRequestParser, "Python": HttpRequestParserPy}


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("case", CORPUS)
def test_others_read_the_same_or_there_is_a_reason(case: str, judge: str) -> None:
    agree = ours(CORPUS[case]) == theirs(JUDGES[judge], CORPUS[case])
    differing, _ = DIFFERENCES.get(case, (set[str](), ""))
    assert agree == (judge not in differing)


def test_the_corpus_is_large_and_no_difference_is_about_a_case_that_has_gone() -> None:
    assert len(CORPUS) >= 120
    assert set(DIFFERENCES) <= set(CORPUS)


@pytest.mark.parametrize("case", CORPUS)
def test_it_does_not_matter_where_the_bytes_are_cut(case: str) -> None:
    data = CORPUS[case]
    whole = ours(data)
    step = max(1, len(data) // 200)
    assert all(ours(data[:cut], data[cut:]) == whole for cut in range(1, len(data), step))
    assert len(data) > 2000 or ours(*(data[i : i + 1] for i in range(len(data)))) == whole


TOKENS = st.text("abcXYZ09!#$%&'*+-.^_`|~", min_size=1, max_size=8)
VALUES = st.text(st.characters(codec="latin-1", min_codepoint=32, exclude_characters="\x7f"), max_size=12)


@given(
    method=st.sampled_from(SUPPORTED_METHODS),
    path=st.text("/abc.-_~!$&'()*+,;=:@%09", max_size=12),
    headers=st.dictionaries(TOKENS.map(lambda name: f"x-{name}"), VALUES, max_size=5),
    cut=st.integers(0, 60),
)
def test_whatever_a_request_holds_all_three_read_it_the_same(
    method: str, path: str, headers: dict[str, str], cut: int
) -> None:
    data = request(method, f"/{path}", *(f"{name}: {value}" for name, value in headers.items()))
    whole = ours(data)
    assert isinstance(whole[0], Request)
    assert whole == ours(data[:cut], data[cut:]) == theirs(HttpRequestParser, data) == theirs(HttpRequestParserPy, data)
