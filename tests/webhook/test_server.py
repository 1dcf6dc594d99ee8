"""The webhook's servers over HTTP, with roles from a stand-in, and the roles from a stand-in for the API server."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sidecar.webhook.metrics import WebhookMetrics
from sidecar.webhook.namespace_roles import ApiServer, NamespaceRoles, RolesUnknown
from sidecar.webhook.server import Webhook, admin
from tests.inject.kit import ROLE, pod
from tests.tls import Authority, authority
from tests.webhook.test_judgement import OPTIONS, asking


class Roles:
    """One namespace's, or none that can be read."""

    def __init__(self) -> None:
        self.found: Mapping[str, Any] | None = {"app": ROLE}

    async def of(self, _: str) -> Mapping[str, Any]:
        if self.found is None:
            raise RolesUnknown("not now")
        return self.found


class World:
    def __init__(self) -> None:
        self.roles, self.metrics, self.stopping = Roles(), WebhookMetrics(), False
        application = Webhook(OPTIONS, self.roles, self.metrics, lambda: self.stopping).application()
        self.reviews = TestClient(TestServer(application))
        self.pages = TestClient(TestServer(admin(self.metrics, lambda: self.stopping)))

    async def review(self, bare: dict[str, Any]) -> Any:
        async with self.reviews.post("/mutate", json=review(bare)) as answer:
            assert answer.status == 200
            return (await answer.json())["response"]


def review(bare: Any, **changes: Any) -> dict[str, Any]:
    request = {"uid": "u-1", "kind": {"kind": "Pod"}, "namespace": "shop", "object": bare}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request | changes}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    async with made.reviews, made.pages:
        yield made


async def test_a_pod_that_asks_gets_a_patch(world: World) -> None:
    response = await world.review(asking(pod()))

    patch = json.loads(base64.b64decode(response["patch"]))
    assert (response["uid"], response["allowed"], response["patchType"]) == ("u-1", True, "JSONPatch")
    assert "/spec/initContainers" in {operation["path"] for operation in patch}


async def test_a_refusal_is_a_sentence_and_has_no_patch(world: World) -> None:
    world.roles.found = {}
    response = await world.review(asking(pod()))

    assert not response["allowed"]
    assert response["status"]["message"].startswith("no role: give the pod the annotation")
    assert "patch" not in response


async def test_a_pod_is_refused_while_its_role_cannot_be_read(world: World) -> None:
    world.roles.found = None

    assert (await world.review(asking(pod())))["status"]["message"] == "not now"
    assert (await world.review(asking(pod(), role=ROLE)))["allowed"]


async def test_warnings_are_passed_on(world: World) -> None:
    response = await world.review(asking(pod(hostNetwork=True)))

    assert response["warnings"][0].startswith("Pod/app, hostNetwork: every process on the node's network")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        json.dumps({"apiVersion": "admission.k8s.io/v1beta1", "request": {"uid": "u"}}).encode(),
        json.dumps(review("text")).encode(),
        json.dumps(review({"metadata": [], "spec": {}})).encode(),
        json.dumps(review(pod(), kind={"kind": "Deployment"})).encode(),
    ],
)
async def test_what_no_api_server_sends_is_refused(world: World, body: bytes) -> None:
    async with world.reviews.post("/mutate", data=body, headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 400


async def test_it_counts_what_became_of_pods(world: World) -> None:
    await world.review(asking(pod()))
    await world.review(asking(pod(), value="misspelt"))
    async with world.pages.get("/metrics") as answer:
        page = await answer.text()

    assert 'irsa_sidecar_webhook_reviews_total{outcome="injected"} 1.0' in page
    assert 'irsa_sidecar_webhook_reviews_total{outcome="refused"} 1.0' in page
    assert "irsa_sidecar_webhook_review_duration_seconds_count 2.0" in page


async def test_once_it_is_to_end_it_is_not_ready_and_still_answers_but_keeps_no_connection(world: World) -> None:
    async with world.pages.get("/readyz") as ready:
        assert ready.status == 200
    world.stopping = True

    async with world.pages.get("/readyz") as ready, world.pages.get("/livez") as alive:
        assert (ready.status, alive.status) == (503, 200)
    async with world.reviews.post("/mutate", json=review(asking(pod()))) as answer:
        assert answer.status == 200
        assert answer.headers["Connection"] == "close"


# --- the roles -------------------------------------------------------------------------------------------------------


class StandIn:
    """An API server with one ConfigMap in each namespace."""

    def __init__(self) -> None:
        self.status, self.data, self.asked = 200, {"app": ROLE}, 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        assert request.headers["Authorization"] == "Bearer mine"
        assert request.path == "/api/v1/namespaces/shop/configmaps/irsa-sidecar-roles"
        return web.json_response({"data": self.data}, status=self.status)


@pytest.fixture
async def api() -> StandIn:
    return StandIn()


@pytest.fixture
async def moment() -> list[float]:
    return [0.0]


@pytest.fixture
async def roles(api: StandIn, moment: list[float], tmp_path: Path) -> AsyncIterator[NamespaceRoles]:
    ours = authority(tmp_path)
    (tmp_path / "token").write_text("mine\n")
    (tmp_path / "ca.crt").write_bytes(ours.bundle.read_bytes())
    application = web.Application()
    application.router.add_get("/{path:.*}", api.answer)
    async with served(application, ours) as server, aiohttp.ClientSession() as http:
        yield NamespaceRoles(ApiServer(str(server.make_url("")).rstrip("/"), tmp_path), http, lambda: moment[0])


@asynccontextmanager
async def served(application: web.Application, ours: Authority) -> AsyncIterator[TestServer]:
    server = TestServer(application, scheme="https")
    await server.start_server(ssl=ours.server)
    try:
        yield server
    finally:
        await server.close()


async def test_an_answer_is_good_for_a_second(api: StandIn, roles: NamespaceRoles, moment: list[float]) -> None:
    assert await roles.of("shop") == {"app": ROLE}
    moment[0] = 0.9
    await roles.of("shop")
    assert api.asked == 1

    api.data = {"app": "another"}
    moment[0] = 1.1
    assert await roles.of("shop") == {"app": "another"}


async def test_what_is_missing_is_asked_for_each_time(api: StandIn, roles: NamespaceRoles) -> None:
    api.status = 404
    assert await roles.of("shop") == {}

    api.status = 200
    assert await roles.of("shop") == {"app": ROLE}


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_any_other_answer_is_none(api: StandIn, roles: NamespaceRoles, status: int) -> None:
    api.status = status

    with pytest.raises(RolesUnknown, match=rf"ConfigMap shop/irsa-sidecar-roles \(status {status}\)"):
        await roles.of("shop")


async def test_an_api_server_that_cannot_be_reached_or_trusted_is_no_answer(
    roles: NamespaceRoles, tmp_path: Path, make_another: Callable[[], None]
) -> None:
    make_another()
    with pytest.raises(RolesUnknown, match="ClientConnectorCertificateError"):
        await roles.of("shop")


@pytest.fixture
def make_another(tmp_path: Path) -> Callable[[], None]:
    def make() -> None:
        (tmp_path / "other").mkdir()
        (tmp_path / "ca.crt").write_bytes(authority(tmp_path / "other").bundle.read_bytes())

    return make
