"""`irsa-sidecar exec`: the program's environment, signals and exit code, and a word when credentials end."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sidecar.client.exec import ends_at, environment, main
from sidecar.client.running_sidecar import NotServed, SessionCredentials
from sidecar.http.addresses import Address
from tests.doubles import KEY_CANARY, SESSION_CANARY, credentials
from tests.faces.kit import Source
from tests.local_sidecar import a_sidecar
from tests.needs import on_linux
from tests.waiting import HANGS_AFTER

HELD = SessionCredentials("ASIAEXAMPLE", KEY_CANARY, SESSION_CANARY, "2027-01-15T09:00:00Z", "111122223333")
IN_AN_HOUR = time.time() + 3600


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def run(command: list[str], expires_at: float = IN_AN_HOUR) -> "subprocess.CompletedProcess[str]":
    """In a process of its own: a signal goes to any thread, and here there may be several."""
    ours = f"import os, sys; from sidecar.client.exec import run; sys.exit(run({command}, os.environ, {expires_at}))"
    return subprocess.run(python(ours), check=False, capture_output=True, text=True, timeout=HANGS_AFTER)


@contextmanager
def started(address: Address, script: str) -> Iterator["subprocess.Popen[str]"]:
    """`exec` with a program that has said its first line."""
    command = [sys.executable, "-m", "sidecar", "exec", "--", *python(script)]
    environ = os.environ | {"SIDECAR_LISTEN": str(address)}
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@on_linux
def test_the_program_has_the_credentials_in_its_environment_and_nowhere_else() -> None:
    held = credentials()
    script = "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv, open('/proc/self/cmdline').read()]))"
    with a_sidecar(Source(held)) as address, started(address, script) as process:
        environ, argv, command = json.loads(line(process))
        assert process.wait(HANGS_AFTER) == 0
    assert {name: environ[name] for name in environ if name.startswith("AWS_")} | {} == {
        "AWS_ACCESS_KEY_ID": held.access_key_id,
        "AWS_SECRET_ACCESS_KEY": KEY_CANARY,
        "AWS_SESSION_TOKEN": SESSION_CANARY,
        "AWS_SECURITY_TOKEN": SESSION_CANARY,
        "AWS_CREDENTIAL_EXPIRATION": "2027-01-15T09:00:00Z",
    } | {name: os.environ[name] for name in os.environ if name.startswith("AWS_") and name in environ}
    assert KEY_CANARY not in command + "".join(argv)


def test_what_would_outrank_the_credentials_is_taken_away_and_the_rest_is_kept() -> None:
    given = {"PATH": "/bin", "AWS_PROFILE": "dev", "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAOLD"}
    made = environment(given, HELD)
    assert "AWS_PROFILE" not in made
    assert (made["PATH"], made["AWS_REGION"], made["AWS_ACCESS_KEY_ID"]) == ("/bin", "eu-west-1", "ASIAEXAMPLE")


def held_until(expiration: str) -> SessionCredentials:
    return SessionCredentials(HELD.access_key_id, HELD.secret_access_key, HELD.session_token, expiration)


@pytest.mark.parametrize("text", ["2027-01-15T09:00:00Z", "2027-01-15T09:00:00.000Z", "2027-01-15T10:00:00+01:00"])
def test_the_end_of_the_credentials_is_understood_as_other_servers_write_it_too(text: str) -> None:
    assert ends_at(held_until(text)) == 1_800_003_600


def test_an_end_that_is_no_time_is_named() -> None:
    with pytest.raises(NotServed, match="invalid Expiration: 'soon'"):
        ends_at(held_until("soon"))


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_programs_exit_code_is_ours(code: int) -> None:
    assert run(python(f"raise SystemExit({code})")).returncode == code


def test_a_program_that_a_signal_ended_gives_128_and_its_number() -> None:
    assert run(["sh", "-c", "kill -KILL $$"]).returncode == 137


def test_a_program_that_is_not_there_or_no_program_has_the_shells_codes(tmp_path: Path) -> None:
    missing = run(["no-such-program-anywhere"])
    assert missing.returncode == 127
    assert ": not found" in missing.stderr
    assert run([str(tmp_path)]).returncode == 126


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGWINCH"])
def test_signals_reach_the_program_which_decides(name: str) -> None:
    script = (
        "import signal, sys\n"
        f"signal.signal(signal.{name}, lambda *_: (print('got it', flush=True), sys.exit(7)))\n"
        "print('ready', flush=True)\nsignal.pause()"
    )
    with a_sidecar(Source(credentials())) as address, started(address, script) as process:
        assert line(process) == "ready"
        process.send_signal(getattr(signal, name))
        assert line(process) == "got it"
        assert process.wait(HANGS_AFTER) == 7


@on_linux
def test_a_signal_from_the_terminal_is_not_passed_on_for_the_program_has_it_already() -> None:
    script = (
        "import os, signal\nseen = []\n"
        "os.setpgid(0, 0)\n"  # out of the terminal's sight, so that what arrives was passed on
        "signal.signal(signal.SIGINT, lambda *_: seen.append(1))\n"
        "signal.signal(signal.SIGUSR1, lambda *_: (print(f'{len(seen)} seen', flush=True), exit(0)))\n"
        "print('ready', flush=True)\nwhile True: signal.pause()"
    )
    command = ["setsid", "--ctty", sys.executable, "-m", "sidecar", "exec", "--", *python(script)]
    terminal, other_end = pty.openpty()
    with a_sidecar(Source(credentials())) as address:
        environ = os.environ | {"SIDECAR_LISTEN": str(address)}
        process = subprocess.Popen(command, env=environ, stdin=other_end, stdout=other_end, stderr=other_end)
        read_until(terminal, "ready")
        os.write(terminal, b"\x03")
        read_until(terminal, "^C")
        process.send_signal(signal.SIGUSR1)
        assert "0 seen" in read_until(terminal, "seen")
        assert process.wait(HANGS_AFTER) == 0
    os.close(terminal)
    os.close(other_end)


def read_until(terminal: int, text: str) -> str:
    read = ""
    while text not in read:
        read += os.read(terminal, 1024).decode()
    return read


def test_the_program_starts_with_no_signal_blocked() -> None:
    script = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    with a_sidecar(Source(credentials())) as address, started(address, script) as process:
        assert line(process) == "set()"


def test_a_pipe_ends_a_program_as_it_would_without_us() -> None:
    assert run(["sh", "-c", "kill -PIPE $$"]).returncode == 128 + signal.SIGPIPE


@on_linux
def test_children_that_others_leave_to_us_do_not_end_the_wait() -> None:
    adopting = (
        "import ctypes, os, sys; from sidecar.client.exec import run\n"
        "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"  # PR_SET_CHILD_SUBREAPER, which process 1 of a container is anyway
        f"sys.exit(run(['sh', '-c', '(sleep 0.05 &) ; sleep 0.4; exit 3'], os.environ, {IN_AN_HOUR}))"
    )
    assert subprocess.run(python(adopting), check=False, timeout=HANGS_AFTER).returncode == 3


def test_it_says_so_when_the_program_outlives_its_credentials() -> None:
    outliving = run(["sleep", "0.3"], time.time())
    assert outliving.returncode == 0
    assert outliving.stderr.count("sleep still runs, but its credentials have expired") == 1
    assert "expired" not in run(["true"]).stderr


def test_without_credentials_the_program_is_not_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SIDECAR_LISTEN", "127.0.0.1:1")
    monkeypatch.delenv("AWS_ROLE_ARN", raising=False)
    assert main(["--", "touch", str(tmp_path / "started")]) == 125
    assert "No sidecar listens at 127.0.0.1:1" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("argv", "code"), [([], 2), (["--"], 2), (["--bogus"], 2), (["--help"], 0), (["-h"], 0)])
def test_usage(argv: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == code
    told = capsys.readouterr()
    assert "exec [--role NAME] -- COMMAND" in (told.err if code else told.out)


def test_the_masks_of_the_caller_are_as_before() -> None:
    asking = (
        "import os, signal; from sidecar.client.exec import run\n"
        "masks = [signal.pthread_sigmask(signal.SIG_BLOCK, [])]\n"
        f"run(['true'], os.environ, {IN_AN_HOUR})\n"
        "assert [signal.pthread_sigmask(signal.SIG_BLOCK, [])] == masks"
    )
    subprocess.run(python(asking), check=True)
