"""Who may ask: by what host name, and with what token."""

import hmac

import pytest

from sidecar.core.errors import HostRefused, NotAuthorized
from sidecar.faces import guards
from sidecar.faces.authorization import NoAuthorization
from sidecar.faces.guards import Guard, host_name
from tests.faces.kit import AUTH_TOKEN, LOOPBACK, OneToken, request
from tests.memory import bytes_kept_by


class Several:
    """Tokens that are accepted, and those after another look."""

    required = True

    def __init__(self, accepted: tuple[str, ...], renewed: tuple[str, ...] = ()) -> None:
        self._accepted, self._renewed = accepted, renewed or accepted

    def known(self) -> tuple[str, ...]:
        return self._accepted

    async def accepted(self) -> tuple[str, ...]:
        return self._accepted

    async def renewed(self) -> tuple[str, ...]:
        return self._renewed


GUARD = Guard(LOOPBACK, OneToken())


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "127.0.0.1:9911",
            "localhost",
            "LocalHost:80",
            "[::1]",
            "[::1]:9911",
            " 127.0.0.1 ",
            "127.0.0.1:",
        ),
        *("[0:0:0:0:0:0:0:1]:9911", "[0000::0001]", "[::ffff:127.0.0.1]:9911", "[::FFFF:7F00:1]", "localhost.:9911"),
    ],
)
def test_a_request_to_one_of_our_names_is_let_in(host: str) -> None:
    GUARD.check_host({"host": host})


OTHERS = (
    *("", ":80", "evil.example", "evil.example:9911", "127.0.0.1.evil.example", "127.0.0.1@evil.example"),
    *("evil.example/127.0.0.1", "localhost.evil.example", "127.0.0.2", "[::2]:80", "[127.0.0.2]", "localhost.."),
)


@pytest.mark.parametrize("host", OTHERS)
def test_a_request_to_any_other_name_is_refused(host: str) -> None:
    with pytest.raises(HostRefused, match=r"Use one of: 127\.0\.0\.1, ::1, localhost"):
        GUARD.check_host({"host": host})


def test_a_request_without_a_host_is_refused() -> None:
    with pytest.raises(HostRefused):
        GUARD.check_host({})


def test_where_a_token_protects_any_name_will_do() -> None:
    Guard(None, OneToken()).check_host({"host": "sidecar.shop.svc:9911"})
    Guard(None, OneToken()).check_host({})


@pytest.mark.parametrize("hosts", [LOOPBACK, None])
def test_what_came_through_a_proxy_is_refused_whatever_its_host(hosts: frozenset[str] | None) -> None:
    with pytest.raises(HostRefused, match=r"X-Forwarded-For.*NO_PROXY"):
        Guard(hosts, OneToken()).check_host({"host": "127.0.0.1", "x-forwarded-for": ""})


def test_a_long_host_is_not_repeated_at_length() -> None:
    with pytest.raises(HostRefused) as refused:
        GUARD.check_host({"host": "a" * 5000})
    assert len(str(refused.value)) < 300


def test_a_flood_of_long_hosts_leaves_little_behind() -> None:
    def flood() -> None:
        for number in range(2000):
            assert host_name(f"{number}.{'x' * 8000}:80").startswith(f"{number}.")

    assert bytes_kept_by(flood) < 100_000


async def test_the_token_is_compared_as_a_whole() -> None:
    await GUARD.check_authorization(request(authorization=AUTH_TOKEN))
    for wrong in (AUTH_TOKEN[:-1], f"{AUTH_TOKEN} ", f"Bearer {AUTH_TOKEN}", "\udcff"):
        with pytest.raises(NotAuthorized, match="is not the sidecar's token"):
            await GUARD.check_authorization(request(authorization=wrong))


@pytest.mark.parametrize("headers", [{}, {"authorization": ""}])
async def test_a_missing_token_is_told_from_a_wrong_one(headers: dict[str, str]) -> None:
    with pytest.raises(NotAuthorized, match=r"no Authorization header.*AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        await GUARD.check_authorization(request(**headers))


async def test_a_token_that_only_another_look_knows_is_right() -> None:
    await Guard(None, Several(("old",), ("new", "old"))).check_authorization(request(authorization="new"))


def test_a_known_token_is_known_without_waiting_and_no_other_is() -> None:
    guard = Guard(None, Several(("old",), ("new", "old")))
    known = guard.authorization.known()
    assert guard.admits(request(authorization="old"), known)
    for unknown in (request(authorization="new"), request(authorization=""), request()):
        assert not guard.admits(unknown, known)
    assert Guard(None, NoAuthorization()).admits(request(), ())


async def test_every_token_is_compared_in_constant_time_even_after_a_match(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(given: bytes, token: bytes) -> bool:
        compared.append(token)
        return hmac.compare_digest(given, token)

    monkeypatch.setattr(guards, "hmac", type("Recording", (), {"compare_digest": staticmethod(compare)}))
    guard = Guard(None, Several(("first", "second", "third")))
    await guard.check_authorization(request(authorization="first"))
    guard.admits(request(authorization="first"), guard.authorization.known())
    assert compared == [b"first", b"second", b"third"] * 2


@pytest.mark.parametrize(
    ("header", "name"),
    [("LOCALHOST:80", "localhost"), ("[FE80::1]:80", "fe80::1"), ("", ""), ("::1", ""), (" a ", "a")],
)
def test_a_host_header_names_a_host_with_or_without_port(header: str, name: str) -> None:
    assert host_name(header) == name
