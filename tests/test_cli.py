"""argv into one call, and exit codes that scripts can rely on."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sidecar import __version__, cli
from tests.waiting import HANGS_AFTER


def run(monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    monkeypatch.setattr(sys, "argv", ["irsa-sidecar", *argv])
    return cli.main()


Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("argv", [["version"], ["--version"], ["-V"]])
def test_the_version_is_told(argv: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert run(monkeypatch, *argv) == 0
    assert capsys.readouterr().out == f"irsa-sidecar {__version__}\n"


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["help"], []])
def test_help_names_every_command(argv: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert run(monkeypatch, *argv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "usage: irsa-sidecar COMMAND [--help]"
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(listed) == sorted(cli.COMMANDS)
    assert all(len(line.split()) > 3 for line in lines if line.startswith("  "))
    assert [line for line in lines if line.endswith(":")] == [f"{title}:" for title in cli.GROUPS]


@pytest.mark.parametrize("command", ["serve", "healthcheck", "version"])
def test_the_commands_that_the_readme_names_are_there(command: str) -> None:
    assert command in cli.COMMANDS


def test_an_unknown_command_is_2_with_help_on_standard_error(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert run(monkeypatch, "sevre") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("irsa-sidecar: unknown command: 'sevre'; did you mean serve?\nusage: ")


def test_a_command_that_is_like_none_gets_no_advice(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert run(monkeypatch, "frobnicate") == 2
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
def test_a_terminal_that_lacks_a_character_ends_no_command(encoding: str) -> None:
    argv = [sys.executable, "-m", "sidecar", "doctor", "--offline"]
    environment = {"PYTHONIOENCODING": encoding, "AWS_ROLE_ARN": "…"}

    done = subprocess.run(argv, env=environment, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (1, b"")


def test_a_command_gets_the_arguments_after_it_and_gives_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[list[str]] = []

    def probe(argv: list[str]) -> int:
        got.append(argv)
        return 7

    monkeypatch.setitem(cli.COMMANDS, "probe", probe)
    assert run(monkeypatch, "probe", "--a", "b") == 7
    assert got == [["--a", "b"]]


def ended_without_a_reader(argv: list[str], **environment: str) -> tuple[int, str]:
    """The exit code and standard error of a command whose output is a pipe that was closed, as by `| head -0`."""
    reader, unread = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "sidecar", *argv], env=environment, stdout=unread, stderr=subprocess.PIPE,
        check=False, text=True, timeout=HANGS_AFTER,
    )  # fmt: skip
    os.close(unread)
    return done.returncode, done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "argv", [["--help"], ["version"], ["exec", "--help"], ["doctor"], ["lab", "--sts-listen", "127.0.0.1:0"]]
)
def test_a_command_ends_quietly_when_its_output_is_closed(argv: list[str], unbuffered: str, tmp_path: Path) -> None:
    state = ["--state", str(tmp_path), "--issuer-listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0"]
    code, complaints = ended_without_a_reader(argv + state * (argv[0] == "lab"), PYTHONUNBUFFERED=unbuffered)
    assert (code, complaints) == (141, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "argv", [["--help"], ["version"], ["audit", "--help"], ["doctor", "--offline"], ["lab", "fault"], ["inject"]]
)
def test_output_that_cannot_be_written_is_no_finding_and_no_traceback(
    argv: list[str], unbuffered: str, tmp_path: Path
) -> None:
    manifest = tmp_path / "pod.yaml"
    manifest.write_text("kind: Pod\napiVersion: v1\nspec: {containers: [{name: app, image: app}]}\n")
    more = {"lab": ["--state", str(tmp_path)], "inject": ["--remove", "-f", str(manifest)]}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sidecar", *argv, *more.get(argv[0], [])], env={"PYTHONUNBUFFERED": unbuffered},
            stdout=full, stderr=subprocess.PIPE, check=False, text=True, timeout=HANGS_AFTER,
        )  # fmt: skip
    told = "irsa-sidecar: the output could not be written (No space left on device); part of it is missing.\n"
    assert (done.returncode, done.stderr) == (2, told)


async def test_ctrl_c_ends_a_command_that_waits_for_its_input_as_it_ends_any_program(tmp_path: Path) -> None:
    account = tmp_path / "account.json"
    os.mkfifo(account)
    pipe = os.open(account, os.O_RDWR)
    argv = [sys.executable, "-m", "sidecar", "explain", "--trust-policy", str(account), "--token-file", "-"]
    waits = await asyncio.create_subprocess_exec(*argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert waits.stderr is not None
    assert b"still waiting (Ctrl-C ends it)" in await waits.stderr.readline()
    waits.send_signal(signal.SIGINT)
    _, complaints = await waits.communicate()
    os.close(pipe)
    assert (waits.returncode, complaints) == (-signal.SIGINT, b"")


@pytest.mark.parametrize(
    "command", ["serve", "demo", "doctor", "explain", "audit", "inject", "webhook", "healthcheck", "credential-process"]
)
def test_help_that_is_not_read_to_its_end_is_no_fault(command: str) -> None:
    code, complaints = ended_without_a_reader([command, "--help"])
    assert (code, complaints) == (141, "")


def test_a_connection_that_a_peer_closed_is_still_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Sequence[str]) -> int:
        raise BrokenPipeError

    monkeypatch.setitem(cli.COMMANDS, "probe", broken)
    with pytest.raises(ExceptionGroup):
        run(monkeypatch, "probe")


def loaded_by(module: str) -> set[str]:
    """The top-level packages that importing it brings in."""
    show = f"import sys, {module}; print(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    said = subprocess.run([sys.executable, "-c", show], capture_output=True, check=True, env={}, text=True).stdout
    return set(said.split())


def test_no_command_pays_for_anothers_libraries() -> None:
    foreign = {"aiohttp", "asyncio", "prometheus_client", "watchfiles", "jwt", "yaml", "botocore"}
    assert not foreign & loaded_by("sidecar.cli")


def test_serving_pays_for_nothing_of_the_webhook() -> None:
    show = "import sys, sidecar.serve; print('sidecar.webhook' in sys.modules, 'sidecar.inject' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", show], capture_output=True, check=True, env={}, text=True).stdout
    assert said == "False False\n"


def test_serving_pays_for_no_library_of_the_doctor_or_the_lab() -> None:
    loaded = loaded_by("sidecar.serve")
    assert "aiohttp" in loaded
    assert not {"uvloop", "botocore", "boto3", "jwt", "cryptography", "yaml", "difflib", "configparser"} & loaded


def test_roles_from_a_file_cost_no_library_either() -> None:
    assert "configparser" not in loaded_by("sidecar.settings.profile_roles")


def test_serving_pays_for_no_extension_that_one_answer_in_half_an_hour_does_without() -> None:
    show = "import sys; from sidecar import cli; cli.import_serve(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", show], capture_output=True, check=True, env={}, text=True).stdout
    assert "aiohttp.client" in loaded.split()
    assert not {"aiohttp._http_parser", "frozenlist._frozenlist", "argparse"} & set(loaded.split())


def test_importing_what_serves_reads_no_authorities_and_leaves_the_pods_own_setting() -> None:
    show = (
        "import os; from sidecar import cli; cli.import_serve(); from aiohttp import connector; "
        "print(os.environ.get('SSL_CERT_FILE'), len(connector._SSL_CONTEXT_VERIFIED.get_ca_certs()))"
    )
    for given in ({"SSL_CERT_FILE": "/the/pods/own"}, {}):
        said = subprocess.run(
            [sys.executable, "-c", show], capture_output=True, check=True, env=given, text=True
        ).stdout
        assert said == f"{given.get('SSL_CERT_FILE')} 0\n"


def test_serving_collects_garbage_but_looks_for_none_in_what_was_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = gc.get_threshold()
    monkeypatch.setattr(
        "sidecar.terminal.early_signals.leave_no_zombies", lambda: None
    )  # this process waits for its own
    monkeypatch.setattr("sidecar.serve.main", lambda _: int(gc.get_threshold() == usual and gc.get_freeze_count() > 0))
    try:
        assert run(monkeypatch, "serve") == 1
    finally:
        gc.unfreeze()
