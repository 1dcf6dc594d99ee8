"""Log lines for someone at night: stable keys, a repeated failure said once, and no secret even in a traceback."""

import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.core.errors import Retry, StsUnreachable, TokenRefused, TokenUnreadable, TrustRefused, Unexpected
from sidecar.observe import logs
from sidecar.observe.line_writer import LineWriter
from sidecar.observe.logs import LogEvents
from tests.conftest import Canary
from tests.doubles import CANARIES, KEY_CANARY, ROLE_ARN, SESSION_CANARY, credentials
from tests.observe.kit import POLICY, History, fields

DOWN = StsUnreachable("STS is not reachable.", fix="Check the network.")
REFUSED = TrustRefused("Not trusted.", fix="Trust it.", aws_code="AccessDenied", status=403, request_id="request-7")


@pytest.fixture
def history(caplog: pytest.LogCaptureFixture) -> History:
    caplog.set_level(logging.DEBUG)
    return History(LogEvents(POLICY))


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


# --- what is said of an event ----------------------------------------------------------------------------------


def test_issued_credentials_are_told_with_all_that_one_would_ask(
    history: History, caplog: pytest.LogCaptureFixture
) -> None:
    held = replace(credentials(issued_at=100, life=3600), request_id="req-1")
    history.issued(100.25, held)
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("INFO", "credentials issued")
    assert fields(record) == {
        "role_arn": ROLE_ARN,
        "assumed_role_arn": held.assumed_role_arn,
        "access_key_id": held.access_key_id,
        "expiration": "2027-01-15T09:01:40Z",
        "expires_in": 3600,
        "next_attempt_in": 1620,
        "took": 0.25,
        "request_id": "req-1",
        "failures_before": 0,
    }


def test_what_an_answer_did_not_tell_is_no_field(history: History, caplog: pytest.LogCaptureFixture) -> None:
    history.issued(100.25, replace(credentials(issued_at=100), assumed_role_arn="", request_id=""))
    (record,) = caplog.records
    assert not {"assumed_role_arn", "request_id"} & fields(record).keys()


def test_the_region_that_issued_is_told(history: History, caplog: pytest.LogCaptureFixture) -> None:
    history.issued(5.5, replace(credentials(issued_at=5), region="eu-central-1"), took=0.5)
    assert vars(caplog.records[-1])["region"] == "eu-central-1"


def test_the_recovery_tells_how_many_attempts_had_failed(history: History, caplog: pytest.LogCaptureFixture) -> None:
    for at in range(3):
        history.failed(at, DOWN)
    history.issued(3, credentials(issued_at=3))
    history.issued(2000, credentials(issued_at=2000))
    assert [fields(r)["failures_before"] for r in caplog.records if r.getMessage() == "credentials issued"] == [3, 0]


def test_a_failure_is_told_with_its_fix_and_the_next_attempt(
    history: History, caplog: pytest.LogCaptureFixture
) -> None:
    history.issued(0, credentials(life=3600))
    history.failed(2000, REFUSED)
    record = caplog.records[-1]
    assert (record.levelname, record.getMessage()) == ("WARNING", "refresh failed")
    assert fields(record) == {
        "code": "TrustRefused",
        "cause": "Not trusted.",
        "fix": "Trust it.",
        "retry": "slowly",
        "next_attempt_in": 3.8,
        "phase": "due",
        "credentials_valid_for": 1600,
        "aws_code": "AccessDenied",
        "request_id": "request-7",
    }


def test_a_failure_before_sts_was_asked_has_no_aws_fields(history: History, caplog: pytest.LogCaptureFixture) -> None:
    history.failed(0, TokenUnreadable("No file.", fix="Mount it."), took=None)
    (record,) = caplog.records
    assert {"aws_code", "request_id"}.isdisjoint(fields(record))
    assert (fields(record)["phase"], fields(record)["credentials_valid_for"]) == ("empty", 0)


def test_a_clock_that_moved_is_told_with_what_to_check(history: History, caplog: pytest.LogCaptureFixture) -> None:
    history.clock_moved(100, 3599.7)
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "clock moved")
    assert fields(record)["by"] == 3600
    assert "paused" in str(fields(record)["cause"])


def test_a_clock_that_moves_all_the_time_is_told_once_a_minute(
    history: History, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(121):
        history.clock_moved(second, 61)
    assert [record.getMessage() for record in caplog.records] == ["clock moved"] * 3


def test_what_a_new_token_ends_says_so(history: History, caplog: pytest.LogCaptureFixture) -> None:
    history.failed(0, TokenRefused("Unknown key.", fix="Rotate it.", aws_code="InvalidIdentityToken"))
    assert fields(caplog.records[0])["next_attempt_in"] == 3.8
    assert Retry.NEW_TOKEN.value == fields(caplog.records[0])["retry"]


def test_a_rotation_is_told_with_what_follows_from_it(history: History, caplog: pytest.LogCaptureFixture) -> None:
    history.rotated(0)
    history.issued(1, credentials(issued_at=1))
    history.rotated(2)
    history.rotated(3, same_identity=False)
    rotations = [fields(record) for record in caplog.records if record.getMessage() == "token rotated"]
    assert [(told["same_identity"], told["next_attempt"]) for told in rotations] == [
        (True, "at once"),
        (True, "as planned"),
        (False, "at once"),
    ]


def test_a_defect_of_ours_is_an_error(history: History, caplog: pytest.LogCaptureFixture) -> None:
    history.failed(0, Unexpected("A defect.", fix="Report it."))
    assert caplog.records[0].levelname == "ERROR"


# --- once, then the change, then recovery ----------------------------------------------------------------------


def test_a_repeated_failure_is_said_once_then_its_change_then_the_recovery(
    history: History, caplog: pytest.LogCaptureFixture
) -> None:
    for at in range(5):
        history.failed(at, DOWN)
    for at in range(5, 10):
        history.failed(at, REFUSED)
    history.issued(10, credentials(issued_at=10))
    history.failed(2000, REFUSED)
    told = [(record.getMessage(), fields(record).get("code")) for record in caplog.records]
    assert told == [
        ("refresh failed", "StsUnreachable"),
        ("refresh failed", "TrustRefused"),
        ("credentials issued", None),
        ("refresh failed", "TrustRefused"),
    ]


def test_another_aws_code_of_the_same_kind_is_a_change(history: History, caplog: pytest.LogCaptureFixture) -> None:
    for code in ("AccessDenied", "AccessDenied", "InvalidIdentityToken"):
        history.failed(0, TrustRefused("c", fix="f", aws_code=code))
    assert [fields(record)["aws_code"] for record in caplog.records] == ["AccessDenied", "InvalidIdentityToken"]


def test_the_same_failure_after_a_recovery_is_said_again(history: History, caplog: pytest.LogCaptureFixture) -> None:
    for hour in (0, 3600):
        history.issued(hour, credentials(issued_at=hour))
        history.failed(hour + 2000, DOWN)
        history.failed(hour + 2001, DOWN)
    assert said(caplog) == ["credentials issued", "refresh failed"] * 2


def test_that_nothing_valid_is_left_is_a_change(history: History, caplog: pytest.LogCaptureFixture) -> None:
    history.issued(0, credentials(life=3600))
    for at in (2000, 2010, 3594, 3595, 3600):
        history.failed(at, DOWN)
    told = [(fields(r)["phase"], fields(r)["credentials_valid_for"]) for r in caplog.records[1:]]
    assert told == [("due", 1600), ("expired", 5)]


def test_another_request_id_alone_is_no_change(history: History, caplog: pytest.LogCaptureFixture) -> None:
    for n in range(3):
        history.failed(n, TrustRefused("c", fix="f", aws_code="AccessDenied", request_id=f"request-{n}"))
    assert said(caplog) == ["refresh failed"]


def test_no_secret_is_said_of_any_event(history: History, canary: Canary) -> None:
    history.issued(0, credentials())
    history.failed(1, DOWN)
    history.rotated(2)
    assert len(canary.texts) == 6


# --- lines -----------------------------------------------------------------------------------------------------


class Log:
    """The program's own log, and what it wrote to standard error."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        self.writers: list[LineWriter] = []

    def __call__(self, level: str, form: str) -> None:
        self.writers.append(logs.configure(level, form))

    def written(self) -> str:
        for writer in self.writers:
            writer.end()
        return self._capfd.readouterr().err


@pytest.fixture
def configure(capfd: pytest.CaptureFixture[str]) -> Iterator[Log]:
    """Sets the program's own logging up; the tests' is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = []
    logging.getLogger("sidecar").setLevel(logging.NOTSET)  # conftest's listener raised it
    yield Log(capfd)
    root.handlers, root.level = handlers, level
    for name in ("watchfiles", "asyncio"):
        logging.getLogger(name).setLevel(logging.NOTSET)


TS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def raise_secrets() -> None:
    try:
        int(SESSION_CANARY)
    except ValueError as error:
        raise ValueError(KEY_CANARY) from error


def test_json_is_one_object_a_line_with_the_same_first_keys(configure: Log) -> None:
    configure("info", "json")
    history = History(LogEvents(POLICY))
    history.issued(0, credentials())
    history.failed(1, REFUSED)
    logging.getLogger("aiohttp.client").warning("from %s", "another library", extra={"n": 1})
    lines = [json.loads(line) for line in configure.written().splitlines()]
    assert [list(line)[:4] for line in lines] == [["ts", "level", "event", "logger"]] * 3
    assert [(line["level"], line["event"], line["logger"]) for line in lines] == [
        ("info", "credentials issued", "sidecar"),
        ("warning", "refresh failed", "sidecar"),
        ("warning", "from another library", "aiohttp.client"),
    ]
    assert all(re.fullmatch(TS, line["ts"]) for line in lines)
    assert lines[0]["expires_in"] == 3600
    assert lines[1]["code"] == "TrustRefused"
    assert lines[2] == {**dict(list(lines[2].items())[:4]), "n": 1}


def test_a_library_cannot_replace_the_first_keys_nor_break_a_line_with_a_value_that_json_does_not_know(
    configure: Log,
) -> None:
    configure("info", "json")
    theirs = {"level": "theirs", "ts": 0, "place": Path("/a"), "error": ValueError(KEY_CANARY), "text": "a\nb"}
    logging.getLogger("library").warning("late", extra=theirs, stack_info=True)
    (line,) = map(json.loads, configure.written().splitlines())
    assert list(line)[:4] == ["ts", "level", "event", "logger"]
    assert (line["level"], line["place"], line["error"], line["text"]) == ("warning", "/a", "ValueError", "a\nb")
    assert re.fullmatch(TS, line["ts"])
    assert line["stack_info"].startswith("Stack (most recent call last)")


def test_text_is_a_line_of_words_with_sentences_below(configure: Log) -> None:
    configure("info", "text")
    log = logging.getLogger("sidecar")
    log.warning("refresh failed", extra={"code": "TrustRefused", "fix": "Trust the issuer.", "request_id": ""})
    log.info("stopping")
    first, second, third = configure.written().splitlines()
    assert re.fullmatch(TS + r" WARNING refresh failed  code=TrustRefused request_id=''", first)
    assert second == " " * 33 + "fix: Trust the issuer."
    assert re.fullmatch(TS + r" INFO    stopping", third)


def test_no_text_can_begin_a_line_of_its_own(configure: Log) -> None:
    configure("info", "text")
    forged = "harmless\n2026-01-01T00:00:00.000Z INFO    all is well\x1b[2K"
    logging.getLogger("sidecar").warning("refresh failed", extra={"cause": forged, "issuer": "a\rb"})
    first, second = configure.written().splitlines()
    assert first.endswith("refresh failed  issuer='a\\rb'")
    assert second == f"{' ' * 33}cause: {forged!r}"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "shown"), [("", "\x1b[33mWARNING\x1b[0m late"), ("1", "WARNING late")])
def test_on_a_terminal_a_level_has_its_colour_unless_no_color_is_set(
    configure: Log, monkeypatch: pytest.MonkeyPatch, no_color: str, shown: str
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    configure("info", "text")
    logging.getLogger("sidecar").warning("late")
    assert shown in configure.written()


def test_nothing_goes_to_standard_output(configure: Log, capfd: pytest.CaptureFixture[str]) -> None:
    configure("debug", "json")
    logging.getLogger("sidecar").error("something")
    (writer,) = configure.writers
    writer.end()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_tells_places_and_type_but_no_exceptions_text(configure: Log, form: str) -> None:
    configure("info", form)
    try:
        raise_secrets()
    except ValueError:
        logging.getLogger("sidecar").exception("a defect")
    written = configure.written()
    assert "ValueError" in written
    assert "in raise_secrets" in written
    assert not any(canary in written for canary in CANARIES)


def test_json_keeps_a_traceback_on_its_line(configure: Log) -> None:
    configure("info", "json")
    try:
        raise_secrets()
    except ValueError:
        logging.getLogger("sidecar").exception("a defect")
    (line,) = configure.written().splitlines()
    assert json.loads(line)["exc_info"].endswith("ValueError")


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["d", "i", "w", "e"]),
        ("info", ["i", "w", "e"]),
        ("warning", ["w", "e"]),
        ("error", ["e"]),
    ],
)
def test_the_level_decides_what_is_heard(configure: Log, level: str, heard: list[str]) -> None:
    configure(level, "json")
    log = logging.getLogger("sidecar")
    for write in (log.debug, log.info, log.warning, log.error):
        write(write.__name__[0])
    assert [json.loads(line)["event"] for line in configure.written().splitlines()] == heard


def test_libraries_that_narrate_are_held_to_warnings(configure: Log) -> None:
    configure("debug", "json")
    for name in ("asyncio", "watchfiles.main"):
        logging.getLogger(name).info("awake")
        logging.getLogger(name).warning("slow")
    assert [json.loads(line)["event"] for line in configure.written().splitlines()] == ["slow", "slow"]


def test_configuring_twice_says_nothing_twice(configure: Log) -> None:
    configure("info", "text")
    configure("info", "json")
    logging.getLogger("sidecar").info("once")
    assert len(configure.written().splitlines()) == 1


def raise_a_group() -> None:
    raise ExceptionGroup(KEY_CANARY, [ValueError(SESSION_CANARY)])


def test_an_exception_group_shows_its_kind_alone(configure: Log) -> None:
    configure("info", "text")
    try:
        raise_a_group()
    except ExceptionGroup:
        logging.getLogger("sidecar").exception("a defect")
    written = configure.written()
    assert "ExceptionGroup" in written
    assert not any(canary in written for canary in CANARIES)
