"""The lab as a whole: several service accounts, keys that rotate by themselves, files that are read again, stores."""

import asyncio
import os
import stat
import threading
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from sidecar.lab import schedule
from sidecar.lab.cli import report
from sidecar.lab.cluster.accounts import parse_cluster
from sidecar.lab.cluster.issuer import discovery
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.events import Answered, Changed, LabEvent, TokenProjected
from sidecar.lab.loopback import bind, parse_address, serving, url_of
from sidecar.lab.state import PRIVATE, ReloadedFile, StateDirectory, session_secret, write, write_once
from sidecar.lab.yaml_file import BadFile
from tests.lab.worlds import FREE, a_lab, soon, with_keys
from tests.virtual_time import in_virtual_time

TWO = """\
serviceAccounts:
  - {namespace: payments, name: api, expirationSeconds: 600}
  - {namespace: web, name: shop, audience: other, expirationSeconds: 7200}
"""


async def test_several_service_accounts_have_their_tokens_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(TWO)
    async with a_lab(tmp_path) as world:
        tokens = [projection.volume / "token" for projection in world.lab.projections]
        claims = [jwt.decode(path.read_text(), options={"verify_signature": False}) for path in tokens]
    assert [path.relative_to(tmp_path) for path in tokens] == [
        Path("projected/payments/api/token"),
        Path("projected/web/shop/token"),
    ]
    assert [found["sub"] for found in claims] == [
        "system:serviceaccount:payments:api",
        "system:serviceaccount:web:shop",
    ]
    assert [found["aud"] for found in claims] == [["sts.amazonaws.com"], ["other"]]
    assert [found["exp"] - found["iat"] for found in claims] == [600, 7200]


async def test_a_second_lab_in_a_directory_is_refused_before_it_replaces_a_token(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as first:
        token = first.lab.token_file.read_text()
        with pytest.raises(ValueError, match=r"another lab runs .* --state DIR"):
            async with a_lab(tmp_path):
                """It would have projected its own tokens, and removed the first one's addresses at its end."""
        assert first.lab.token_file.read_text() == token
        assert first.lab.state.running.exists()
    async with a_lab(tmp_path) as again:
        assert again.lab.state.running.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
async def test_file_modes_follow_the_pods_security_context(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(
        "serviceAccounts:\n- {namespace: a, name: b, runAsUser: 1000}\n- {namespace: a, name: c, fsGroup: 2000}\n"
    )
    async with a_lab(tmp_path) as world:
        own, shared = [(projection.volume / "token").stat() for projection in world.lab.projections]
    assert (stat.S_IMODE(own.st_mode), own.st_uid) == (0o600, 1000)
    assert (stat.S_IMODE(shared.st_mode), shared.st_gid) == (0o640, 2000)


async def test_the_first_token_is_there_before_the_lab_is(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        assert isinstance(world.events[0], TokenProjected)
        assert world.lab.token_file.exists()


async def test_a_lab_keeps_its_files_when_it_is_started_again(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        held = (await world.exchange())["Credentials"]
        before = world.lab.state.iam.read_bytes()
    async with a_lab(tmp_path) as world:
        assert world.lab.state.iam.read_bytes() == before
        assert (await world.identity(held))["Account"] == "111122223333"


async def test_an_iam_file_for_another_port_is_remarked_at_once(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        assert changes(world.events) == []
        path = world.lab.state.iam
        path.write_text(path.read_text().replace(world.lab.issuer_url, "https://elsewhere.example"))
    async with a_lab(tmp_path) as world:
        assert "STS will refuse every token" in changes(world.events)[0]


async def test_an_edited_iam_file_is_linted_aloud(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        path = world.lab.state.iam
        path.write_text(path.read_text().replace("default:app", "default:*"))
        await soon(lambda: any("[wildcard-under-equals]" in told for told in changes(world.events)))
        path.write_text("roles: [")
        await soon(lambda: any("the last valid file stays in use" in told for told in changes(world.events)))


def changes(events: list[LabEvent]) -> list[str]:
    return [event.what for event in events if isinstance(event, Changed)]


async def test_an_error_in_the_block_comes_out_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        async with a_lab(tmp_path):
            raise KeyError("mine")


async def test_a_task_that_fails_ends_the_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(schedule, "rotate_keys", fail)
    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        async with a_lab(tmp_path):
            await asyncio.sleep(60)


@in_virtual_time
async def test_keys_rotate_every_seven_days_and_never_fail_a_token(tmp_path: Path) -> None:
    now = asyncio.get_running_loop().time
    ring = KeyRing(StateDirectory(with_keys(tmp_path)))
    events: list[LabEvent] = []
    running = asyncio.create_task(schedule.rotate_keys(ring, 7 * 86400, 86400, now, events.append))
    signers = []
    for _day in range(22):
        signers.append(ring.signer(now()).kid)
        assert ring.signer(now()) in ring.published(now())
        await asyncio.sleep(86400)
    running.cancel()
    assert [signers.count(kid) for kid in dict.fromkeys(signers)] == [8, 7, 7]
    assert len(changes(events)) == 3
    assert len(ring.tenures) == 2


async def test_an_elliptic_curve_issuer_is_verified_as_well(tmp_path: Path) -> None:
    """STS takes ES256 too; the lab's own issuer signs RS256 as EKS does, so another one stands in."""
    private = ec.generate_private_key(ec.SECP256R1())
    app = web.Application()
    listening = bind(FREE)
    url = url_of(listening)
    key = ECAlgorithm.to_jwk(private.public_key(), as_dict=True) | {"kid": "e", "use": "sig"}
    app.router.add_get("/.well-known/openid-configuration", answering(discovery(url, url)))
    app.router.add_get("/keys", answering({"keys": [key]}))
    async with serving(app, listening), a_lab(tmp_path) as world:
        path = world.lab.state.iam
        name, theirs = world.lab.issuer_url.removeprefix("http://"), url.removeprefix("http://")
        path.write_text(path.read_text().replace(name, theirs))
        await world.exchange(jwt.encode(world.claims(iss=url), private, "ES256", headers={"kid": "e"}))


def answering(document: Any) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(document)

    return answer


# --- stores ------------------------------------------------------------------------------------------------------


def test_a_file_is_read_again_when_it_was_written_and_only_then(tmp_path: Path) -> None:
    path = tmp_path / "f"
    reads: list[bytes] = []

    def read(content: bytes) -> str:
        reads.append(content)
        return content.decode()

    reloaded = ReloadedFile(path, read)
    assert reloaded.current() == ""
    write(path, b"one")
    assert [reloaded.current(), reloaded.current()] == ["one", "one"]
    write(path, b"two")
    assert reloaded.current() == "two"
    assert reads == [b"", b"one", b"two"]


def test_of_processes_that_make_a_file_at_once_one_wins_for_all(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    found: list[bytes] = []

    def make(index: int) -> None:
        start.wait()
        found.append(write_once(tmp_path / "f", lambda: bytes([index]) * 32, PRIVATE))

    threads = [threading.Thread(target=make, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_the_session_key_is_for_its_owner_alone_and_lasts(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.create()
    assert session_secret(state) == session_secret(state)
    assert stat.S_IMODE(state.session_key.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("serviceAccounts: [x]", "is a mapping with namespace and name"),
        ("serviceAccounts: [{name: a}]", "namespace is missing"),
        ("serviceAccounts: [{namespace: .., name: a}]", "not a Kubernetes name"),
        ("serviceAccounts: [{namespace: a, name: b/c}]", "not a Kubernetes name"),
        ("serviceAccounts: [{namespace: a, name: b}, {namespace: a, name: b}]", "a/b appears twice"),
        ("serviceAccounts: []", "serviceAccounts is empty"),
        ("serviceAccounts: [{namespace: a, name: b, expirationSeconds: 599}]", "no less than 600"),
        ("serviceAccounts: [{namespace: a, name: b, expirationSeconds: 1h}]", "write a whole number"),
        ("serviceAccounts: [{namespace: a, name: b, audiences: x}]", "unknown setting 'audiences'"),
        ("serviceAccounts: {a: b}", "serviceAccounts is not a list"),
    ],
)
def test_a_faulty_cluster_file_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(BadFile, match=f"cluster.yaml:1: .*{words}"):
        parse_cluster(text)


def test_addresses_are_loopback_with_a_port() -> None:
    assert parse_address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert parse_address("[::1]:0") == ("::1", 0)


def test_each_event_is_one_line() -> None:
    refused = Answered("AssumeRole", 403, "AccessDenied", "no", "because", "", "", "", 0.0, "id")
    assert report.line(refused, 0.0) == "00:00:00 STS       AssumeRole 403 AccessDenied: no  (because)"
    assert report.line(Changed("x\x1b[2J"), 61.0) == "00:01:01 lab       x?[2J"
