"""The control API: the same as the commands, for scripts on this machine."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sidecar.lab.events import TokenProjected
from sidecar.lab.faults import FAULTS
from tests.lab.worlds import World, a_lab, soon


async def ask(world: World, method: str, path: str, **options: Any) -> tuple[int, Any]:
    url = f"{world.lab.control_url}{path}"
    async with aiohttp.ClientSession() as http, http.request(method, url, **options) as answer:
        as_json = answer.content_type == "application/json"
        return answer.status, await answer.json() if as_json else await answer.text()


async def test_a_fault_starts_is_listed_with_its_undoing_and_ends(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        expected = {
            "name": "slow",
            "value": "2",
            "what": FAULTS["slow"].what,
            "undo": "irsa-sidecar lab fault slow --off",
        }
        assert await ask(world, "PUT", "/faults/slow", data="2") == (200, [expected])
        assert (await ask(world, "GET", "/status"))[1]["faults"] == [expected]
        assert await ask(world, "DELETE", "/faults/slow") == (200, [])


async def test_every_fault_starts_with_its_default_and_all_end_together(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        for name, fault in FAULTS.items():
            assert (await ask(world, "PUT", f"/faults/{name}"))[0] == 200
            assert world.lab.faults.get(name) == fault.default
        assert await ask(world, "DELETE", "/faults") == (200, [])
        assert world.lab.faults.active == {}


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("PUT", "/faults/nonsense", "", "There is no fault 'nonsense'. Known: throttle"),
        ("PUT", "/faults/slow", "soon", "slow does not accept this value"),
        ("DELETE", "/faults/nonsense", "", "There is no fault"),
        ("POST", "/rotate", '{"how": "hard"}', "There is no rotation called 'hard'"),
        ("POST", "/rotate", "hard", "The body is not JSON like"),
        ("POST", "/rotate", "[]", "The body is not JSON like"),
        ("POST", "/rotate", '{"wait": -1}', "wait is -1.0; write a number of seconds"),
    ],
)
async def test_a_request_that_makes_no_sense_is_told_why(
    tmp_path: Path, method: str, path: str, body: str, words: str
) -> None:
    async with a_lab(tmp_path) as world:
        status, text = await ask(world, method, path, data=body)
    assert status == 400
    assert words in text


async def test_a_rotation_on_request_takes_its_times(tmp_path: Path) -> None:
    now = 1_900_000_000.0
    async with a_lab(tmp_path, clock=lambda: now) as world:
        status, answer = await ask(world, "POST", "/rotate", json={"how": "well", "wait": 10, "keep": 20})
        assert status == 200
        old, new = (await ask(world, "GET", "/status"))[1]["keys"]
    assert (new["kid"], new["published"], new["signs"]) == (answer["kid"], True, False)
    assert (old["signs"], old["retireAt"]) == (True, "2030-03-17T17:47:10Z")


async def test_tokens_are_replaced_on_request(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        before = world.lab.token_file.read_text()
        assert (await ask(world, "POST", "/tokens"))[0] == 202
        await soon(lambda: sum(isinstance(event, TokenProjected) for event in world.events) == 2)
        assert world.lab.token_file.read_text() != before


async def test_status_tells_of_iam_and_its_lint_and_of_no_secret(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        path = world.lab.state.iam
        path.write_text(path.read_text().replace("default:app", "default:*"))
        found = (await ask(world, "GET", "/status"))[1]
        assert found["roles"] == ["arn:aws:iam::111122223333:role/demo"]
        assert ["wildcard-under-equals" in remark for remark in found["remarks"]] == [True]
        assert world.lab.token_file.read_text() not in str(found)


async def test_a_name_that_leads_here_from_a_browser_is_refused(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        assert (await ask(world, "GET", "/status", headers={"Host": "rebound.example"}))[0] == 403
        assert (await ask(world, "GET", "/status", headers={"Host": "localhost:1"}))[0] == 200


@pytest.mark.parametrize("host", ["localhost:80.evil", "user@localhost", "[::1", "127.1", "localhost:999999"])
async def test_a_host_that_only_looks_like_ours_is_refused(tmp_path: Path, host: str) -> None:
    async with a_lab(tmp_path) as world:
        assert (await ask(world, "GET", "/status", headers={"Host": host}))[0] == 403


@pytest.mark.parametrize("header", ["Origin", "Sec-Fetch-Site"])
async def test_a_web_page_of_another_site_posts_in_vain(tmp_path: Path, header: str) -> None:
    async with a_lab(tmp_path) as world:
        assert (await ask(world, "POST", "/rotate", headers={header: "https://evil.example"}))[0] == 403
        assert (await ask(world, "PUT", "/faults/down", headers={header: "null"}))[0] == 403
        assert len((await ask(world, "GET", "/status"))[1]["keys"]) == 1
