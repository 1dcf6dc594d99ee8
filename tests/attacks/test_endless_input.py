"""Endless, silent and absurd input of commands ends in a sentence, in bounded memory; what is slow is waited for."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from sidecar.audit import NotACluster, NotAnAccount, cluster_from, roles_from
from sidecar.terminal import json_items, slow_input
from sidecar.terminal.files import BadArguments, read
from sidecar.terminal.json_items import JsonItems, NotUsableJson
from tests.audit.estate import ISSUER, arn, details, kubectl, pod, service_account
from tests.explain.asking import policy

MOST_RSS, MOST_CPU = 100 << 10, 5.0
"""KiB, and seconds of a processor, of a whole command."""

THEN_TELL_COST = """
import re, resource, sys
from sidecar.cli import main
code = main()
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
used = resource.getrusage(resource.RUSAGE_SELF)
print(code, peak, used.ru_utime + used.ru_stime, file=sys.stderr)
"""
"""getrusage's maximum of memory has that of who started the process in it."""

PIECE = 1 << 16


def endless(text: str, *, after: str = "") -> Iterator[str]:
    yield after
    yield from repeat(text * (PIECE // len(text)))


IN_ITEMS = '{"items": ['
ENDLESS = {
    "nulls": ("\0", ""),
    "yes": ("y\n", ""),
    "spaces": (" ", ""),
    "lines": ("\n", ""),
    "arrays": ("[", ""),
    "objects": ('{"a":', ""),
    "a string": ("A", '{"items": ["'),
    "a name": ("A", '{"'),
    "a number": ("9", '{"items": ['),
    "a fraction": ("9", '{"items": [0.'),
    "escapes": ("\\u00", '{"items": ["'),
    "surrogates": ("\\ud800", '{"items": ["'),
    "empty objects": ("{}\n", ""),
    "empty lists": ("[]\n", ""),
    "YAML documents": ("---\n", ""),
    "a YAML list": ("- []\n", ""),
    "comments": ("# a\n", ""),
    "lists in items": ("[],", IN_ITEMS),
    "nulls in items": ("null,", IN_ITEMS),
    "spaces in items": (" ", IN_ITEMS),
    "members": ('"a": 1,', "{"),
    "other kinds": ('{"kind":"ConfigMap","metadata":{"name":"a"}},', IN_ITEMS),
    "pods that ended": ('{"kind":"Pod","status":{"phase":"Failed"}},', IN_ITEMS),
    "accounts of one name": ('{"kind":"ServiceAccount","metadata":{"namespace":"a","name":"a"}},', IN_ITEMS),
    "pods without a name": ('{"kind":"Pod"},', IN_ITEMS),
    "an item of lists": ("[],", '{"items": [['),
    "an item of names": ('{"a": 1},', '{"items": [['),
    "one role": ('{"Arn":"a","AssumeRolePolicyDocument":"%7B%7D"},', '{"RoleDetailList":['),
    "roles within roles": ('{"Role":', ""),
}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits themselves are tried by whole commands below."""
    monkeypatch.setattr(json_items, "MOST_IN_VAIN", 4 << 20)
    monkeypatch.setattr(json_items, "MOST_ITEMS_IN_VAIN", 2000)
    monkeypatch.setattr(json_items, "LARGEST_TEXT", 8 << 20)
    monkeypatch.setattr(json_items, "MOST_ITEMS", 20_000)


@pytest.mark.parametrize(("text", "before"), ENDLESS.values(), ids=ENDLESS.keys())
def test_no_endless_text_is_a_cluster_or_an_account(text: str, before: str) -> None:
    with pytest.raises(NotACluster):
        cluster_from(endless(text, after=before), name="a", issuer=ISSUER)
    with pytest.raises(NotAnAccount):
        roles_from(endless(text, after=before))


def in_pieces(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


VALUES: list[dict[str, Any]] = [
    {"items": [1, -1.5e300, 12, 0, "", 'a\\"b\u2028', None, True, {"a": [1, {}]}], "x": 12, "y": [], "z": {}},
    {"é\U0001f600": "\U0001f600", "list": [[1, 2], [3]]},
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 50, 1000])
def test_where_a_text_is_cut_changes_nothing(size: int) -> None:
    text = "\n\n".join(json.dumps(value, indent=1, ensure_ascii=size % 2 == 0) for value in VALUES)
    whole = [
        (name, item)
        for value in VALUES
        for name, member in value.items()
        for item in (member if isinstance(member, list) else [member])
    ]
    assert list(JsonItems(in_pieces(text, size))) == whole


NO_JSON = (
    *('{"a"}', '{"a" 1}', '{"a": }', '{"a": [1 2]}', '{"a": [1,]}', '{"a": 1,}', "{1: 2}", '{"a": nul}'),
    *('{"a": 1', '{"a": "', "[1, 2", "[1}", "{]", "3", '"a"', "[01]", "[1.]", "[-]", '["\n"]', "]", '{"a": 1}}'),
    f"[{'9' * 5000}]",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_JSON)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_no_json_is_refused_wherever_it_is_cut(text: str, size: int) -> None:
    with pytest.raises(NotUsableJson):
        list(JsonItems(in_pieces(text, size)))


def test_no_more_is_read_than_shows_that_it_is_no_json() -> None:
    def pieces() -> Iterator[str]:
        yield '{"items": [{"kind": oh, no} , "and much more'
        pytest.fail("it reads on")

    with pytest.raises(NotUsableJson):
        list(JsonItems(pieces()))


def test_an_item_is_there_before_the_next_one_is_written() -> None:
    def pieces() -> Iterator[str]:
        yield '{"items": [{"a": 1},'
        pytest.fail("it reads on")

    assert next(iter(JsonItems(pieces()))) == ("items", {"a": 1})


def test_a_cluster_in_small_pieces_is_the_same_cluster() -> None:
    text = kubectl(pod("a/p", "b", arn("api")), service_account("a/b", arn("api")), {"kind": "ConfigMap"})
    whole = cluster_from([text], name="a", issuer=ISSUER)
    assert whole == cluster_from(in_pieces(text, 5), name="a", issuer=ISSUER)
    assert [found.name for account in whole.accounts for found in account.pods] == ["p"]


# --- what is silent ---------------------------------------------------------------------------------------------


@pytest.fixture
def fifo(tmp_path: Path) -> str:
    os.mkfifo(tmp_path / "pipe")
    return str(tmp_path / "pipe")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_input, "SILENT", 0.05)


@pytest.mark.usefixtures("soon")
def test_a_pipe_that_nobody_writes_is_not_waited_for(fifo: str) -> None:
    with pytest.raises(BadArguments, match=f"--token-file: {fifo}: it is a pipe that no program opened to write"):
        read(fifo, "--token-file")


@pytest.mark.usefixtures("soon")
def test_a_silent_device_is_not_waited_for() -> None:
    with pytest.raises(BadArguments, match="it is a device that gave nothing"):
        read("/dev/ptmx", "--token-file")


class Told(io.StringIO):
    """Standard error that tells when something was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def flush(self) -> None:
        self.written.set()


@pytest.mark.usefixtures("soon")
def test_a_slow_writer_is_waited_for_with_one_sentence(fifo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    monkeypatch.setattr(sys, "stderr", told)

    def write() -> None:
        with Path(fifo).open("w") as file:
            told.written.wait()
            file.write("at last")

    writer = threading.Thread(target=write)
    writer.start()
    assert read(fifo, "--pod") == "at last"
    writer.join()
    assert (
        told.getvalue()
        == f"irsa-sidecar: --pod: nothing has come from {fifo} for 0 s; still waiting (Ctrl-C ends it)\n"
    )


def test_a_substituted_process_is_read_to_its_end_though_it_has_gone() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"text")
    os.close(writing)
    try:
        assert read(f"/dev/fd/{reading}", "--pod") == "text"
    finally:
        os.close(reading)


def test_a_terminal_is_told_at_once_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, terminal = os.openpty()
    os.write(ours, b"NAME=value\n\x04")
    with os.fdopen(terminal) as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        assert read("-", "--app-env") == "NAME=value\n"
    os.close(ours)
    assert (
        capsys.readouterr().err
        == "irsa-sidecar: --app-env: type it here, and end it with Ctrl-D on a line of its own\n"
    )


# --- whole commands ---------------------------------------------------------------------------------------------


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    (tmp_path / "account.json").write_text(details(api=policy()))
    (tmp_path / "cluster.json").write_text(kubectl(service_account("payments/api", arn("api"))))
    (tmp_path / "token").write_text("a.b.c")
    return tmp_path


ESTATE = ("--cluster", "https://a=cluster.json", "--account", "account.json")
COMMANDS = {
    "audit --cluster": ("audit", "--cluster", "https://a=-", *ESTATE[2:]),
    "audit --account": ("audit", *ESTATE[:2], "--account", "-"),
    "audit --providers": ("audit", *ESTATE, "--providers", "-"),
    "explain --trust-policy": ("explain", "--token-file", "token", "--trust-policy", "-"),
    "explain --token-file": ("explain", "--token-file", "-", "--trust-policy", "account.json"),
    "explain --event": ("explain", "--event", "-", "--trust-policy", "account.json"),
    "doctor --trust-policy": ("doctor", "--offline", "--trust-policy", "-"),
    "doctor --pod": ("doctor", "--offline", "--pod", "-"),
    "inject": ("inject", "-f", "-", "--region", "eu-west-1"),
}  # fmt: skip
OF_COMMANDS = ("nulls", "lists in items", "other kinds", "accounts of one name")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
@pytest.mark.parametrize("kind", OF_COMMANDS)
def test_no_endless_input_swells_a_command(estate: Path, command: tuple[str, ...], kind: str) -> None:
    text, before = ENDLESS[kind]
    refused(estate, command, endless(text, after=before))


def refused(estate: Path, command: tuple[str, ...], texts: Iterator[str]) -> str:
    """The sentence that a command ends with when it reads these texts, within the bounds of memory and time."""
    with subprocess.Popen(
        [sys.executable, "-c", THEN_TELL_COST, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=estate,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd())},
    ) as started:
        assert started.stdin
        assert started.stderr
        feed(started.stdin.fileno(), texts)
        started.stdin.close()
        sentence, figures = started.stderr.read().decode().splitlines()
    assert sentence.startswith(("irsa-sidecar ", "<stdin>:"))
    code, peak, seconds = map(float, figures.split())
    assert code == 2
    assert peak < MOST_RSS
    assert seconds < MOST_CPU
    return sentence


POD = "kind: Pod\napiVersion: v1\nmetadata: {name: a}\nspec: {containers: [{name: a, image: b}]}\n"
ITEM = "- {kind: Pod, apiVersion: v1, metadata: {name: a}, spec: {containers: [{name: a, image: b}]}}\n"
SPLIT, SPLIT_LIST = "split it, and give each part with an -f of its own.", "documents of their own, or split it."
HUGE = {
    "a file": (POD + "data: " + "a" * (6 << 20), SPLIT),
    "a document": (POD + "data: " + "\U0001f600" * (1 << 20) + "a" * (1 << 20), SPLIT_LIST),
    "tiny documents": ("---\n" * 1_000_000, SPLIT),
    "tiny pods": (f"{POD}---\n" * 50_000, SPLIT),
    "a list of pods": ("kind: List\napiVersion: v1\nitems:\n" + ITEM * 20_000, SPLIT_LIST),
    "a list of numbers": ("kind: Pod\nx:\n" + "- 1\n" * 500_000, SPLIT_LIST),
    "a list in brackets": ("kind: Pod\nx: [" + "[]," * 600_000, SPLIT_LIST),
    "depth": ("kind: Pod\nx: " + "[" * (2 << 19), "deeper than 100 levels."),
}


@pytest.mark.parametrize(("text", "end"), HUGE.values(), ids=HUGE.keys())
def test_a_huge_manifest_is_refused_with_what_to_do(estate: Path, text: str, end: str) -> None:
    assert refused(estate, (*COMMANDS["inject"], "--role-arn", arn("api")), iter([text])).endswith(end)


@pytest.mark.parametrize("inner", ["[],", '{"a":0},'])
@pytest.mark.parametrize("command", ["audit --cluster", "audit --account"])
def test_large_items_of_nothing_cost_no_more(estate: Path, command: str, inner: str) -> None:
    item = f"[{inner * ((1 << 19) // len(inner))}1],"
    sentence = refused(estate, COMMANDS[command], chain([IN_ITEMS], repeat(item)))
    assert "in a row are nothing of what is looked for" in sentence


def feed(descriptor: int, texts: Iterator[str]) -> None:
    """Until nobody reads any more."""
    try:
        for text in texts:
            left = memoryview(text.encode())
            while left:
                left = left[os.write(descriptor, left) :]
    except BrokenPipeError:
        pass
