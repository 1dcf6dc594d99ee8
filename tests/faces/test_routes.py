"""Each role at its path, with its token, and nobody else's."""

import pytest

from sidecar.core.model import DEFAULT_ROLE
from sidecar.faces.authorization import NoAuthorization
from sidecar.faces.container import ContainerFace
from sidecar.faces.guards import TOKEN_OF_THE_ROLE, Guard
from sidecar.faces.routes import Routes, can_lead_to_a_role
from tests.doubles import credentials
from tests.faces.kit import LOOPBACK, FixedToken, Source, answered, body, request, served_role

OPEN = Guard(LOOPBACK, NoAuthorization())


def guarded(token: str) -> Guard:
    return Guard(LOOPBACK, FixedToken(token), TOKEN_OF_THE_ROLE)


class Endpoint:
    """An endpoint with four roles, of which two have a token of their own."""

    def __init__(self, guard: Guard = OPEN) -> None:
        guards = {DEFAULT_ROLE: None, "open": None, "a@b.c": guarded("token-of-a"), "b": guarded("token-of-b")}
        self.held = {name: credentials() for name in guards}
        roles = [served_role(Source(self.held[name]), name, own) for name, own in guards.items()]
        self.face = ContainerFace(Routes(roles, DEFAULT_ROLE), guard)

    async def given(self, path: str, token: str = "") -> str | int:
        """The role whose credentials the answer holds, or the status."""
        headers = {"authorization": token} if token else {}
        answer = await answered(self.face, request(path, **headers))
        if answer.status != 200:
            return answer.status
        return {held.access_key_id: name for name, held in self.held.items()}[body(answer)["AccessKeyId"]]


@pytest.mark.parametrize(
    ("path", "token", "given"),
    [
        ("/", "", "default"),
        ("/v1/credentials", "", "default"),
        ("/v1/credentials/default", "", "default"),
        ("/v1/credentials/open", "", "open"),
        ("/v1/credentials/open/", "", "open"),
        ("//v1/credentials//open", "", "open"),
        ("/v1/credentials/a@b.c", "token-of-a", "a@b.c"),
        ("/v1/credentials/a%40b%2Ec", "token-of-a", "a@b.c"),
        ("/v1/credentials/b", "token-of-b", "b"),
        ("/v1/credentials/a@b.c", "", 401),
        ("/v1/credentials/a@b.c", "token-of-b", 401),
        ("/v1/credentials/a%40b.c", "token-of-b", 401),
        ("/v1/credentials/b", "token-of-a", 401),
        ("/v1/credentials/B", "token-of-b", 404),
        ("/v1/credentials/b/b", "token-of-b", 404),
        ("/v1/credentials/%2E%2E/b", "token-of-b", 404),
        ("/b", "token-of-b", 404),
        ("/v1/b", "token-of-b", 404),
        ("/v1/credentials/more", "", 404),
    ],
)
async def test_each_path_gives_one_role_to_whom_it_is_for(path: str, token: str, given: str | int) -> None:
    assert await Endpoint().given(path, token) == given


async def test_the_endpoints_token_opens_no_role_that_has_its_own() -> None:
    endpoint = Endpoint(Guard(LOOPBACK, FixedToken("of-the-endpoint")))
    given = [await endpoint.given(f"/v1/credentials/{name}", "of-the-endpoint") for name in endpoint.held]
    assert given == ["default", "open", 401, 401]
    assert await endpoint.given("/", "token-of-a") == 401
    assert await endpoint.given("/v1/credentials/open", "token-of-a") == 401


async def test_an_unknown_name_is_404_and_lists_the_names_but_not_what_was_asked() -> None:
    answer = await answered(Endpoint().face, request("/v1/credentials/reprots"))
    assert answer.status == 404
    assert body(answer)["message"].endswith("the name of a role: a@b.c, b, default, open.")
    assert "reprots" not in answer.body.decode()


async def test_with_a_role_without_a_default_the_bare_path_lists_the_names() -> None:
    face = ContainerFace(Routes([served_role(Source(credentials()), "b")], DEFAULT_ROLE), OPEN)
    answer = await answered(face, request("/"))
    assert (answer.status, body(answer)["message"].rpartition(": ")[2]) == (404, "b.")


async def test_a_wrong_token_is_told_whose_token_is_asked_for() -> None:
    answer = await answered(Endpoint().face, request("/v1/credentials/b", authorization="token-of-a"))
    assert "sidecar_authorization_token_file" in body(answer)["message"]
    assert "token-of" not in body(answer)["message"]


@pytest.mark.parametrize(
    ("path", "can"),
    [("", True), ("/v1/credentials/", True), ("/v1/credentials/x", True), ("/v1/x", False), ("/x", False)],
)
def test_which_paths_can_lead_to_a_role(path: str, can: bool) -> None:
    assert can_lead_to_a_role(path) is can
