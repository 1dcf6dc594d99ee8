"""`irsa-sidecar lab` as a person or a script uses it, and a restart of STS that loses nothing."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError, EndpointConnectionError

from sidecar.lab.cli.commands import main
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.faults import Faults
from sidecar.lab.state import StateDirectory
from tests.lab.worlds import ROLE, sts_client, with_keys
from tests.waiting import HANGS_AFTER

RUN = [sys.executable, "-c", "import sys; from sidecar.lab.cli.commands import main; sys.exit(main(sys.argv[1:]))"]
ANY = "127.0.0.1:0"


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(RUN + list(arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as found:
        try:
            yield found
        finally:
            found.kill()


def read_until(running: subprocess.Popen[str], words: str) -> str:
    """What the process prints, up to and with the line that holds these words."""
    assert running.stdout is not None
    seen = ""
    for line in running.stdout:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"ended without {words!r}:\n{seen}")


@contextmanager
def a_lab_process(state: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A lab as its own process, and the lines to paste that it printed."""
    listen = ("--issuer-listen", ANY, "--sts-listen", ANY, "--control-listen", ANY)
    with process("--state", str(state), *listen, *arguments) as running:
        printed = read_until(running, "lab fault")
        yield running, dict(re.findall(r"(AWS_\w+)=(\S+)", printed))


def sdk(environment: dict[str, str], code: str) -> str:
    """Runs boto3 as an application would: nothing but environment variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nowhere = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    done = subprocess.run(
        [sys.executable, "-c", f"import boto3; sts = boto3.client('sts'); {code}"],
        env=inherited | nowhere | environment, capture_output=True, text=True, check=False, timeout=HANGS_AFTER,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_a_lab_ends_when_nobody_reads_its_events_any_more(tmp_path: Path) -> None:
    with a_lab_process(with_keys(tmp_path)) as (running, _):
        assert running.stdout is not None
        running.stdout.close()
        assert main(["fault", "policy-changed", "--state", str(tmp_path)]) == 0
        assert running.wait(HANGS_AFTER) != 0


def test_the_lines_to_paste_are_enough_for_an_sdks_own_web_identity_provider(tmp_path: Path) -> None:
    with a_lab_process(with_keys(tmp_path)) as (_, exports):
        told = sdk(exports, "print(sts.get_caller_identity()['Arn'])")
        assert told.startswith("arn:aws:sts::111122223333:assumed-role/demo/botocore-session-")
        assert main(["fault", "policy-changed", "--state", str(tmp_path)]) == 0
        told = sdk(exports, "sts.get_caller_identity()")
        assert "AccessDenied" in told
        assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in told


def test_the_lab_ends_by_sigterm_and_leaves_no_address_behind(tmp_path: Path) -> None:
    with a_lab_process(with_keys(tmp_path)) as (running, _):
        assert (tmp_path / "running.json").exists()
        running.send_signal(signal.SIGTERM)
        assert running.wait(HANGS_AFTER) == 0
    assert not (tmp_path / "running.json").exists()


def credentials(url: str, token: str) -> Any:
    sts = sts_client(url, signature_version=UNSIGNED)
    return sts.assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName="s1", WebIdentityToken=token)["Credentials"]


def test_an_sts_that_was_killed_and_started_again_knows_what_it_issued(tmp_path: Path) -> None:
    with a_lab_process(with_keys(tmp_path), "--no-sts"):
        token = (tmp_path / "projected/default/app/token").read_text()
        with process("sts", "--state", str(tmp_path), "--listen", ANY) as first:
            url = read_until(first, "STS on ").split()[-1]
            held = credentials(url, token)
            first.kill()
            first.wait()
        with pytest.raises(EndpointConnectionError):
            sts_client(url, held).get_caller_identity()
        with process("sts", "--state", str(tmp_path), "--listen", url.removeprefix("http://")) as second:
            read_until(second, "STS on ")
            assert sts_client(url, held).get_caller_identity()["Account"] == "111122223333"
            assert credentials(url, token)["AccessKeyId"] != held["AccessKeyId"]
        with process("sts", "--state", str(tmp_path), "--listen", ANY, "--session-lifetime", "1") as third:
            url = read_until(third, "STS on ").split()[-1]
            short = credentials(url, token)
            time.sleep(1.1)  # a real second: what is judged is a real SDK with a real process
            with pytest.raises(ClientError, match="ExpiredToken"):
                sts_client(url, short).get_caller_identity()


def test_sts_alone_needs_a_lab_that_was_started_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sts", "--state", str(tmp_path), "--listen", ANY]) == 1
    assert "Start `irsa-sidecar lab` with this state directory first" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["--state", str(with_keys(tmp_path)), "--issuer-listen", address]) == 1
    assert f"cannot listen on {address}" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["0.0.0.0:1", "example.com:80", "127.0.0.1", "127.0.0.1:99999", ":80"])
def test_the_lab_listens_on_loopback_alone(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--sts-listen", address])
    assert caught.value.code == 2
    assert "--sts-listen" in capsys.readouterr().err


def test_an_unusable_file_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_keys(tmp_path)
    (tmp_path / "cluster.yaml").write_text("serviceAccounts:\n  - namespace: default\n")
    assert main(["--state", str(tmp_path), "--issuer-listen", ANY]) == 1
    assert "cluster.yaml:2: name is missing" in capsys.readouterr().err


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_faults_are_listed_started_and_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = ("--state", str(tmp_path))
    assert "no fault is active" in (listed := run(capsys, "fault", *state))
    assert "jwks-slow" in listed
    run(capsys, "fault", "slow", "5", *state)
    assert run(capsys, "fault", "throttle", *state) == "active    slow = 5\nactive    throttle\n"
    assert "undo: irsa-sidecar lab fault slow --off" in run(capsys, "status", *state)
    assert run(capsys, "fault", "slow", "--off", *state) == "active    throttle\n"
    assert run(capsys, "fault", "--off", *state) == "no fault is active\n"


def test_a_negative_skew_is_a_value_and_no_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "fault", "skew", "-60", "--state", str(tmp_path)) == "active    skew = -60\n"


def test_a_changed_policy_is_read_from_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    arguments = ["fault", "policy-changed", str(tmp_path / "p.json"), "--state", str(tmp_path)]
    assert main(arguments) == 1
    assert "Statement is missing" in capsys.readouterr().err
    policy = '{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*"}}'
    (tmp_path / "p.json").write_text(policy)
    assert main(arguments) == 0
    assert Faults(StateDirectory(tmp_path)).active == {"policy-changed": policy}


def test_status_of_a_directory_where_no_lab_was_is_empty_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "running   no" in run(capsys, "status", "--state", str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("alive", [True, False])
def test_a_lab_that_was_killed_is_not_said_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], alive: bool
) -> None:
    with subprocess.Popen(["sleep", "60"]) as lab:
        if not alive:
            lab.kill()
            lab.wait()
        (tmp_path / "running.json").write_text(json.dumps({"pid": lab.pid}))
        found = json.loads(run(capsys, "status", "--json", "--state", str(tmp_path)))["running"]
        lab.kill()
    assert found == ({"pid": lab.pid} if alive else None)


@pytest.mark.parametrize("how", ["well", "sign-before-publish", "drop-old-now"])
def test_the_key_is_rotated_well_or_badly(tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str) -> None:
    with_keys(tmp_path)
    printed = run(capsys, "rotate", f"--{how}", "--wait", "60", "--keep", "60", "--state", str(tmp_path))
    ring, now = KeyRing(StateDirectory(tmp_path)), time.time()
    old, new = ring.tenures
    assert new.kid in printed
    published = {"well": {old.kid, new.kid}, "sign-before-publish": {old.kid}, "drop-old-now": {new.kid}}
    assert {key.kid for key in ring.published(now)} == published[how]
    assert ring.signer(now).kid == (old.kid if how == "well" else new.kid)


def test_a_token_goes_to_a_file_alone_and_its_claims_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_keys(tmp_path)
    out = tmp_path / "token"
    before = int(time.time())
    printed = run(
        capsys, "token", "--issuer", "https://x", "--namespace", "payments", "--name", "api", "--lifetime", "600",
        "--audience", "other", "--age", "60", "--out", str(out), "--state", str(tmp_path),
    )  # fmt: skip
    token = out.read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert token not in printed
    claims = jwt.decode(token, options={"verify_signature": False})
    assert json.loads(printed[: printed.rindex("}") + 1]) == claims
    assert (claims["sub"], claims["aud"]) == ("system:serviceaccount:payments:api", ["other"])
    assert claims["exp"] - claims["iat"] == 600
    assert before - 60 <= claims["iat"] <= time.time() - 60


def test_a_legacy_token_has_neither_audience_nor_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = run(capsys, "token", "--legacy", "--issuer", "https://x", "--state", str(with_keys(tmp_path)))
    assert {"aud", "exp", "iat"}.isdisjoint(json.loads(printed))


def test_a_token_needs_a_key_and_an_issuer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "--state", str(tmp_path)]) == 1
    assert "has no signing key yet" in capsys.readouterr().err
    assert main(["token", "--state", str(with_keys(tmp_path))]) == 1
    assert "pass --issuer URL" in capsys.readouterr().err
