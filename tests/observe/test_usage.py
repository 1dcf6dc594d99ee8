"""Who asked, how often and when last."""

from hypothesis import given
from hypothesis import strategies as st

from sidecar.http.messages import Response
from sidecar.observe.sdk_family import MAJORS, Sdk, sdk_of
from sidecar.observe.usage import Usage, Use
from tests.memory import bytes_kept_by
from tests.observe.kit import SERVED, UNAUTHORIZED
from tests.status.scenes import Scene

BOTO3, JAVA = "Boto3/1.28.0 Python/3.11", "aws-sdk-java/1.12.705 Linux/6"


def test_nobody_has_asked_at_first() -> None:
    assert Usage(Scene()).uses() == []


def test_requests_are_counted_by_protocol_and_sdk_the_most_frequent_first() -> None:
    scene = Scene()
    for second, face, agent in (
        (1, "imds", BOTO3),
        (2, "container", JAVA),
        (3, "container", JAVA),
        (4, "container", None),
        (5, "imds-v1", BOTO3),
    ):
        scene.time = second
        scene.used(face, agent, 1)
    assert scene.usage.uses() == [
        Use("container", Sdk("aws-sdk-java", "1"), 2, 0, 2, 3),
        Use("imds", Sdk("boto3", "1"), 1, 0, 1, 1),
        Use("container", Sdk("none", "unknown"), 1, 0, 1, 4),
        Use("imds-v1", Sdk("boto3", "1"), 1, 0, 1, 5),
    ]


def test_what_was_served_is_counted_apart_from_what_was_refused_and_from_the_rest() -> None:
    scene = Scene()
    for answer in (SERVED, UNAUTHORIZED, UNAUTHORIZED, Response(200, b"a session token", {})):
        scene.used("container", BOTO3, 1, answer)
    assert [(use.served, use.refused, use.requests) for use in scene.usage.uses()] == [(1, 2, 4)]


def test_versions_of_one_major_are_one_client() -> None:
    scene = Scene()
    for number in range(600):  # more than any cache on the way keeps
        scene.used("container", f"Boto3/1.{number}.0", 1)
    assert [(use.sdk, use.requests) for use in scene.usage.uses()] == [(Sdk("boto3", "1"), 600)]


@given(st.lists(st.text(max_size=30)))
def test_whatever_clients_call_themselves_the_families_are_a_closed_list(agents: list[str]) -> None:
    usage = Usage(Scene())
    for agent in agents:
        usage("container", sdk_of(agent), SERVED)
    assert {use.sdk.family for use in usage.uses()} <= {*MAJORS, "unknown", "none"}
    assert sum(use.requests for use in usage.uses()) == len(agents)


def test_a_flood_of_long_user_agents_leaves_little_behind() -> None:
    usage = Usage(Scene())

    def flood() -> None:
        for number in range(2000):
            usage("container", sdk_of(f"client-{number}/1 {'x' * 8000}"), SERVED)

    assert bytes_kept_by(flood) < 500_000
    assert len(usage.uses()) == 1
