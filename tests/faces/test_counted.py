"""Who asks by which face is seen, and changes nothing."""

from sidecar.faces.counted import CountedFace
from sidecar.faces.imds import protocol
from tests.doubles import credentials
from tests.faces.imds_kit import CREDENTIALS, Imds, RefreshedSource
from tests.faces.kit import Source, answered, container_face, request


class Clients:
    """A `ClientObserver` that remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []

    def __call__(self, face: str, user_agent: str | None) -> None:
        self.seen.append((face, user_agent))


async def test_each_request_is_seen_with_its_user_agent_and_answered_as_ever() -> None:
    clients, face = Clients(), container_face(Source(credentials()))
    counted = CountedFace(face, clients)
    assert counted.name == "container"
    for asked in (request(user_agent="aws-sdk-go/1.15.11"), request(), request("/nothing", user_agent="curl/8")):
        assert await answered(counted, asked) == await answered(face, asked)
    assert clients.seen == [("container", "aws-sdk-go/1.15.11"), ("container", None), ("container", "curl/8")]


async def test_imdsv1_is_counted_apart_even_where_it_is_refused() -> None:
    clients, imds = Clients(), Imds(RefreshedSource(credentials()))
    counted = CountedFace(imds.face, clients, protocol)
    token = await imds.token()
    for headers in ({}, {"x_aws_ec2_metadata_token": token}):
        await answered(counted, request(CREDENTIALS, **headers))
    assert clients.seen == [("imds-v1", None), ("imds", None)]
