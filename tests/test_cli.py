"""argv into one call, and exit codes that scripts can rely on."""

import subprocess
import sys

import pytest

from sidecar import __version__, cli


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
    assert [line.split()[0] for line in lines[2:]] == list(cli.COMMANDS)
    assert all(len(line.split()) > 3 for line in lines[2:])


@pytest.mark.parametrize("command", ["serve", "healthcheck", "version"])
def test_the_commands_that_the_readme_names_are_there(command: str) -> None:
    assert command in cli.COMMANDS


def test_an_unknown_command_is_2_with_help_on_standard_error(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert run(monkeypatch, "sevre") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("irsa-sidecar: no such command: 'sevre'\nusage: irsa-sidecar COMMAND")


def test_a_command_gets_the_arguments_after_it_and_gives_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[list[str]] = []

    def probe(argv: list[str]) -> int:
        got.append(argv)
        return 7

    monkeypatch.setitem(cli.COMMANDS, "probe", probe)
    assert run(monkeypatch, "probe", "--a", "b") == 7
    assert got == [["--a", "b"]]


def test_no_command_pays_for_anothers_libraries() -> None:
    show = "import sys, sidecar.cli; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", show], capture_output=True, check=True, env={}, text=True).stdout
    foreign = {"aiohttp", "asyncio", "prometheus_client", "watchfiles", "pythonjsonlogger", "jwt", "yaml", "botocore"}
    assert foreign.isdisjoint(loaded.split())
