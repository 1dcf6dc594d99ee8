"""What `/status.json` says: `/readyz`'s body, and how it came to it."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from sidecar.admin import documents
from sidecar.core.errors import TokenRefused
from sidecar.core.model import Token
from tests.conftest import Canary
from tests.doubles import EPOCH, ROLE_ARN, a_token
from tests.status.scenes import SCENES, Scene, down, failing, healthy, starting

REFUSED = TokenRefused("Unknown key.", fix="Rotate it.")


def told(scene: Scene, *names: str) -> tuple[Any, ...]:
    document = scene.document()
    return tuple(document[name] for name in names)


@pytest.mark.parametrize("name", SCENES)
def test_it_says_all_that_readyz_says(name: str) -> None:
    scene = SCENES[name]()
    document, snapshot = scene.document(), documents.readiness(scene.status.readiness())
    assert rounded({name: document[name] for name in snapshot}) | {"token": None} == snapshot | {"token": None}
    if snapshot["token"] is not None:
        assert rounded({name: document["token"][name] for name in snapshot["token"]}) == snapshot["token"]


def rounded(told: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value) if isinstance(value, float) else value for name, value in told.items()}


def test_a_session_is_told_from_its_beginning_to_its_end() -> None:
    names = ("role", "issued", "expiration", "lifetime", "seconds_left", "next_attempt", "next_attempt_in")
    assert told(healthy(), *names) == (
        ROLE_ARN,
        "2027-01-15T20:48:00Z",
        "2027-01-15T21:48:00Z",
        3600,
        3259,
        "planned",
        1279,
    )


def test_times_left_are_told_to_a_tenth_of_a_second() -> None:
    scene = healthy()
    scene.time += 0.26
    assert told(scene, "seconds_left", "next_attempt_in") == (3258.7, 1278.7)
    assert scene.document()["token"]["seconds_left"] == 3018.7


def test_an_attempt_is_planned_or_under_way() -> None:
    scene = starting()
    assert told(scene, "next_attempt", "next_attempt_in") == ("under way", None)
    scene.failed(1, REFUSED)
    assert told(scene, "next_attempt", "next_attempt_in") == ("planned", 3.8)
    scene.rotated(2)
    assert told(scene, "next_attempt", "next_attempt_in") == ("under way", None)
    scene.issued(3)
    assert told(scene, "next_attempt", "next_attempt_in") == ("planned", 1620)


def test_the_past_is_told_with_ages() -> None:
    scene = Scene(a_token())
    scene.failed(10, REFUSED, 0.25)
    scene.rotated(12)
    scene.issued(12.5, 0.123456)
    scene.time = 20
    document = scene.document()
    assert document["refreshes"] == [
        {"age": 10, "took": 0.25, "code": "TokenRefused", "request_id": ""},
        {"age": 7.5, "took": 0.1235, "code": "", "request_id": "7b8b3a52-0d6c-4c38-9d5c-1f1ad8c7c0de"},
    ]
    assert document["last_success"] == document["refreshes"][1]
    assert (document["last_failure"]["age"], document["last_failure"]["fix"]) == (10, "Rotate it.")
    assert (document["last_error"], document["rotations"], document["rotated_age"]) == (None, 1, 8)


def test_the_token_tells_who_it_is_for_and_until_when() -> None:
    token = healthy().document()["token"]
    assert (token["namespace"], token["pod"], token["service_account"]) == ("shop", "checkout-7c5d8-x2x8q", "checkout")
    assert (token["issued"], token["expiration"]) == ("2027-01-15T20:44:00Z", "2027-01-15T21:44:00Z")
    assert down().document()["token"] is None


def test_a_token_without_times_has_none() -> None:
    token = a_token()
    scene = Scene(Token(token.raw, replace(token.claims, expires_at=math.inf, issued_at=-math.inf)))
    told = scene.document()["token"]
    assert (told["issued"], told["expiration"], told["seconds_left"]) == (None, None, None)


def test_faces_tell_where_they_listen_and_who_asked() -> None:
    scene = healthy()
    container, ecs, imds = scene.document()["faces"]
    assert (container["face"], container["addresses"], ecs["addresses"]) == ("container", ["127.0.0.1:9911"], [])
    assert container["clients"][0] == {
        "protocol": "container",
        "sdk": "aws-sdk-java",
        "major": "1",
        "requests": 1284,
        "served": 1284,
        "refused": 0,
        "age": 341,
    }
    assert [client["protocol"] for client in imds["clients"]] == ["imds", "imds-v1"]


def test_credentials_that_end_between_two_looks_at_the_clock_are_gone_everywhere() -> None:
    """A running broker has a clock of its own: what is told comes of one look at what it holds."""
    scene = healthy()
    looks = iter([None])
    scene.usable = lambda: next(looks)  # type: ignore[method-assign]
    names = ("ready", "assumed_role", "issued", "expiration", "lifetime", "seconds_left")
    assert told(scene, *names) == (False, None, None, None, None, None)


@pytest.mark.parametrize("name", SCENES)
def test_it_is_json_without_a_secret(name: str, canary: Canary) -> None:
    document = SCENES[name]().document()
    canary.saw(json.dumps(document))
    assert document["sts_by_proxy"]
    assert "proxy.example" not in json.dumps(document)


def test_it_holds_no_access_key() -> None:
    scene = failing()
    held = scene.usable()
    assert held is not None
    assert held.access_key_id not in json.dumps(scene.document())


def test_the_clock_of_the_node_dates_it() -> None:
    assert EPOCH == 1_800_000_000
    assert told(starting(), "now") == ("2027-01-15T08:00:00Z",)
