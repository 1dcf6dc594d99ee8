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
    code, printed = await doctor(world)

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


@pytest.mark.parametrize("argv", [("--app-env", "/missing"), ("--trust-policy", "/missing"), ("--nonsense",)])
async def test_bad_usage_exits_2(world: World, argv: tuple[str, ...]) -> None:
    code, printed = await doctor(world, *argv)

    assert code == 2
    assert argv[0] in printed


async def test_without_any_settings_it_says_what_is_missing(world: World) -> None:
    code, printed = await doctor(world, AWS_ROLE_ARN="", AWS_WEB_IDENTITY_TOKEN_FILE="", AWS_REGION="")

    assert code == 1
    assert "AWS_ROLE_ARN: required" in printed
    assert "Traceback" not in printed
