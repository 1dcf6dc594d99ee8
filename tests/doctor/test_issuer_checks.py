"""The issuer's documents, asked over real sockets on loopback."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sidecar.core.findings import Finding
from sidecar.doctor import issuer, timeouts
from sidecar.doctor.fetching import Fetched
from sidecar.sts.route import Route
from tests.doctor.servers import Page, a_server, a_silent_server
from tests.doctor.snapshots import a_pod, outcome, written
from tests.free_ports import free_port

DISCOVERY = "/.well-known/openid-configuration"


def document(url: str, **changes: Any) -> dict[str, Any]:
    whole = {
        "issuer": url,
        "jwks_uri": f"{url}/keys",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


async def asked(tmp_path: Path, http: aiohttp.ClientSession, pages: dict[str, Page], **changes: Any) -> list[Finding]:
    """What is said of an issuer whose documents are these; `changes` are made to a right discovery document."""
    async with a_server(pages) as url:
        pages.setdefault(DISCOVERY, Page(document(url, **changes)))
        return await issuer.issuer(await a_pod(written(tmp_path, iss=url)), http)


def keys(*ids: str) -> dict[str, Page]:
    return {"/keys": Page({"keys": [{"kid": kid, "kty": "RSA"} for kid in ids]})}


async def test_an_issuer_with_all_that_sts_needs_passes(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    found = await asked(tmp_path, http, keys("key-0", "key-1"))

    assert [outcome(finding) for finding in found] == [("issuer-discovery", "pass"), ("issuer-keys", "pass")]
    assert "key-0, key-1" in found[1].saw


@pytest.mark.parametrize("member", issuer.MEMBERS)
async def test_each_of_the_five_members_is_missed(tmp_path: Path, http: aiohttp.ClientSession, member: str) -> None:
    found = await asked(tmp_path, http, keys("key-1"), **{member: None})

    assert outcome(found[0]) == ("issuer-discovery", "fail")
    assert member in found[0].message


async def test_a_document_of_another_issuer_fails_and_a_slash_is_a_warning(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    other = await asked(tmp_path / "1", http, keys("key-1"), issuer="https://elsewhere.example")
    async with a_server(keys("key-1") | {DISCOVERY: Page({})}) as url:
        pages = {DISCOVERY: Page(document(url, issuer=f"{url}/"))} | keys("key-1")
    async with a_server(pages) as url:
        pages[DISCOVERY] = Page(document(url, issuer=f"{url}/"))
        slash = await issuer.issuer(await a_pod(written(tmp_path / "2", iss=url)), http)

    assert outcome(other[0]) == ("issuer-discovery", "fail")
    assert outcome(slash[0]) == ("issuer-discovery", "warn")


async def test_a_key_that_is_not_published_fails(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    found = await asked(tmp_path, http, keys("key-2"))

    assert outcome(found[1]) == ("issuer-keys", "fail")
    assert "keys key-2; the token's key-1" in found[1].saw


@pytest.mark.parametrize(
    "page", [Page({}, status=404), Page(b"<html>"), Page([]), Page({}, status=302, headers={"Location": "/login"})]
)
async def test_what_is_no_document_fails(tmp_path: Path, http: aiohttp.ClientSession, page: Page) -> None:
    found = await asked(tmp_path, http, {DISCOVERY: page})

    assert [outcome(finding) for finding in found] == [("issuer-discovery", "fail")]


async def test_keys_that_cannot_be_had_fail_after_a_good_discovery(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    found = await asked(tmp_path, http, {"/keys": Page({}, status=500)})

    assert [outcome(finding) for finding in found] == [("issuer-discovery", "pass"), ("issuer-keys", "fail")]


async def test_an_issuer_slower_than_sts_waits_fails(
    tmp_path: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer, "ISSUER_TIMEOUT", 0.2)
    async with a_silent_server() as port:
        found = await issuer.issuer(await a_pod(written(tmp_path, iss=f"http://127.0.0.1:{port}")), http)

    assert [outcome(finding) for finding in found] == [("issuer-discovery", "fail")]
    assert "within 5 s" in found[0].message


async def test_keys_that_never_come_are_told_before_the_doctor_stops_waiting(
    tmp_path: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "ONLINE_TIMEOUT", timeouts.TO_TELL + 1)
    async with a_silent_server() as port:
        found = await asked(tmp_path, http, {}, jwks_uri=f"http://127.0.0.1:{port}/keys")

    assert [outcome(finding) for finding in found] == [("issuer-discovery", "pass"), ("issuer-keys", "fail")]
    assert "the document before took 0" in found[1].message


async def test_an_issuer_that_cannot_be_reached_from_here_is_not_judged(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    pod = await a_pod(written(tmp_path, iss=f"http://127.0.0.1:{free_port()}"))

    assert [outcome(finding) for finding in await issuer.issuer(pod, http)] == [("issuer-discovery", "skip")]


async def test_a_token_without_an_issuer_has_none_to_ask(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    pod = await a_pod(written(tmp_path, iss=None))

    assert [outcome(finding) for finding in await issuer.issuer(pod, http)] == [("issuer-discovery", "skip")]


@pytest.mark.parametrize(
    "name",
    [
        "https://kubernetes.default.svc.cluster.local",
        "https://10.0.0.1:6443",
        "https://k8s",
        "http://oidc.example.com",
        "kubernetes/serviceaccount",
        "rke2",
    ],
)
async def test_an_issuer_that_aws_can_never_reach_fails_without_a_look(
    tmp_path: Path, http: aiohttp.ClientSession, name: str
) -> None:
    found = await issuer.issuer(await a_pod(written(tmp_path, iss=name)), http)

    assert [outcome(finding) for finding in found] == [("issuer-discovery", "fail")]
    assert "--service-account-issuer" in found[0].fix


OWN_STS = {"AWS_ENDPOINT_URL_STS": "https://minio.shop.svc:9000"}
VPC_ENDPOINT = {"AWS_ENDPOINT_URL_STS": "https://vpce-1.sts.eu-west-1.vpce.amazonaws.com"}


@pytest.mark.parametrize(
    ("sts", "outcomes"),
    [
        ({}, [("issuer-discovery", "fail")]),
        (VPC_ENDPOINT, [("issuer-discovery", "fail")]),
        (OWN_STS, [("issuer-discovery", "pass"), ("issuer-keys", "pass")]),
    ],
)
async def test_what_aws_cannot_reach_matters_only_where_aws_is_asked(
    tmp_path: Path,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    sts: dict[str, str],
    outcomes: list[tuple[str, str]],
) -> None:
    name = "https://kubernetes.default.svc.cluster.local"
    pages = {f"{name}{DISCOVERY}": document(name), f"{name}/keys": {"keys": [{"kid": "key-1", "kty": "RSA"}]}}

    async def got(_: object, route: Route, **__: object) -> Fetched:
        return Fetched(200, {}, json.dumps(pages[route.endpoint]).encode(), 0.1)

    monkeypatch.setattr(issuer, "get", got)
    found = await issuer.issuer(await a_pod(written(tmp_path, iss=name), sts), http)

    assert [outcome(finding) for finding in found] == outcomes


async def test_a_relative_address_of_the_keys_fails(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    found = await asked(tmp_path, http, keys("key-1"), jwks_uri="/openid/v1/jwks")

    assert [outcome(finding) for finding in found] == [("issuer-discovery", "pass"), ("issuer-keys", "fail")]


@pytest.mark.parametrize(
    "uri", ["https://10.0.0.1:6443/openid/v1/jwks", "https://api.internal/keys", "keys", "http://a.b/k"]
)
async def test_keys_where_aws_can_never_fetch_them_fail(
    tmp_path: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    public = "https://oidc.example.com"

    async def got(*_: object, **__: object) -> Fetched:
        return Fetched(200, {}, json.dumps(document(public, jwks_uri=uri)).encode(), 0.1)

    monkeypatch.setattr(issuer, "get", got)
    found = await issuer.issuer(await a_pod(written(tmp_path, iss=public)), http)

    assert [outcome(finding) for finding in found] == [("issuer-discovery", "pass"), ("issuer-keys", "fail")]
    assert "--service-account-jwks-uri" in found[1].fix


@pytest.mark.parametrize("key", [{"kty": "EC", "crv": "P-256"}, {"kty": "RSA", "alg": "RS512"}])
async def test_a_key_of_another_kind_under_the_same_id_fails(
    tmp_path: Path, http: aiohttp.ClientSession, key: dict[str, str]
) -> None:
    found = await asked(tmp_path, http, {"/keys": Page({"keys": [{"kid": "key-1"} | key]})})

    assert outcome(found[1]) == ("issuer-keys", "fail")
    assert "cannot have signed it" in found[1].message
