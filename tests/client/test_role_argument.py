"""`--role NAME`: commands that ask the running sidecar for one of its roles."""

import json
import subprocess
import sys

import pytest

from sidecar.client.role_argument import is_name, role_and_rest
from sidecar.core.model import DEFAULT_ROLE
from sidecar.faces.authorization import NoAuthorization
from sidecar.faces.container import ContainerFace
from sidecar.faces.guards import Guard
from sidecar.faces.routes import Routes
from sidecar.settings import parsers
from tests.doubles import credentials
from tests.faces.kit import LOOPBACK, Source, served_role
from tests.local_sidecar import in_a_thread
from tests.waiting import HANGS_AFTER


def run(command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *command],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS_AFTER,
    )


@pytest.mark.parametrize(
    "command", [["credential-process"], ["exec", "{}", "--", sys.executable, "-c", "import os; print(os.environ)"]]
)
def test_a_command_gets_the_role_that_it_names_and_else_the_default(command: list[str]) -> None:
    held = {name: credentials() for name in (DEFAULT_ROLE, "reports")}
    face = ContainerFace(
        Routes([served_role(Source(each), name) for name, each in held.items()], DEFAULT_ROLE),
        Guard(LOOPBACK, NoAuthorization()),
    )
    name, *rest = [word for word in command if word != "{}"]
    with in_a_thread(face) as address:
        for role, owner in (("", DEFAULT_ROLE), ("reports", "reports")):
            ended = run([name, *(["--role", role] if role else []), *rest], {"SIDECAR_LISTEN": str(address)})
            assert ended.returncode == 0, ended.stderr
            assert held[owner].access_key_id in ended.stdout
        unknown = run([name, "--role", "nobody", *rest], {"SIDECAR_LISTEN": str(address)})
    assert unknown.returncode == (1 if name == "credential-process" else 125)
    assert "the name of a role: default, reports" in unknown.stderr


def test_without_a_sidecar_no_role_is_exchanged_in_its_place() -> None:
    """The variables describe another role than the one that was named."""
    environ = {"SIDECAR_LISTEN": "127.0.0.1:1", "AWS_ROLE_ARN": "x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/x"}
    ended = run(["credential-process", "--role", "reports"], environ)
    assert (ended.returncode, "No sidecar listens" in ended.stderr) == (1, True)


@pytest.mark.parametrize("argv", [["--role"], ["--role", ""], ["--role", "a/b"], ["--role", "../x"], ["--roles", "x"]])
def test_what_is_no_name_is_a_usage_error(argv: list[str]) -> None:
    for command in (["credential-process", *argv], ["exec", *argv, "--", "true"]):
        assert run(command, {}).returncode == 2


def test_the_help_tells_of_it() -> None:
    for command in ("credential-process", "exec"):
        assert "--role NAME" in run([command, "--help"], {}).stdout


def test_arguments_after_two_hyphens_belong_to_the_program() -> None:
    assert role_and_rest(["--", "--role", "x"]) == ("", ["--", "--role", "x"])
    assert role_and_rest(["--role", "x", "--", "y"]) == ("x", ["--", "y"])


@pytest.mark.parametrize("text", ["a", "a.b@c+d=e-f_G9", "a" * 64, "", "a" * 65, "ä", "a b", "a/b", "..", "%61", "a\n"])
def test_a_name_is_what_the_settings_take_for_one(text: str) -> None:
    try:
        parsers.profile_name(text)
    except ValueError:
        assert not is_name(text)
    else:
        assert is_name(text)


def test_the_document_is_the_roles() -> None:
    held = credentials()
    face = ContainerFace(Routes([served_role(Source(held), "x")], DEFAULT_ROLE), Guard(LOOPBACK, NoAuthorization()))
    with in_a_thread(face) as address:
        ended = run(["credential-process", "--role", "x"], {"SIDECAR_LISTEN": str(address)})
    assert json.loads(ended.stdout)["AccessKeyId"] == held.access_key_id
