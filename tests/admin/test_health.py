"""The five-second answer, in every situation that there is."""

import json

import pytest

from sidecar.admin.health import HealthState
from tests.doubles import a_token
from tests.status.scenes import SCENES, UNREADABLE, Scene, expired, healthy

WANTED = {
    "healthy": ("healthy", "Healthy"),
    "failing": ("warning", "Refresh fails"),
    "down": ("down", "No credentials"),
    "expired": ("down", "Expired"),
    "starting": ("starting", "Starting"),
    "stopping": ("stopping", "Stopping"),
    "token_expired": ("warning", "Token expired"),
    "refusing": ("warning", "Requests refused"),
    "stuck": ("warning", "Stuck"),
}


def said(scene: Scene) -> tuple[str, str]:
    document = scene.document()
    return document["state"], document["headline"]


@pytest.mark.parametrize("name", SCENES)
def test_each_scene_has_its_answer(name: str) -> None:
    assert said(SCENES[name]()) == WANTED[name]


def test_every_state_is_on_the_stage() -> None:
    assert {state for state, _ in WANTED.values()} == {state.value for state in HealthState}


def test_stuck_without_credentials_is_down() -> None:
    scene = expired()
    scene.idle_for = 500
    assert said(scene) == ("down", "Stuck")


def test_a_refresh_that_comes_due_is_healthy_while_it_is_under_way() -> None:
    scene = healthy()
    scene.time += 1700
    assert (scene.document()["phase"], *said(scene)) == ("due", "healthy", "Healthy")


@pytest.mark.parametrize(("left", "headline"), [(1, "Healthy"), (0, "Token expired"), (-1, "Token expired")])
def test_a_token_has_expired_from_the_second_that_it_names(left: int, headline: str) -> None:
    scene = healthy()
    scene.token = a_token(life=600, issued_at=scene.wall() - 600 + left)
    assert said(scene)[1] == headline


def test_one_success_mends_everything() -> None:
    scene = expired()
    scene.issued(scene.time + 1)
    scene.rotated(scene.time)
    assert said(scene) == ("healthy", "Healthy")


def test_credentials_that_end_while_the_loop_was_away_are_no_longer_served() -> None:
    scene = healthy()
    scene.time += 3600
    assert said(scene) == ("down", "Expired")


def test_a_failure_before_the_first_credentials_is_no_start() -> None:
    scene = Scene()
    scene.failed(1, UNREADABLE, None)
    assert said(scene) == ("down", "No credentials")


@pytest.mark.parametrize("name", SCENES)
def test_what_is_read_aloud_holds_no_number_that_would_change_each_second(name: str) -> None:
    document = SCENES[name]().document()
    assert not any(char.isdigit() for char in document["headline"] + document["explanation"])
    json.dumps(document)
