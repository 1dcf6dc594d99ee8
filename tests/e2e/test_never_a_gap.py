"""While anything valid is cached, a client that never stops asking sees no error; what has expired, it never sees."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from sidecar.lab.aws import token_verification
from sidecar.lab.events import LabEvent, TokenProjected
from sidecar.lab.faults import FAULTS as LAB_FAULTS
from sidecar.lab.faults import OF_CHAINS
from sidecar.observe.logs import JsonLines
from sidecar.sts import exchange
from tests.e2e.in_process import Pod, a_pod, exchanges
from tests.waiting import HANGS_AFTER, until

FAULTS = {
    "throttle": "StsThrottled",
    "http-500=xml": "StsUnavailable",
    "http-500=html": "StsUnavailable",
    "http-503=empty": "StsUnavailable",
    "reset": "StsUnreachable",
    "truncate": "StsUnreachable",
    "hang": "StsUnreachable",
    "region-disabled": "RequestRefused",
    "idp-unreachable": "IssuerUnreachable",
    "jwks-empty": "IssuerUnreachable",
    "jwks-500": "IssuerUnreachable",
    "jwks-slow": "IssuerUnreachable",
    "discovery-member": "IssuerUnreachable",
    "discovery-issuer": "IssuerUnreachable",
    # Before the faults that have the token replaced: a new token would be signed with the key that is left.
    "drop-old-key": "IssuerUnreachable",
    "sign-before-publish": "IssuerUnreachable",
    "token-expired": "TokenExpired",
    "skew=-3600": "TrustRefused",
    "provider-removed": "TrustRefused",
    "role-deleted": "TrustRefused",
    "policy-changed": "TrustRefused",
    "denied-elsewhere": "TrustRefused",
    "thumbprint": "TrustRefused",
}


@contextlib.asynccontextmanager
async def asking(pod: Pod) -> AsyncIterator[None]:
    """A client asks without a pause while the block lasts; each answer must be a credential that is good."""
    await pod.until_healthy()
    client = asyncio.create_task(pod.keep_asking())
    try:
        yield
    finally:
        client.cancel()
        await asyncio.wait([client])
    assert len(pod.seen) > 20
    assert {seen.status for seen in pod.seen} == {200}
    assert min(seen.seconds_left for seen in pod.seen) >= 4


async def test_no_fault_of_sts_issuer_or_iam_reaches_a_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Who does not answer is given up sooner than after 10 and 5 s; so long, nothing would be seen but the same waiting.
    monkeypatch.setattr(exchange, "ANSWER_WITHIN", 2)
    monkeypatch.setattr(token_verification, "ISSUER_ANSWERS_WITHIN", 1)
    async with a_pod(tmp_path) as pod, asking(pod):
        for fault, code in FAULTS.items():
            name, _, value = fault.partition("=")
            pod.lab.faults.start(name, value or None)
            told = await pod.until_failing(code)
            assert told["ready"], fault
            assert told["last_error"]["fix"], fault
            pod.lab.faults.end(name)
            await pod.until_healthy()


def test_every_fault_of_the_lab_is_tried_here() -> None:
    tried = {fault.partition("=")[0] for fault in FAULTS}
    assert set(LAB_FAULTS) - tried - OF_CHAINS == {"slow"}  # which is no failure, see below


async def test_an_sts_that_is_slow_only_makes_refreshes_slow(tmp_path: Path) -> None:
    events: list[LabEvent] = []
    async with a_pod(tmp_path, observe=events.append) as pod, asking(pod):
        pod.lab.faults.start("slow", "1")
        before = exchanges(events)
        await pod.until(lambda _: exchanges(events) > before + 1)
        assert (await pod.ready())["failures"] == 0


async def test_a_token_that_sts_wrongly_called_expired_needs_no_successor(tmp_path: Path) -> None:
    events: list[LabEvent] = []
    async with a_pod(tmp_path, observe=events.append) as pod, asking(pod):
        pod.lab.faults.start("skew", "7200")
        await pod.until_failing("TokenRefused")
        pod.lab.faults.end("skew")
        await pod.until_healthy()
        assert sum(isinstance(event, TokenProjected) for event in events) <= 1


def deleted(token: Path) -> None:
    token.unlink()


def emptied(token: Path) -> None:
    token.unlink()
    token.write_bytes(b"\n")


def binary(token: Path) -> None:
    token.unlink()
    token.write_bytes(os.urandom(900))


def ten_megabytes(token: Path) -> None:
    token.unlink()
    token.write_bytes(b"a" * 10_000_000)


def a_directory(token: Path) -> None:
    token.unlink()
    token.mkdir()


async def test_no_trouble_with_the_token_file_reaches_a_client(tmp_path: Path) -> None:
    troubles: tuple[Callable[[Path], None], ...] = (deleted, emptied, binary, ten_megabytes, a_directory)
    async with a_pod(tmp_path) as pod, asking(pod):
        token = pod.lab.token_file
        target = token.readlink()
        for spoil in troubles:
            spoil(token)
            told = await pod.until_failing("TokenUnreadable")
            assert told["ready"]
            assert str(token) in told["last_error"]["cause"]
            token.rmdir() if token.is_dir() else token.unlink(missing_ok=True)
            token.symlink_to(target)
            await pod.until_healthy()


async def test_a_token_that_rotates_all_the_time_costs_no_call_and_no_error(tmp_path: Path) -> None:
    events: list[LabEvent] = []
    async with a_pod(tmp_path, session_lifetime=3600, observe=events.append) as pod, asking(pod):
        before = exchanges(events)
        for _ in range(3):
            rotations = await _rotations(pod)
            pod.lab.projections[0].wake()
            async with asyncio.timeout(HANGS_AFTER):
                while await _rotations(pod) == rotations:
                    await asyncio.sleep(0.05)
        assert exchanges(events) == before == 1


async def _rotations(pod: Pod) -> float:
    page = await pod.metrics()
    return next(float(line.split()[1]) for line in page.splitlines() if line.startswith("irsa_sidecar_token_rot"))


async def test_what_has_expired_is_never_served(tmp_path: Path) -> None:
    async with a_pod(tmp_path, session_lifetime=10) as pod:
        await pod.until_healthy()
        pod.lab.faults.start("http-500", "xml")
        client = asyncio.create_task(pod.keep_asking())
        await pod.until(lambda told: told["phase"] == "expired")
        await until(lambda: sum(seen.status == 503 for seen in pod.seen) > 20)
        client.cancel()
        await asyncio.wait([client])
        last_good = max(index for index, seen in enumerate(pod.seen) if seen.status == 200)
        assert pod.seen[last_good].seconds_left > 4
        after = pod.seen[last_good + 1 :]
        assert {seen.status for seen in after} == {503}
        assert after[-1].document["code"] == after[-1].document["Code"] == "StsUnavailable"
        pod.lab.faults.end_all()
        await pod.until_healthy()
        assert (await pod.get()).status == 200


async def test_a_hundred_first_requests_cost_one_call(tmp_path: Path) -> None:
    events: list[LabEvent] = []
    async with a_pod(tmp_path, observe=events.append) as pod:
        seen = await asyncio.gather(*(pod.get() for _ in range(100)))
        assert {one.status for one in seen} == {200}
        assert len({one.document["AccessKeyId"] for one in seen}) == 1
        assert exchanges(events) == 1


async def test_no_secret_is_in_any_log_metric_or_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with a_pod(tmp_path) as pod:
        await pod.until_healthy()
        document = (await pod.get()).document
        secrets = [pod.lab.token_file.read_text(), document["SecretAccessKey"], document["Token"]]
        pod.lab.faults.start("policy-changed")
        pages = [str(await pod.until_failing("TrustRefused")), await pod.metrics()]
    lines = [JsonLines().format(record) for record in caplog.records]
    assert any("credentials issued" in line for line in lines)
    for text in (*pages, *lines):
        for secret in secrets:
            assert secret not in text
            assert secret.rpartition(".")[2] not in text
