"""One GET to whatever listens in the pod: whole, bounded in time and size, and clear about what is no answer."""

import socket

import pytest

from sidecar.client import local_http
from sidecar.client.local_http import NotHttp, get
from sidecar.http.addresses import TcpAddress
from tests.client.raw_server import answering
from tests.needs import on_ipv6


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", 200, b"to the end"),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nyes", 503, b"yes"),
        (b"HTTP/1.1 204 \r\n\r\n", 204, b""),
        (b"HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\nyes", 200, b"ye"),
    ],
)
def test_status_and_body_are_read(answer: bytes, status: int, body: bytes) -> None:
    with answering(answer) as address:
        reply = get(address, "/")
    assert (reply.status, reply.body) == (status, body)


def test_an_answer_may_come_in_pieces_over_a_connection_that_stays_open() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 4\r\n\r\nab", b"cd", keep_open=True) as address:
        assert get(address, "/").body == b"abcd"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "does not speak HTTP"),
        (b"220 smtp.example\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "does not speak HTTP"),
        (b"HTTP/2 200\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "incomplete"),
    ],
)
def test_what_is_no_whole_answer_is_none(answer: bytes, reason: str) -> None:
    with answering(answer) as address, pytest.raises(NotHttp, match=reason):
        get(address, "/")


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_http, "LARGEST_ANSWER", 1000)
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001
    with answering(endless, keep_open=True) as address, pytest.raises(NotHttp, match="longer than 1000 bytes"):
        get(address, "/")


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_the_whole_answer_has_one_bound_in_time(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_http, "LOCAL_TIMEOUT", 0.1)
    with answering(sent, keep_open=True) as address, pytest.raises(TimeoutError, match="no answer within"):
        get(address, "/")


@pytest.mark.parametrize("path", ["", "v1", "/a b", "/a\r\nX: y", "/ä"])
def test_a_path_that_no_request_can_carry_is_not_sent(path: str) -> None:
    with pytest.raises(ValueError, match="HTTP does not allow"):
        get(TcpAddress("127.0.0.1", 1), path)


def test_a_reply_does_not_show_its_body() -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\nsecret") as address:
        assert "secret" not in repr(get(address, "/"))


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), pytest.param(socket.AF_INET6, "::1", marks=on_ipv6)]
)
def test_localhost_is_asked_without_a_name_server(
    family: socket.AddressFamily, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object, **__: object) -> None:
        pytest.fail("a name server was asked")

    with socket.create_server((host, 0), family=family) as server:
        monkeypatch.setattr(socket, "getaddrinfo", silent)
        monkeypatch.setattr(local_http, "LOCAL_TIMEOUT", 0.1)
        with pytest.raises(TimeoutError, match="no answer within"):  # it has connected
            get(TcpAddress("localhost", server.getsockname()[1]), "/")


def test_localhost_refuses_as_ipv4_does(unused_tcp_port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        get(TcpAddress("localhost", unused_tcp_port), "/")
