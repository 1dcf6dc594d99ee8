"""Bytes in, requests out: HTTP/1.1 without I/O.

llhttp (through httptools, all its leniencies off) judges the syntax; here stands what it leaves open: limits, versions,
methods, hosts, targets, codings. Sources: RFC 9112 (messages), RFC 9110 (semantics).
"""

import re
from dataclasses import dataclass, replace

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from sidecar.http import refusals
from sidecar.http.limits import Limits
from sidecar.http.messages import Request, Response
from sidecar.http.refusals import METHODS, Refused

ABSOLUTE = re.compile(r"https?://([^/?#]+)(/[^?#]*)?(?:\?[^#]*)?", re.IGNORECASE)
SEEN_MOST, SEEN_LONGEST = 32, 4096


@dataclass(frozen=True, slots=True)
class Received:
    """A request that was framed well, and what its client said of the connection: that it `stays` open after the
    answer; that it speaks HTTP/1.0 (`old`).
    """

    request: Request
    stays: bool
    old: bool


class Seen:
    """Chunks that were one whole request, with that request. SDKs send the same bytes again and again, and the same
    bytes mean the same: looking them up costs a tenth of reading them, and a connection for one request no parser.
    """

    def __init__(self) -> None:
        self._requests: dict[bytes, Received] = {}
        self.get = self._requests.get

    def remember(self, data: bytes, received: Received) -> None:
        if len(data) > SEEN_LONGEST:
            return
        if len(self._requests) >= SEEN_MOST:
            self._requests.clear()
        self._requests[data] = received


class Reader:
    """Reads one connection. `arrived` holds, in order, what is to be answered; a `Response` in it refuses, and is last.

    `midway`: part of a request has been read. `ended`: nothing more will be; `overrun`: more came all the same.
    `owes_continue`: the client holds its body back until it reads `100 Continue`.
    """

    __slots__ = (
        *("_body", "_head_read", "_headers", "_header_count", "_head_size", "_limits", "_parser", "_path"),
        *("_old", "_seen", "_stays", "_target", "_unfinished", "arrived", "ended", "midway"),
        *("overrun", "owes_continue"),
    )

    def __init__(self, limits: Limits, seen: Seen) -> None:
        self._limits = limits
        self._seen = seen
        self._parser: HttpRequestParser | None = None
        self.midway = False
        self._unfinished = 0
        self.arrived: list[Received | Response] = []
        self.ended = False
        self.overrun = False
        self.owes_continue = False

    @property
    def reads_head(self) -> bool:
        """The request being read is a HEAD: an answer to it has no body, a refusal neither."""
        return self._parser is not None and self._parser.get_method() == b"HEAD"

    def feed(self, data: bytes) -> None:
        if self.ended:
            self.overrun = True
        elif self.midway:
            self._parse(data)
        elif known := self._seen.get(data):
            self._accept(known)
        else:
            alone = not self.arrived
            self._parse(data)
            if alone and len(self.arrived) == 1 and not self.midway:
                self._remember(data, self.arrived[0])

    def close(self) -> None:
        """Let go of the parser, which holds on to us."""
        self.ended = True
        self.midway = False
        self._parser = None

    def _remember(self, data: bytes, arrived: Received | Response) -> None:
        if isinstance(arrived, Received):
            self._seen.remember(data, arrived)

    def _parse(self, data: bytes) -> None:
        parser = self._parser = self._parser or HttpRequestParser(self)
        try:
            parser.feed_data(data)
            self._count_unfinished(len(data))
        except HttpParserUpgrade as upgrade:  # an offer, which we need not take: what follows is HTTP/1.1 still
            if not self.ended and (rest := data[upgrade.args[0] :]):
                self._parse(rest)
        except HttpParserError as error:
            self._refuse(_reason(error))
        except Refused as refused:
            self._refuse(refused.response)

    def _count_unfinished(self, size: int) -> None:
        self._unfinished = self._unfinished + size if self.midway else 0
        if self._unfinished > self._limits.message:
            raise Refused(refusals.BODY_TOO_LARGE if self._head_read else refusals.HEADERS_TOO_LARGE)

    def _refuse(self, response: Response) -> None:
        if not self.ended:  # llhttp also complains of bytes after the last request; they are nobody's
            self.arrived.append(response)
        self.ended = True
        self.midway = False

    def _accept(self, received: Received) -> None:
        if self.ended:
            return
        if len(self.arrived) + 1 >= self._limits.pipelined:
            received = replace(received, stays=False)
        self.arrived.append(received)
        self.ended = not received.stays

    # --- what the parser calls, in the order of a message ---------------------------------------------------------

    def on_message_begin(self) -> None:
        self.midway = not self.ended
        self._target = b""
        self._headers: dict[str, str] = {}
        self._header_count = self._head_size = self._body = 0
        self._head_read = False

    def on_url(self, part: bytes) -> None:
        self._target += part
        if len(self._target) > self._limits.target:
            raise Refused(refusals.TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        self._head_size += len(name) + len(value)
        if self._header_count > self._limits.header_count or self._head_size > self._limits.head:
            raise Refused(refusals.HEADERS_TOO_LARGE)
        if not self._head_read:  # later ones are trailers: a face never waits for them
            self._add(name.decode("ascii").lower(), value.strip(b" \t").decode("utf-8", "surrogateescape"))

    def _add(self, name: str, value: str) -> None:
        """Values of one name are one list (RFC 9110, section 5.2), so a second token cannot hide behind the first."""
        held = self._headers.get(name)
        if held is not None and name == "host":
            raise Refused(refusals.HOST_AMBIGUOUS)
        self._headers[name] = value if held is None else f"{held}, {value}"

    def on_headers_complete(self) -> None:
        parser = self._parser
        assert parser is not None
        self._head_read = True
        version = parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            raise Refused(refusals.UNKNOWN_VERSION)
        self._old = version == "1.0"
        if "host" not in self._headers and not self._old:
            raise Refused(refusals.HOST_MISSING)
        has_body = "transfer-encoding" in self._headers or int(self._headers.get("content-length", "0")) > 0
        # llhttp takes what follows an offer to upgrade for the other protocol: where a body ends is not known then.
        obscure = has_body and parser.should_upgrade()
        self._stays = parser.should_keep_alive() and not obscure
        if parser.get_method().decode("ascii") not in METHODS:
            self._check_other_method(has_body)
        self._path = self._resolve(self._target.decode("ascii"))
        if has_body:
            self._check_framing()
        if self._expects_continue():
            self.owes_continue = has_body

    def _check_other_method(self, has_body: bool) -> None:
        """The face will refuse it, saying what the path takes; unless there is more to skip than the head."""
        if has_body or not self._target.startswith(b"/"):  # CONNECT names a host, and a tunnel follows
            raise Refused(refusals.METHOD_REFUSED)

    def _resolve(self, target: str) -> str:
        """The path, once the target names no other host than the Host header (RFC 9112, section 3.2.2)."""
        if target.startswith("/") and "#" not in target:
            return target.partition("?")[0]
        absolute = ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise Refused(refusals.BAD_TARGET)
        if self._headers.setdefault("host", absolute[1]).lower() != absolute[1].lower():
            raise Refused(refusals.HOST_AMBIGUOUS)
        return absolute[2] or "/"

    def _check_framing(self) -> None:
        coding = self._headers.get("transfer-encoding")
        if coding is not None and self._old:
            raise Refused(refusals.BAD_FRAMING)
        if coding is not None and coding.lower() != "chunked":
            raise Refused(refusals.UNKNOWN_CODING)
        if int(self._headers.get("content-length", "0")) > self._limits.body:
            raise Refused(refusals.BODY_TOO_LARGE)

    def _expects_continue(self) -> bool:
        expected = self._headers.get("expect")
        if expected is None or self._old:  # HTTP/1.0 clients know no expectations (RFC 9110, section 10.1.1)
            return False
        if expected.lower() != "100-continue":
            raise Refused(refusals.EXPECTATION_FAILED)
        return True

    def on_body(self, part: bytes) -> None:
        self._body += len(part)
        if self._body > self._limits.body:
            raise Refused(refusals.BODY_TOO_LARGE)

    def on_message_complete(self) -> None:
        assert self._parser is not None
        self.midway = self.owes_continue = False
        method = self._parser.get_method().decode("ascii")
        request = Request(method, self._path, self._headers)
        self._accept(Received(request, self._stays, self._old))


def _reason(error: HttpParserError) -> Response:
    """Ours, if one of the calls above ended the reading; else llhttp's, whose words may quote the client.

    A function of its own: held by the frame that it was raised through, the exception would be a cycle.
    """
    ours = error.__context__
    return ours.response if isinstance(ours, Refused) else refusals.MALFORMED
