"""`irsa-sidecar doctor` as a process: what it prints, and its exit code."""

import json
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path

import pytest

from tests.doctor.labs import environ
from tests.lab.worlds import World


async def doctor(world: World, *argv: str, given: bytes = b"", **more: str) -> tuple[int, str]:
    """`irsa-sidecar doctor` as a process of its own: exit code and all that it printed."""
    code = "import sys; from sidecar.doctor.commands import main; sys.exit(main(sys.argv[1:]))"
    process = await create_subprocess_exec(
        sys.executable, "-c", code, *argv, env=environ(world, **more), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate(given)
    return process.returncode or 0, (out + err).decode()


async def test_the_command_exits_0_and_prints_no_secret(world: World) -> None:
    code, printed = await doctor(world, "-v")

    token = world.lab.token_file.read_text()
    assert code == 0, printed
    assert "pass  caller-identity" in printed
    assert "\x1b" not in printed
    assert not [part for part in token.split(".") if part in printed]
    assert "ASIA" not in printed


async def test_the_command_exits_1_for_a_refusal_and_explains_it(world: World, tmp_path: Path) -> None:
    world.lab.faults.start("policy-changed")
    policy = tmp_path / "policy.json"
    host = world.lab.issuer_url.removeprefix("http://")
    policy.write_text(json.dumps(world.policy(Condition={"StringEquals": {f"{host}:sub": "else"}})))

    code, printed = await doctor(world, "--trust-policy", str(policy))

    assert code == 1
    assert "fail  explain: subject-shape" in printed


async def test_unless_asked_for_all_it_prints_what_somebody_must_look_at_the_worst_last(world: World) -> None:
    app = b"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:2/v1/credentials\n"

    code, printed = await doctor(world, "--offline", "--app-env", "-", given=app)

    levels = [line.split()[0] for line in printed.splitlines() if line[:4] in {"pass", "skip", "warn", "fail"}]
    assert code == 1
    assert levels == sorted(levels, key=["skip", "warn", "fail"].index)
    assert levels[-1] == "fail"
    assert printed.endswith("(-v shows all)\n")


@pytest.mark.parametrize("more", [(), ("-v",)])
async def test_a_sidecar_without_the_container_endpoint_is_examined_too(world: World, more: tuple[str, ...]) -> None:
    code, printed = await doctor(world, *more, SIDECAR_LISTEN="off", SIDECAR_IMDS_LISTEN="127.0.0.1:9913")

    assert (code, "Traceback" in printed, "bug" in printed) == (0, False, False)


async def test_the_applications_of_a_pod_are_read_from_what_kubectl_prints(world: World) -> None:
    env = [{"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://10.0.0.1/v1/credentials"}]
    pod = {"kind": "Pod", "metadata": {"uid": "u"}, "spec": {"containers": [{"name": "web", "env": env}]}}

    code, printed = await doctor(world, "--offline", "--pod", "-", given=json.dumps(pod).encode())

    assert code == 1
    assert "fail  app-uri: web: AWS_CONTAINER_CREDENTIALS_FULL_URI=http://10.0.0.1/v1/credentials" in printed


@pytest.mark.parametrize("given", [b"apiVersion: v1\n", b"[]", b'{"kind": "Deployment"}', b'{"kind": "List"}', b""])
async def test_what_is_no_pod_is_said_to_be_none(world: World, given: bytes) -> None:
    code, printed = await doctor(world, "--pod", "-", given=given)

    assert (code, printed.count("\n")) == (2, 1)
    assert printed.startswith("irsa-sidecar doctor: --pod: -: ")


async def test_the_command_in_json_has_the_documented_members(world: World) -> None:
    code, printed = await doctor(world, "--json", "--offline")

    told = json.loads(printed)
    assert (code, list(told), told["ok"]) == (0, ["ok", "findings"], True)
    assert all(list(found) == ["check", "level", "saw", "message", "fix"] for found in told["findings"])
    assert not {found["check"] for found in told["findings"]} & {"exchange", "issuer-discovery", "sts-name"}


async def test_the_applications_environment_comes_from_standard_input(world: World) -> None:
    app = b"PATH=/bin\nAWS_WEB_IDENTITY_TOKEN_FILE=/token\nAWS_ROLE_ARN=arn\nMULTI=line\n of text\n"

    code, printed = await doctor(world, "--offline", "--app-env", "-", given=app)

    assert code == 1
    assert "fail  app-web-identity" in printed
    assert "assume-role-with-web-identity" in printed


@pytest.mark.parametrize(
    "argv",
    [
        ("--app-env", "/missing"),
        ("--pod", "/missing"),
        ("--trust-policy", "/missing"),
        ("--nonsense",),
        ("--container", "web"),
    ],
)
async def test_bad_usage_exits_2(world: World, argv: tuple[str, ...]) -> None:
    code, printed = await doctor(world, *argv)

    assert code == 2
    assert argv[0] in printed


async def test_without_any_settings_it_says_what_is_missing(world: World) -> None:
    code, printed = await doctor(world, AWS_ROLE_ARN="", AWS_WEB_IDENTITY_TOKEN_FILE="", AWS_REGION="")

    assert code == 1
    assert "AWS_ROLE_ARN: required" in printed
    assert "Traceback" not in printed
