"""docs/logs.md is the whole truth about the log: what the source can say, and what was said in every test."""

import ast
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sidecar.observe import logs
from tests.log_catalogue import CATALOGUE, PAGE, SOURCE, complaints

WRITES = {"debug": {"debug"}, "info": {"info"}, "warning": {"warning"}, "error": {"error"}, "exception": {"error"}}
WRITES["log"] = {"warning", "error"}  # `refresh failed` alone chooses
OF_PEOPLE = ("lab", "demo", "doctor")  # commands that talk to a person and keep no log


@dataclass(frozen=True)
class Said:
    event: str
    levels: set[str]


def said_in_source() -> Iterator[Said]:
    for file in SOURCE.rglob("*.py"):
        if file.relative_to(SOURCE).parts[0] in OF_PEOPLE:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="logger"), attr=method), args=args):
                    texts = [arg.value for arg in args if isinstance(arg, ast.Constant)]
                    assert texts, f"{file}:{node.lineno}: an event's name is a constant"
                    yield Said(str(texts[0]), WRITES[method])


def test_every_event_in_the_source_is_in_the_catalogue_with_its_level() -> None:
    said = {each.event: each.levels for each in said_in_source()}
    assert said == {event: set(entry.levels) for event, entry in CATALOGUE.items()}


def test_an_event_that_is_not_in_the_catalogue_is_complained_of() -> None:
    record = logging.LogRecord("sidecar", logging.INFO, "", 0, "new event", None, None)
    assert complaints(record) == ["'new event' is not in docs/logs.md"]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"grace": 1, "more": 2}, "'stopping' has fields that docs/logs.md does not name: more"),
        ({}, "'stopping' lacks fields that docs/logs.md promises: grace"),
    ],
)
def test_a_field_too_many_or_too_few_is_complained_of(fields: dict[str, object], complaint: str) -> None:
    record = logging.LogRecord("sidecar", logging.INFO, "", 0, "stopping", None, None)
    vars(record).update(fields)
    assert complaints(record) == [complaint]


def test_the_keys_that_begin_each_line_are_the_documented_ones() -> None:
    documented = re.findall(r"^\| `(ts|level|event|logger)` \|", PAGE.read_text(), re.MULTILINE)
    record = logging.LogRecord("sidecar", logging.INFO, "", 0, "stopped", None, None)
    assert re.findall(r'"(\w+)":', logs.JsonLines().format(record)) == documented
