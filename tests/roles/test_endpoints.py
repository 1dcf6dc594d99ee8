"""Which endpoint shows which role, and to whom: on shared addresses, on a role's own, before and after a reload."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sidecar.core.refresh import RefreshPolicy
from sidecar.faces.authorization import NoAuthorization
from sidecar.faces.imds import TOKEN, TOKEN_PATH, TTL
from sidecar.faces.registry import CONTAINER, ECS, IMDS, FaceSpec
from sidecar.http.addresses import TcpAddress, UnixAddress
from sidecar.http.messages import Repeatable, Request
from sidecar.roles import running_role
from sidecar.roles.endpoints import Endpoint, Endpoints
from sidecar.roles.metadata_endpoint import MetadataFaces
from sidecar.settings.config import load
from sidecar.settings.roles import RoleSet, RoleSettings
from tests.doubles import ROLE_ARN
from tests.faces.imds_kit import CREDENTIALS
from tests.faces.kit import FixedToken, answered, body, request
from tests.roles.kit import Work, put_together, role, role_set, running
from tests.virtual_time import in_virtual_time

ENVIRONMENT = {
    "AWS_ROLE_ARN": ROLE_ARN,
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
    "AWS_REGION": "eu-west-1",
    "SIDECAR_ECS_LISTEN": "127.0.0.1:9915",
    "SIDECAR_IMDS_LISTEN": "127.0.0.1:9916",
}
OWN = (TcpAddress("127.0.0.1", 9920),)
SOCKET = (UnixAddress(Path("/sockets/reports")),)
"""Addresses that nothing binds here."""


@dataclass
class Shown:
    """Roles behind endpoints, as they were at the start."""

    work: Work
    endpoints: Endpoints

    def at(self, spec: FaceSpec, owner: str = "") -> Endpoint:
        (found,) = (each for each in self.endpoints if (each.spec, each.role) == (spec, owner))
        return found

    async def reload(self, roles: RoleSet) -> None:
        await self.work.roles.replace(roles)
        self.endpoints.show(self.work.roles)

    async def given(self, endpoint: Endpoint, path: str, token: str = "") -> str | int:
        """The role whose credentials the answer holds, or the status."""
        asked = request(path, **({"authorization": token} if token else {}))
        answer = await answered(endpoint.face, asked)
        return answer.status if answer.status != 200 else self.owner_of(body(answer)["AccessKeyId"])

    def owner_of(self, key: str) -> str:
        held = {each.name: self.work.held(each.name) for each in self.work.roles}
        (owner,) = (name for name, credentials in held.items() if credentials and credentials.access_key_id == key)
        return owner

    async def by_imds(self, endpoint: Endpoint) -> str | int:
        """The role that a program gets which can be told nothing."""
        asked = {"host": "127.0.0.1", TTL: "60"}
        put = await answered(endpoint.face, Request("PUT", TOKEN_PATH, asked))
        if put.status != 200:
            return put.status
        shown = {"host": "127.0.0.1", TOKEN: put.body.decode()}
        name = await answered(endpoint.face, Request("GET", CREDENTIALS, shown))
        answer = await answered(endpoint.face, Request("GET", f"{CREDENTIALS}/{name.body.decode()}", shown))
        return answer.status if answer.status != 200 else self.owner_of(body(answer)["AccessKeyId"])


@asynccontextmanager
async def shown(roles: RoleSet, shared_token: str = "") -> AsyncIterator[Shown]:
    """Roles that hold credentials."""
    async with running(put_together(roles, takes=0)) as work:
        await asyncio.sleep(1)
        config = replace(load(ENVIRONMENT, []), roles=roles)
        tokens = FixedToken(shared_token) if shared_token else NoAuthorization()
        faces = MetadataFaces(config, work.clock, RefreshPolicy(), "pod")
        found = Shown(work, Endpoints(config, tokens, faces.endpoint))
        found.endpoints.show(work.roles)
        yield found


def with_token(name: str, **settings: Any) -> RoleSettings:
    """Its token is `of-<name>`."""
    return role(name, auth_token_file=Path("/tokens") / name, **settings)


@pytest.fixture(autouse=True)
def tokens_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Virtual time waits for no disk."""
    monkeypatch.setattr(running_role, "role_authorization", lambda file, _mode, _clock: FixedToken(f"of-{file.name}"))


NAMES = ("default", "open", "a", "b")
HERE = role_set(role(), role("open"), with_token("a"), with_token("b"))


@in_virtual_time
async def test_on_shared_endpoints_each_role_is_given_by_name_to_whom_it_is_for() -> None:
    async with shown(HERE) as here:
        for spec in (CONTAINER, ECS):
            for token in ("", "of-a", "of-b", "of-everybody"):
                given = [await here.given(here.at(spec), f"/v1/credentials/{name}", token) for name in NAMES]
                assert given == ["default", "open", "a" if token == "of-a" else 401, "b" if token == "of-b" else 401]
            assert await here.given(here.at(spec), "/") == "default"


@in_virtual_time
async def test_the_shared_token_opens_what_has_none_of_its_own_and_nothing_else() -> None:
    async with shown(HERE, shared_token="of-everybody") as here:
        endpoint = here.at(CONTAINER)
        for token, opened in (("", set()), ("of-everybody", {"default", "open"}), ("of-a", {"a"}), ("of-b", {"b"})):
            given = {await here.given(endpoint, f"/v1/credentials/{name}", token) for name in NAMES} - {401}
            assert given == opened


@in_virtual_time
async def test_a_role_with_a_container_endpoint_of_its_own_is_there_alone_and_nowhere_else() -> None:
    async with shown(role_set(role(), role("reports", listen={CONTAINER: SOCKET}), with_token("a"))) as here:
        own = here.at(CONTAINER, "reports")
        assert own.addresses == SOCKET
        assert [await here.given(own, path) for path in ("/", "/v1/credentials", "/v1/credentials/reports")] == (
            ["reports"] * 3
        )
        assert [await here.given(own, f"/v1/credentials/{name}", "of-a") for name in ("default", "a")] == [404, 404]
        for spec in (CONTAINER, ECS):
            assert await here.given(here.at(spec), "/v1/credentials/reports") == 404


@in_virtual_time
async def test_a_role_that_is_off_is_on_no_endpoint_of_that_kind() -> None:
    async with shown(role_set(role("default", listen={IMDS: ()}), role("reports", listen={CONTAINER: ()}))) as here:
        for spec in (CONTAINER, ECS):
            assert await here.given(here.at(spec), "/v1/credentials/reports") == 404
            assert await here.given(here.at(spec), "/") == "default"
        assert await here.by_imds(here.at(IMDS)) == 404


@in_virtual_time
async def test_an_address_of_its_own_asks_for_the_roles_token_or_else_for_the_shared_one() -> None:
    own = {CONTAINER: OWN}
    async with shown(role_set(role(), role("x", listen=own), with_token("a", listen=own)), "of-everybody") as here:
        for owner, right in (("x", "of-everybody"), ("a", "of-a")):
            for token in ("", "of-everybody", "of-a"):
                given = await here.given(here.at(CONTAINER, owner), "/", token)
                assert given == (owner if token == right else 401)


@in_virtual_time
async def test_imds_and_ecs_addresses_of_a_role_show_that_role_to_programs_that_can_be_told_nothing() -> None:
    async with shown(role_set(role(), role("legacy", listen={IMDS: OWN, ECS: OWN}))) as here:
        assert await here.by_imds(here.at(IMDS)) == "default"
        assert await here.by_imds(here.at(IMDS, "legacy")) == "legacy"
        assert await here.given(here.at(ECS, "legacy"), "/") == "legacy"
        assert await here.given(here.at(CONTAINER), "/v1/credentials/legacy") == "legacy"


@in_virtual_time
async def test_imds_never_shows_a_role_that_has_a_token_whatever_the_settings_say() -> None:
    roles = role_set(with_token("default"), with_token("a", listen={IMDS: OWN}))
    async with shown(roles) as here:
        assert [await here.by_imds(here.at(IMDS, owner)) for owner in ("", "a")] == [404, 404]


@in_virtual_time
async def test_a_base_that_nobody_asked_for_is_shown_to_nobody() -> None:
    async with shown(role_set(role(), role("base", served=False))) as here:
        assert await here.given(here.at(CONTAINER), "/v1/credentials/base") == 404


@in_virtual_time
async def test_a_reload_shows_new_roles_and_404_for_those_that_are_gone() -> None:
    roles = role_set(role(), role("gone"), role("legacy", listen={IMDS: OWN, CONTAINER: OWN}))
    async with shown(roles) as here:
        endpoint = here.at(CONTAINER)
        kept = here.work.held()
        await here.reload(role_set(role(), role("new")))
        await asyncio.sleep(1)
        given = [await here.given(endpoint, f"/v1/credentials/{name}") for name in ("default", "gone", "new")]
        assert given == ["default", 404, "new"]
        assert here.work.held() is kept
        assert await here.by_imds(here.at(IMDS, "legacy")) == 404
        assert await here.given(here.at(CONTAINER, "legacy"), "/") == 404


@in_virtual_time
async def test_what_was_recognised_before_a_reload_does_not_hold_after_it() -> None:
    async with shown(role_set(role(), role("legacy", listen={IMDS: OWN}))) as here:
        asked = Request("PUT", TOKEN_PATH, {"host": "127.0.0.1", TTL: "60"})
        token = (await answered(here.at(IMDS).face, asked)).body.decode()
        name = Request("GET", CREDENTIALS, {"host": "127.0.0.1", TOKEN: token})
        replies = [here.at(CONTAINER).face.answer(request()), here.at(IMDS).face.answer(name)]
        assert all(isinstance(reply, Repeatable) and reply.holds() for reply in replies)
        await here.reload(role_set(role("default", "another"), role("legacy")))
        assert not any(isinstance(reply, Repeatable) and reply.holds() for reply in replies)


@in_virtual_time
async def test_what_is_given_is_counted_for_the_role() -> None:
    async with shown(role_set(role(), role("legacy", listen={IMDS: OWN}))) as here:
        reply = here.at(CONTAINER).face.answer(request("/v1/credentials/legacy"))
        assert isinstance(reply, Repeatable)
        assert reply.response.role == "legacy"
