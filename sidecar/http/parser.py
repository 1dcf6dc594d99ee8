"""Bytes in, requests out: HTTP/1.1 without I/O.

llhttp (through httptools, all its leniencies off) judges the syntax; here stands what it leaves open: limits, versions,
methods, hosts, codings (and targets: see `targets`). Sources: RFC 9112 (messages), RFC 9110 (semantics).
"""

from dataclasses import replace
from enum import Enum, auto

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from sidecar.http import refusals
from sidecar.http.limits import Limits
from sidecar.http.messages import ParsedRequest, Request, Response
from sidecar.http.refusals import SUPPORTED_METHODS, Refused
from sidecar.http.targets import path_of


class ParserPhase(Enum):
    """How far the parser is."""

    __hash__ = object.__hash__

    BETWEEN = auto()  # no part of the next request has been read
    HEAD = auto()
    EXPECTING = auto()  # the client holds its body back until it reads `100 Continue`
    BODY = auto()  # as far as there is one
    ENDED = auto()  # the last request is read, or one was refused, or the client has closed its half
    OVERRUN = auto()  # the same, but the client goes on sending


BETWEEN, HEAD, EXPECTING, BODY, ENDED, OVERRUN = ParserPhase
MIDWAY = frozenset({HEAD, EXPECTING, BODY})
OVER = frozenset({ENDED, OVERRUN})


class RequestParser:
    """Parses what one connection sends. `requests` holds, in order, what is to be answered; a `Response` in it refuses,
    and is the last.
    """

    __slots__ = (
        *("_body", "_head_size", "_header_count", "_headers", "_http_1_0", "_keep_alive", "_limits", "_llhttp"),
        *("_path", "_phase", "_target", "_unfinished", "requests"),
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._llhttp: HttpRequestParser | None = None
        self._phase = BETWEEN
        self._unfinished = 0
        self.requests: list[ParsedRequest | Response] = []

    @property
    def between_requests(self) -> bool:
        """Nothing of the next request has been read, and it may come."""
        return self._phase is BETWEEN

    @property
    def midway(self) -> bool:
        """Part of a request has been read."""
        return self._phase in MIDWAY

    @property
    def ended(self) -> bool:
        """Nothing more will be read."""
        return self._phase in OVER

    @property
    def overrun(self) -> bool:
        """The client sends more than will be read."""
        return self._phase is OVERRUN

    @property
    def unfinished(self) -> int:
        """Bytes of the request that is midway."""
        return self._unfinished

    @property
    def refuses_head(self) -> bool:
        """The request being read is a HEAD: an answer to it has no body, a refusal neither."""
        return self._llhttp is not None and self._llhttp.get_method() == b"HEAD"

    def take_continue(self) -> bool:
        """Whether the client waits for `100 Continue`, which it is told once."""
        if self._phase is not EXPECTING:
            return False
        self._phase = BODY
        return True

    def feed(self, data: bytes) -> None:
        if self.ended:
            self._phase = OVERRUN
            return
        first = self._phase is BETWEEN and not self.requests
        self._parse(data)
        if first and len(self.requests) == 1 and not (self.midway or self.overrun):
            self._note_alone(data)

    def _note_alone(self, data: bytes) -> None:
        parsed = self.requests[0]
        if isinstance(parsed, ParsedRequest) and not self._body:
            self.requests[0] = replace(parsed, alone=data)

    def feed_eof(self) -> None:
        """The client has sent all it will."""
        if self.midway:
            self._refuse(refusals.INCOMPLETE)
        self._phase = ENDED

    def close(self) -> None:
        """Let go of llhttp's parser, which holds on to us."""
        self._llhttp = None

    def _parse(self, data: bytes) -> None:
        llhttp = self._llhttp = self._llhttp or HttpRequestParser(self)
        try:
            llhttp.feed_data(data)
            self._count_unfinished(len(data))
        except HttpParserUpgrade as upgrade:  # an offer, which we need not take: what follows is HTTP/1.1 still
            if rest := data[upgrade.args[0] :]:
                self._parse_rest(rest)
        except HttpParserError as error:
            self._refuse(_reason(error))
        except Refused as refused:
            self._refuse(refused.response)

    def _parse_rest(self, rest: bytes) -> None:
        if self.ended:
            self._phase = OVERRUN
        else:
            self._parse(rest)

    def _count_unfinished(self, size: int) -> None:
        self._unfinished = self._unfinished + size if self.midway else 0
        if self._unfinished > self._limits.message:
            raise Refused(refusals.HEADERS_TOO_LARGE if self._phase is HEAD else refusals.BODY_TOO_LARGE)

    def _refuse(self, response: Response) -> None:
        if self.ended:  # llhttp also complains of bytes after the last request; they are nobody's
            self._phase = OVERRUN
            return
        self._phase = ENDED
        self.requests.append(response)

    def _accept(self, parsed: ParsedRequest) -> None:
        if len(self.requests) + 1 >= self._limits.pipelined:
            parsed = replace(parsed, keep_alive=False)
        self._phase = BETWEEN if parsed.keep_alive else ENDED
        self.requests.append(parsed)

    # --- what llhttp calls, in the order of a message

    def on_message_begin(self) -> None:
        if self.ended:
            raise Refused(refusals.MALFORMED)  # not sent: it only keeps llhttp from reading on
        self._phase = HEAD
        self._target = b""
        self._headers: dict[str, str] = {}
        self._header_count = self._head_size = self._body = 0

    def on_url(self, part: bytes) -> None:
        self._target += part
        if len(self._target) > self._limits.target:
            raise Refused(refusals.TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        self._head_size += len(name) + len(value)
        if self._header_count > self._limits.header_count or self._head_size > self._limits.head:
            raise Refused(refusals.HEADERS_TOO_LARGE)
        if self._phase is HEAD:  # later ones are trailers: a face never waits for them
            self._add(name.decode("ascii").lower(), value.strip(b" \t").decode("utf-8", "surrogateescape"))

    def _add(self, name: str, value: str) -> None:
        """Values of one name are one list (RFC 9110, section 5.2), so a second token cannot hide behind the first."""
        held = self._headers.get(name)
        if held is not None and name == "host":
            raise Refused(refusals.HOST_AMBIGUOUS)
        self._headers[name] = value if held is None else f"{held}, {value}"

    def on_headers_complete(self) -> None:
        llhttp = self._llhttp
        assert llhttp is not None
        self._phase = BODY
        version = llhttp.get_http_version()
        if version not in {"1.0", "1.1"}:
            raise Refused(refusals.UNKNOWN_VERSION)
        self._http_1_0 = version == "1.0"
        if "host" not in self._headers and not self._http_1_0:
            raise Refused(refusals.HOST_MISSING)
        has_body = "transfer-encoding" in self._headers or int(self._headers.get("content-length", "0")) > 0
        # llhttp takes what follows an offer to upgrade for the other protocol: where a body ends is not known then.
        obscure = has_body and llhttp.should_upgrade()
        self._keep_alive = llhttp.should_keep_alive() and not obscure
        if llhttp.get_method().decode("ascii") not in SUPPORTED_METHODS:
            self._check_other_method(has_body)
        self._path = path_of(self._target.decode("ascii"), self._headers)
        if has_body:
            self._check_framing()
        if self._expects_continue() and has_body:
            self._phase = EXPECTING

    def _check_other_method(self, has_body: bool) -> None:
        """The face will refuse it, saying what the path takes; unless there is more to skip than the head."""
        if has_body or not self._target.startswith(b"/"):  # CONNECT names a host, and a tunnel follows
            raise Refused(refusals.METHOD_REFUSED)

    def _check_framing(self) -> None:
        coding = self._headers.get("transfer-encoding")
        if coding is not None and self._http_1_0:
            raise Refused(refusals.BAD_FRAMING)
        if coding is not None and coding.lower() != "chunked":
            raise Refused(refusals.UNKNOWN_CODING)
        if int(self._headers.get("content-length", "0")) > self._limits.body:
            raise Refused(refusals.BODY_TOO_LARGE)

    def _expects_continue(self) -> bool:
        expected = self._headers.get("expect")
        if expected is None or self._http_1_0:  # HTTP/1.0 clients know no expectations (RFC 9110, section 10.1.1)
            return False
        if expected.lower() != "100-continue":
            raise Refused(refusals.EXPECTATION_FAILED)
        return True

    def on_body(self, part: bytes) -> None:
        self._phase = BODY  # it does not wait to be told
        self._body += len(part)
        if self._body > self._limits.body:
            raise Refused(refusals.BODY_TOO_LARGE)

    def on_message_complete(self) -> None:
        assert self._llhttp is not None
        method = self._llhttp.get_method().decode("ascii")
        request = Request(method, self._path, self._headers)
        self._accept(ParsedRequest(request, self._keep_alive, self._http_1_0))


def _reason(error: HttpParserError) -> Response:
    """Ours, if one of the calls above ended the parsing; else llhttp's, whose message may quote the client.

    A function of its own: held by the frame that it was raised through, the exception would be a cycle.
    """
    ours = error.__context__
    return ours.response if isinstance(ours, Refused) else refusals.MALFORMED
