"""What others wrote does nothing to a terminal, and no input makes a command hang, swell or fail without a sentence."""

import io
import json
import os
import resource
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sidecar.terminal.harmless import HarmlessStream, harmless
from tests.doubles import ROLE_ARN, unsigned_jwt
from tests.waiting import HANGS_AFTER

COMMAND = [sys.executable, "-m", "sidecar"]
PROCESSOR_SECONDS = 30
"""Of processor time, of which none needs two: what another program takes meanwhile is not counted."""
MEMORY = 600 << 20
"""Of addresses, of which Python and its libraries take most: what would swell without bound fails."""

OBEYED = {
    "a colour": "\x1b[31mred",
    "a title": "\x1b]0;owned\x07",
    "a clipboard": "\x1b]52;c;b3duZWQ=\x07",
    "a link": "\x1b]8;;http://evil.example\x07here\x1b]8;;\x07",
    "the C1 form": "\x9b31m",
    "a return": "good\rbad",
    "backspaces": "good\b\b\b\bbad",
    "an override": "abc\u202edef",
    "an isolate": "\u2066abc\u2069",
    "nothing wide": "a\u200bb",
    "a bell": "\a",
    "a null": "a\0b",
    "a delete": "a\x7f",
    "a surrogate": "\udcff",
    "a form feed": "\f",
    "a line separator": "a\u2028b",
}


@pytest.mark.parametrize("text", OBEYED.values(), ids=OBEYED.keys())
def test_nothing_that_a_terminal_obeys_gets_through(text: str) -> None:
    assert all(each.isprintable() for each in harmless(text))


@pytest.mark.parametrize("text", OBEYED.values(), ids=OBEYED.keys())
def test_a_streams_own_encoding_never_fails(text: str) -> None:
    held = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    HarmlessStream(held).write(f"{text} \u00e9\n")
    held.flush()
    assert held.buffer.getvalue().isascii()


def test_any_number_of_colours_is_written() -> None:
    written = io.StringIO()
    written.isatty = lambda: True  # type: ignore[method-assign]
    HarmlessStream(written).write("\x1b[31m\x1b[0m" * 5000 + "\x1b[2J")
    assert written.getvalue() == "\x1b[31m\x1b[0m" * 5000 + "\\x1b[2J"


def test_readable_text_stays_as_it_is() -> None:
    for text in ("plain", "two\nlines\twith a tab", "Grüße, 世界 🙂", ""):
        assert harmless(text) == text


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_our_colours_and_no_other_sequence() -> None:
    terminal = Terminal()
    HarmlessStream(terminal).write("\x1b[31mfail\x1b[0m \x1b]0;owned\x07 \x1b[2J")
    assert terminal.getvalue() == "\x1b[31mfail\x1b[0m \\x1b]0;owned\\x07 \\x1b[2J"


def run(*arguments: str, variables: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit code and all that was printed, with little time and memory to take."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))

    done = subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=HANGS_AFTER,
        check=False,
        preexec_fn=limited,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), **(variables or {})},
    )
    return done.returncode, (done.stdout + done.stderr).decode(errors="surrogateescape")


def check_spoken(code: int, printed: str) -> None:
    assert code in {0, 1, 2}
    assert printed
    for never in ("Traceback", "MemoryError", "RecursionError", "\x1b", "\x9b", "\x07"):
        assert never not in printed


STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"}


def policy(**more: object) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [STATEMENT | more]}


def anchors() -> str:
    """Nine levels, each nine times the one before: nine thousand million nodes."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for before, name in pairwise("abcdefghij"):
        lines.append(f"{name}: &{name} [" + ", ".join([f"*{before}"] * 9) + "]")
    return "\n".join(lines)


POLICY = policy()
POLICIES = {
    "a number of 5000 digits": json.dumps(POLICY)[:-1] + f', "x": {"9" * 5000}}}',
    "a version of 5000 digits": '{"Version": ' + "9" * 5000 + "}",
    "depth in JSON": "[" * 100_000,
    "depth in objects": '{"a":' * 50_000,
    "depth in YAML": "- " * 20_000 + "x",
    "anchors": anchors(),
    "a cycle": "a: &a [*a]",
    "nothing": "",
    "a null": "null",
    "nulls": "\0" * 1000,
    "not UTF-8": "\udcff\udcfe",
    "an escape sequence": json.dumps(POLICY).replace("2012", "\x1b[2J"),
    "an escaped escape sequence": json.dumps({**POLICY, "Version": "\x1b]0;owned\x07\u202e"}),
    "a lone surrogate": '{"Version": "\\ud800"}',
    "NaN": '{"Version": NaN}',
    "infinity": '{"Version": 1e999}',
    "one line of a megabyte": '{"Version": "' + "A" * 1_000_000 + '"}',
    "more than a megabyte": "A" * 2_000_000,
    "a number of 5000 digits in YAML": "Version: " + "9" * 5000,
    "a key of 5000 digits in YAML": "9" * 5000 + ": Version",
    "a merge of no mapping": "a: {<<: 3, b: [<<: [1, x]]}",
    "many documents": "---\na: 1\n" * 20_000,
    "many statements": json.dumps(POLICY | {"Statement": [STATEMENT] * 2000}),
    "many stars": json.dumps(policy(Condition={"StringLike": {"oidc.example/cluster:sub": "*a" * 2000}})),
}  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
def test_explain_answers_any_policy_with_a_sentence(tmp_path: Path, policy: str) -> None:
    (tmp_path / "policy").write_bytes(policy.encode(errors="surrogateescape"))
    (tmp_path / "token").write_text(
        unsigned_jwt({"iss": "https://oidc.example/cluster", "sub": "a" * 2000, "aud": "x"})
    )
    files = ("--token-file", str(tmp_path / "token"), "--trust-policy", str(tmp_path / "policy"))
    check_spoken(*run("explain", *files, "--role-arn", ROLE_ARN))


TOKENS = {
    "escape sequences in claims": unsigned_jwt(
        {"iss": "\x1b]0;owned\x07", "sub": "\x9b2J\u202e", "aud": ["\r\n"], "exp": 1}
    ),
    "surrogates in claims": unsigned_jwt({"iss": "\ud800", "sub": "\udfff", "aud": "x", "exp": 1}),
    "deep claims": "e30." + "W1tb" * 4000 + ".x",
    "a date beyond dates": unsigned_jwt({"iss": "x", "sub": "x", "aud": "x", "exp": 10**300, "iat": -(10**300)}),
    "no token": "\x1b[2J",
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_doctor_and_explain_answer_any_token_with_a_sentence(tmp_path: Path, token: str) -> None:
    (tmp_path / "token").write_text(token)
    (tmp_path / "policy").write_text(json.dumps(POLICY))
    files = ("--token-file", str(tmp_path / "token"), "--trust-policy", str(tmp_path / "policy"))
    check_spoken(*run("explain", *files, "--role-arn", ROLE_ARN))
    settings = {
        "AWS_ROLE_ARN": ROLE_ARN,
        "AWS_REGION": "eu-west-1",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
    }
    check_spoken(*run("doctor", "--offline", "--verbose", variables=settings))


@pytest.mark.parametrize("text", ["9" * 5000 + ": a", "a: {<<: 3}", "x: " + "9" * 5000], ids=lambda text: text[:9])
def test_inject_leaves_alone_what_is_no_workload(tmp_path: Path, text: str) -> None:
    workload = "kind: Pod\napiVersion: v1\nmetadata: {name: x}\nspec: {serviceAccountName: x, containers: []}\n"
    (tmp_path / "manifest").write_text(f"{workload}---\n{text}\n")
    check_spoken(*run("inject", "-f", str(tmp_path / "manifest"), "--region", "eu-west-1"))


def test_inject_ends_at_an_endless_file() -> None:
    code, printed = run("inject", "-f", "/dev/zero", "--region", "eu-west-1")
    check_spoken(code, printed)
    assert "larger than" in printed
