"""Events as log lines, written for whoever is on call. The only logging set-up.

INFO is what changed, WARNING what a person may have to fix, ERROR a defect of ours. A repeated failure is logged once,
then its change; the metrics count the rest.
"""

import json
import logging
import math
import os
import sys
import traceback
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from sidecar.core.errors import ExchangeFailed, SidecarError, Unexpected
from sidecar.core.model import DEFAULT_ROLE, Credentials, Instant, Seconds
from sidecar.core.refresh import (
    IMMEDIATELY,
    ClockMoved,
    Failed,
    Issued,
    Phase,
    RefreshEvent,
    RefreshPolicy,
    RoleState,
    SourceChanged,
    phase,
)
from sidecar.core.timestamps import timestamp
from sidecar.observe.line_writer import LineWriter
from sidecar.terminal.colour import Colour, colour_for

STANDARD_ERROR = 2

logger = logging.getLogger("sidecar")

CLOCK_TOLD_EVERY: Seconds = 60
CLOCK_MOVED: dict[str, object] = {
    "cause": "The node's clock moved ahead: the machine was paused, or its time was set.",
    "fix": "Nothing, if this is rare: STS is asked at once. Otherwise check the node's time synchronisation.",
}


@dataclass(slots=True)
class LoggedRole:
    """What the log has of one role. `last`: the failure that was logged last, until a refresh succeeds."""

    name: str
    last: tuple[Any, ...] | None = None
    failures: int = 0

    def named(self, fields: dict[str, Any]) -> dict[str, Any]:
        """With the role's name, unless it is the one that plain variables describe."""
        return fields if self.name == DEFAULT_ROLE else {"role": self.name} | fields


class LogEvents:
    """The `Observer` that writes the log."""

    def __init__(self, policy: RefreshPolicy) -> None:
        self._policy = policy
        self._roles: dict[str, LoggedRole] = {}
        self._clock_told_at: Instant = -math.inf

    def __call__(self, role: str, event: RefreshEvent, state: RoleState) -> None:
        logged = self._roles.get(role) or self._roles.setdefault(role, LoggedRole(role))
        match event:
            case Issued(at=at, credentials=credentials, took=took):
                fields = _issued(credentials, at, took, state) | {"failures_before": logged.failures}
                logged.last, logged.failures = None, 0
                logger.info("credentials issued", extra=logged.named(fields))
            case Failed(at=at, error=error):
                logged.failures = state.failures
                self._failed(logged, error, at, state)
            case SourceChanged():
                _changed(logged, event, state)
            case ClockMoved(at=at, by=by):
                self._clock_moved(at, by)

    def forget(self, role: str) -> None:
        """It begins anew with other settings: what fails then is news, though it be called the same."""
        self._roles.pop(role, None)

    def keep_only(self, roles: Collection[str]) -> None:
        """Forget all other roles."""
        self._roles = {name: logged for name, logged in self._roles.items() if name in roles}

    def _clock_moved(self, at: Instant, by: Seconds) -> None:
        """Once a minute: some clocks move all the time."""
        if at >= self._clock_told_at + CLOCK_TOLD_EVERY:
            self._clock_told_at = at
            logger.warning("clock moved", extra=CLOCK_MOVED | {"by": round(by)})

    def _failed(self, logged: LoggedRole, error: SidecarError, at: Instant, state: RoleState) -> None:
        now_in = phase(state, at, self._policy)
        kind = (error.code, getattr(error, "aws_code", ""), now_in)
        if kind == logged.last:
            return
        logged.last = kind
        level = logging.ERROR if isinstance(error, Unexpected) else logging.WARNING
        logger.log(level, "refresh failed", extra=logged.named(_failed(error, at, state, now_in)))


def _changed(logged: LoggedRole, event: SourceChanged, state: RoleState) -> None:
    attempt = "at once" if state.attempt_at == IMMEDIATELY else "as planned"
    found = logged.named({"same_identity": event.same_identity, "next_attempt": attempt})
    match event.what:
        case "token":
            logger.info("token rotated", extra=found)
        case "base credentials":
            logger.info("base credentials renewed", extra=found)
        case _:
            logger.info("source changed", extra=found)


def _issued(credentials: Credentials, at: Instant, took: float, state: RoleState) -> dict[str, Any]:
    names = {"role_arn": credentials.role_arn, "assumed_role_arn": credentials.assumed_role_arn}
    told = {"account_id": credentials.told_account_id, "region": credentials.region}
    return _known(names | told | {"request_id": credentials.request_id}) | {
        "access_key_id": credentials.access_key_id,
        "expiration": timestamp(credentials.expiration),
        "expires_in": round(credentials.expires_at - at),
        "next_attempt_in": round(state.attempt_at - at),
        "took": round(took, 3),
    }


def _known(fields: dict[str, str]) -> dict[str, str]:
    """Without what nobody told: other STS servers than AWS's leave some of it out, and often there is one region."""
    return {name: text for name, text in fields.items() if text}


def _failed(error: SidecarError, at: Instant, state: RoleState, now_in: Phase) -> dict[str, Any]:
    still_valid = 0 if state.credentials is None else max(0, round(state.credentials.expires_at - at))
    fields: dict[str, Any] = {
        "code": error.code,
        "cause": error.cause,
        "fix": error.fix,
        "retry": error.retry.value,
        "next_attempt_in": round(state.attempt_at - at, 1),
        "phase": now_in.value,
        "credentials_valid_for": still_valid,
    }
    if isinstance(error, ExchangeFailed):
        fields |= {"aws_code": error.aws_code} | _known({"request_id": error.request_id})
    return fields


def configure(level: str, form: str) -> LineWriter:
    """Send every record of the process to standard error, in one form, other libraries' records included.

    Gives the writer, to be ended last. Raises `RuntimeError` where no thread can be started.
    """
    writer = LineWriter(STANDARD_ERROR, _tell_dropped)
    handler = _Lines(writer)
    handler.setFormatter(JsonLines() if form == "json" else TextLines(colour_for(sys.stderr, os.environ)))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Of watchfiles and asyncio only what may need a person: at debug they narrate every wake-up.
    for name in ("watchfiles", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return writer


def _tell_dropped(lines: int) -> None:
    fix = "check what reads the container's log, the node's disk, and the container runtime's log limits"
    logger.warning("log lines dropped", extra={"lines": lines, "fix": fix})


class _Lines(logging.Handler):
    """Hands records over as lines, and never waits."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 (logging's own report would wait for standard error, and quote the record)
            self._writer.drop()
        else:
            self._writer.put(line)


class _WithoutTexts(logging.Formatter):
    """Tracebacks as places and type names: an exception's text may quote what was being worked on."""

    def formatException(  # noqa: N802 (logging's name)
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        kind, _, trace = ei
        name = "" if kind is None else kind.__name__
        return "".join(traceback.format_tb(trace)) + name


class JsonLines(_WithoutTexts):
    """`{"ts": ..., "level": ..., "event": ..., "logger": ..., ...}`, one object a line."""

    def format(self, record: logging.LogRecord) -> str:
        first = {"ts": _now(), "level": record.levelname.lower(), "event": record.getMessage(), "logger": record.name}
        line = first | self._traces(record) | _extras(record) | first  # no library's field replaces one of the four
        return json.dumps(line, default=_encoded)

    def _traces(self, record: logging.LogRecord) -> dict[str, str]:
        exception = {"exc_info": self.formatException(record.exc_info)} if record.exc_info else {}
        stack = {"stack_info": self.formatStack(record.stack_info)} if record.stack_info else {}
        return exception | stack


class TextLines(_WithoutTexts):
    """`2026-01-31T23:59:59.123Z INFO    credentials issued  expires_in=3600 ...`, for a terminal.

    Sentences, such as what to change, stand below on lines of their own, where an eye finds them.
    """

    def __init__(self, colour: Colour) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: _shown(value) for name, value in _extras(record).items()}
        words = " ".join(f"{name}={value}" for name, value in fields.items() if " " not in value)
        sentences = [f"{_INDENT}{name}: {value}" for name, value in fields.items() if " " in value]
        level = self._colour(record.levelname.lower(), f"{record.levelname:<7}")
        first = f"{_now()} {level} {record.getMessage()}  {words}".rstrip()
        trace = [self.formatException(record.exc_info)] if record.exc_info else []
        return "\n".join((first, *sentences, *trace))


_INDENT = " " * len("2026-01-31T23:59:59.123Z INFO    ")
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    """The fields that whoever logged it gave."""
    return {name: value for name, value in vars(record).items() if name not in _USUAL}


def _encoded(value: object) -> str:
    """A value that JSON has no form for. Of an exception the type: its text may quote what was being worked on."""
    return type(value).__name__ if isinstance(value, BaseException) else str(value)


def _shown(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and text else repr(text)  # a claim may hold anything, and a line must stay one


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
