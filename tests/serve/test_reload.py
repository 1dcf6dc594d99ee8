"""The process while its config file changes as the kubelet changes a mounted ConfigMap."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import ROLE_ARN
from tests.kubelet import ProjectedVolume
from tests.serve.kit import Sidecar, Start, Sts

REPORTS = "[profile reports]\nrole_arn = arn:aws:iam::111122223333:role/reports\n"
AUDIT = "[profile audit]\nrole_arn = arn:aws:iam::111122223333:role/audit\n"


@pytest.fixture
def config_map(tmp_path: Path) -> ProjectedVolume:
    return ProjectedVolume(tmp_path / "config")


async def key_of(sidecar: Sidecar, role: str = "") -> str:
    status, text = await sidecar.get(f"{sidecar.credentials}{role}")
    assert status == 200, text
    return str(json.loads(text)["AccessKeyId"])


async def config_file_in(sidecar: Sidecar) -> dict[str, Any]:
    _, body = await sidecar.readyz()
    found: dict[str, Any] = body["config_file"]
    return found


async def test_profiles_come_change_and_go_while_the_others_are_served(
    start: Start, sts: Sts, config_map: ProjectedVolume
) -> None:
    file = config_map.write(REPORTS)
    sidecar = await start(AWS_CONFIG_FILE=str(file), SIDECAR_PROFILES="*")
    await sidecar.listening()
    await sidecar.becomes(f"{sidecar.credentials}/reports", 200)
    await sidecar.becomes(sidecar.credentials, 200)
    untouched, before = await key_of(sidecar), await key_of(sidecar, "/reports")

    config_map.write(f"{REPORTS}duration_seconds = 1800\n{AUDIT}")
    told = await sidecar.told("roles reloaded")
    assert (told["added"], told["changed"]) == ("audit", "reports")
    await sidecar.becomes(f"{sidecar.credentials}/audit", 200)
    await sidecar.becomes(f"{sidecar.credentials}/reports", 200)
    assert await key_of(sidecar, "/reports") != before
    assert "1800" in {form["DurationSeconds"] for form in sts.forms}

    config_map.write(AUDIT)
    await sidecar.told("roles reloaded")
    status, text = await sidecar.get(f"{sidecar.credentials}/reports")
    assert status == 404
    assert "audit" in text
    assert await key_of(sidecar) == untouched
    assert [form["RoleArn"] for form in sts.forms].count(ROLE_ARN) == 1


async def test_a_bad_file_changes_nothing_and_says_so_in_all_three_places(
    start: Start, config_map: ProjectedVolume
) -> None:
    sidecar = await start(AWS_CONFIG_FILE=str(config_map.write(REPORTS)), SIDECAR_PROFILES="*")
    await sidecar.listening()
    await sidecar.becomes(f"{sidecar.credentials}/reports", 200)
    await sidecar.becomes(f"{sidecar.admin}/readyz", 200)
    held = await key_of(sidecar, "/reports")
    assert (await config_file_in(sidecar))["problem"] is None

    config_map.write("[profile reports]\nrole_arn = reports\n")
    told = await sidecar.told("config file refused")
    assert "[profile reports] role_arn: 'reports' is not the ARN of an IAM role" in told["reason"]
    status, body = await sidecar.readyz()
    assert (status, body["config_file"]["problem"]) == (200, told["reason"])
    _, series = await sidecar.get(f"{sidecar.admin}/metrics")
    assert "irsa_sidecar_config_last_reload_successful 0" in series
    assert await key_of(sidecar, "/reports") == held
    _, page = await sidecar.get(f"{sidecar.admin}/status")
    assert "What has not taken effect" in page

    config_map.write(REPORTS)
    await sidecar.told("config file usable again")
    assert (await config_file_in(sidecar))["problem"] is None
    assert await key_of(sidecar, "/reports") == held


async def test_a_bad_file_at_the_start_ends_it_with_2(start: Start, config_map: ProjectedVolume) -> None:
    sidecar = await start(AWS_CONFIG_FILE=str(config_map.write("x")), SIDECAR_PROFILES="*")
    assert await sidecar.ended() == 2
    assert "AWS_CONFIG_FILE: " in "".join(sidecar.written)


async def test_without_a_config_file_there_is_no_word_of_one(start: Start) -> None:
    sidecar = await start()
    await sidecar.listening()
    await sidecar.becomes(sidecar.credentials, 200)
    assert "config_file" not in (await sidecar.readyz())[1]
    _, series = await sidecar.get(f"{sidecar.admin}/metrics")
    assert "config_last_reload" not in series


async def test_no_request_for_an_untouched_role_fails_while_others_are_replaced(
    start: Start, config_map: ProjectedVolume
) -> None:
    sidecar = await start(AWS_CONFIG_FILE=str(config_map.write(REPORTS)), SIDECAR_PROFILES="*")
    await sidecar.listening()
    await sidecar.becomes(f"{sidecar.credentials}/reports", 200)
    await sidecar.becomes(sidecar.credentials, 200)
    reloads = asyncio.create_task(reload_again_and_again(sidecar, config_map))
    held = await key_of(sidecar)
    while not reloads.done():
        assert await key_of(sidecar) == held
    await reloads


async def reload_again_and_again(sidecar: Sidecar, config_map: ProjectedVolume) -> None:
    for duration in (900, 1800, 2700):
        config_map.write(f"{REPORTS}duration_seconds = {duration}\n")
        await sidecar.told("roles reloaded")
