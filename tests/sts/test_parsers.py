"""Either of aiohttp's parsers gives the same credentials, or the same time to try again.

`serve` loads the one in Python, the doctor the one in C. What is no HTTP they name differently.
"""

import asyncio

import pytest
from aiohttp import client_proto, http_parser

from sidecar.core.errors import ExchangeFailed
from tests.recorded import recorded
from tests.sts.calls import listening
from tests.sts.test_exchange import call_to, exchanged

BODY = recorded("issued")
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
OK, CLOSE = b"HTTP/1.1 200 OK\r\n", b"Connection: close\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def chunk(part: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(part), extension, part)


ANSWERS = {
    "plain": OK + LENGTH + b"\r\n" + BODY,
    "until the end": OK + CLOSE + b"\r\n" + BODY,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + BODY,
    "lower case": OK + LENGTH.lower() + b"\r\n" + BODY,
    "no space": OK + LENGTH.replace(b": ", b":") + b"\r\n" + BODY,
    "white space": OK + LENGTH.replace(b": ", b": \t ").replace(b"\r\n", b"  \r\n") + b"\r\n" + BODY,
    "chunked": OK + CHUNKED + b"\r\n" + chunk(BODY[:200]) + chunk(BODY[200:]) + chunk(b""),
    "chunks with extensions": OK + CHUNKED + b"\r\n" + chunk(BODY, b";a=b") + b"0\r\nTrailer: 1\r\n\r\n",
    "no last chunk": OK + CHUNKED + b"\r\n" + chunk(BODY),
    "no size of a chunk": OK + CHUNKED + b"\r\nxyz\r\n" + BODY,
    "negative size of a chunk": OK + CHUNKED + b"\r\n-5\r\n" + BODY,
    "continue first": b"HTTP/1.1 100 Continue\r\n\r\n" + OK + LENGTH + b"\r\n" + BODY,
    "hints first": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + LENGTH + b"\r\n" + BODY,
    "more than was announced": OK + LENGTH + b"\r\n" + BODY + b"more",
    "less than was announced": OK + LENGTH + b"\r\n" + BODY[:-9],
    "two lengths": OK + LENGTH + b"Content-Length: 7\r\n\r\n" + BODY,
    "the same length twice": OK + LENGTH + LENGTH + b"\r\n" + BODY,
    "a negative length": OK + b"Content-Length: -1\r\n\r\n" + BODY,
    "no length": OK + b"Content-Length: many\r\n\r\n" + BODY,
    "an endless length": OK + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n" + BODY,
    "length and chunks": OK + LENGTH + CHUNKED + b"\r\n" + chunk(BODY) + chunk(b""),
    "lines end early": OK.replace(b"\r\n", b"\n") + LENGTH.replace(b"\r\n", b"\n") + b"\n" + BODY,
    "a folded header": OK + b"X-A: b\r\n c\r\n" + LENGTH + b"\r\n" + BODY,
    "a header without a colon": OK + b"nonsense\r\n" + LENGTH + b"\r\n" + BODY,
    "a header's name with a space": OK + b"X A: b\r\n" + LENGTH + b"\r\n" + BODY,
    "a header that is not ASCII": OK + b"X-A: \xc3\xa4\xff\r\n" + LENGTH + b"\r\n" + BODY,
    "a header with NUL": OK + b"X-A: b\0\r\n" + LENGTH + b"\r\n" + BODY,
    "a long header": OK + b"X-A: " + b"b" * 9000 + b"\r\n" + LENGTH + b"\r\n" + BODY,
    "many headers": OK + b"X-A: b\r\n" * 500 + LENGTH + b"\r\n" + BODY,
    "empty lines first": b"\r\n\r\n" + OK + LENGTH + b"\r\n" + BODY,
    "another version": b"HTTP/2.0 200 OK\r\n" + LENGTH + b"\r\n" + BODY,
    "no version": b"200 OK\r\n" + LENGTH + b"\r\n" + BODY,
    "no number": b"HTTP/1.1 OK\r\n" + LENGTH + b"\r\n" + BODY,
    "a long number": b"HTTP/1.1 2000 OK\r\n" + LENGTH + b"\r\n" + BODY,
    "compressed, it says": OK + b"Content-Encoding: gzip\r\n" + LENGTH + b"\r\n" + BODY,
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x0a",
}


async def taken(answer: bytes) -> str:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)

    async with listening(serve) as port:
        try:
            return f"issued until {(await exchanged(call_to(f'http://127.0.0.1:{port}/'))).expires_at}"
        except ExchangeFailed as error:
            return error.retry.name


@pytest.mark.parametrize("name", ANSWERS)
async def test_both_parsers_come_to_the_same(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    in_python = await taken(ANSWERS[name])
    monkeypatch.setattr(client_proto, "HttpResponseParser", http_parser.HttpResponseParserC)
    assert in_python == await taken(ANSWERS[name])
