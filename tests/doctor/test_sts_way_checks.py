"""The way to STS: name, connection, certificate, clock, over real sockets on loopback."""

import email.utils
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from sidecar.core.findings import Finding
from sidecar.doctor import sts_way, timeouts
from tests.doctor.servers import Page, a_server, a_silent_server
from tests.doctor.snapshots import a_pod, outcome
from tests.explain.asking import NOW
from tests.free_ports import free_port
from tests.sts.calls import failure, listening, sts
from tests.tls import Issuer


async def to_sts(tmp_path: Path, http: aiohttp.ClientSession, url: str, now: float = NOW, **more: str) -> list[Finding]:
    pod = await a_pod(tmp_path / "token", {"AWS_ENDPOINT_URL_STS": url} | more, now=now)
    return await sts_way.way(pod, http)


def dated(moment: float) -> dict[str, Page]:
    return {"/": Page({}, status=302, headers={"Date": email.utils.formatdate(moment, usegmt=True)})}


@pytest.mark.parametrize(
    ("ahead", "check"),
    [
        (0, ("sts-connection", "pass")),
        (29, ("sts-connection", "pass")),
        (-60, ("sts-clock", "warn")),
        (60, ("sts-clock", "warn")),
        (302, ("sts-clock", "fail")),
        (-302, ("sts-clock", "fail")),
    ],
)
async def test_the_clock_is_compared_with_stss(
    tmp_path: Path, http: aiohttp.ClientSession, ahead: float, check: tuple[str, str]
) -> None:
    async with a_server(dated(NOW)) as url:
        found = await to_sts(tmp_path, http, url, now=NOW + ahead)

    assert [outcome(finding) for finding in found] == [("sts-name", "pass"), check]


async def test_a_wait_for_others_before_the_call_is_no_skew(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with a_server(dated(NOW + 60)) as url:
        pod = await a_pod(tmp_path / "token", {"AWS_ENDPOINT_URL_STS": url})
        found = await sts_way.way(replace(pod, read_at=pod.read_at - 60), http)

    assert [outcome(finding) for finding in found] == [("sts-name", "pass"), ("sts-connection", "pass")]


async def test_a_name_that_does_not_resolve_ends_the_way(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    found = await to_sts(tmp_path, http, "https://sts.nowhere.invalid")

    assert [outcome(finding) for finding in found] == [("sts-name", "fail")]
    assert "VPC endpoint" in found[0].fix


async def test_a_port_that_nobody_listens_on_is_no_connection(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    found = await to_sts(tmp_path, http, f"http://127.0.0.1:{free_port()}")

    assert outcome(found[1]) == ("sts-connection", "fail")


async def test_silence_is_told(tmp_path: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sts_way, "STS_TIMEOUT", 1)  # in which the connection is made
    async with a_silent_server() as port:
        found = await to_sts(tmp_path, http, f"http://127.0.0.1:{port}")

    assert outcome(found[1]) == ("sts-connection", "fail")
    assert "though a connection was made" in found[1].message


@pytest.mark.parametrize(("first", "second"), [(0, 5), (1, 5), (3, 3), (4.5, 1.5), (9, 1)])
def test_a_second_step_has_what_is_left_so_that_the_first_is_told_too(first: float, second: float) -> None:
    assert timeouts.of_second_step(first, timeouts.STS_TIMEOUT) == second


async def test_doctor_and_sidecar_say_the_same_of_a_certificate(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with listening(sts, Issuer("A Private CA").server(tmp_path)) as port:
        found = await to_sts(tmp_path, http, f"https://localhost:{port}")
        error = await failure(f"https://localhost:{port}")

    assert outcome(found[1]) == ("sts-tls", "fail")
    assert (found[1].message, found[1].fix) == (error.cause, error.fix)
    assert "'A Private CA'" in error.cause


async def test_a_proxy_is_what_is_looked_up_and_its_password_stays_ours(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    proxy = f"http://user:hunter2@127.0.0.1:{free_port()}"

    found = await to_sts(tmp_path, http, "https://sts.eu-west-1.amazonaws.com", HTTPS_PROXY=proxy)

    assert [outcome(finding) for finding in found] == [("sts-name", "pass"), ("sts-connection", "fail")]
    assert "the proxy 127.0.0.1" in found[0].saw
    assert "NO_PROXY" in found[1].fix
    assert "hunter2" not in str(found)


async def test_a_fallback_region_that_cannot_be_reached_is_told_before_it_is_needed(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    changed = {"SIDECAR_STS_FALLBACK_REGIONS": "eu-central-1", "HTTPS_PROXY": f"http://127.0.0.1:{free_port()}"}
    found = await sts_way.way(await a_pod(tmp_path / "token", changed), http)
    assert outcome(found[-1]) == ("sts-fallback", "warn")
    assert "could not stand in" in found[-1].message
