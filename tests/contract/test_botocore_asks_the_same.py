"""botocore is the judge of a chained call: its own client, at the same second, sends the same bytes and signature."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.session_request import ChainedSessionRequest
from sidecar.sts.assume_role import ACTION
from sidecar.sts.exchange import API_VERSION
from sidecar.sts.request_signature import signed
from sidecar.sts.session_fields import chained_fields
from tests.chains import TARGET_ARN
from tests.doubles import EPOCH, a_token, credentials

OPERATION = botocore.session.get_session().get_service_model("sts").operation_model("AssumeRole")
TEXT = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_characters="{}"), min_size=1, max_size=40
)
KEYS = st.from_regex(r"[\w.:/=+@-]{1,20}", fullmatch=True)
SESSIONS = st.builds(
    ChainedSessionRequest,
    duration=st.integers(900, 3600),
    policy=st.none() | TEXT,
    policy_arns=st.lists(st.from_regex(r"arn:aws:iam::aws:policy/\w{1,9}", fullmatch=True), max_size=3).map(tuple),
    external_id=st.none() | st.from_regex(r"[\w+=,.@:/-]{2,40}", fullmatch=True),
    tags=st.lists(st.tuples(KEYS, TEXT), max_size=4, unique_by=lambda tag: tag[0]).map(tuple),
    transitive_tags=st.lists(KEYS, max_size=3).map(tuple),
    source_identity=st.none() | st.from_regex(r"[\w+=,.@-]{2,64}", fullmatch=True),
)


def parameters(session: ChainedSessionRequest) -> dict[str, Any]:
    found = {
        "RoleArn": TARGET_ARN,
        "RoleSessionName": "s1",
        "DurationSeconds": session.duration,
        "Policy": session.policy,
        "PolicyArns": [{"arn": arn} for arn in session.policy_arns],
        "ExternalId": session.external_id,
        "Tags": [{"Key": key, "Value": value} for key, value in session.tags],
        "TransitiveTagKeys": list(session.transitive_tags),
        "SourceIdentity": session.source_identity,
    }
    return {name: value for name, value in found.items() if value}


def ours(session: ChainedSessionRequest) -> dict[str, str]:
    fields = {"Action": ACTION, "Version": API_VERSION, "RoleArn": TARGET_ARN, "RoleSessionName": "s1"}
    return fields | {"DurationSeconds": str(session.duration)} | chained_fields(session, a_token().claims)


@given(SESSIONS)
def test_any_request_has_the_fields_that_botocore_gives_it(session: ChainedSessionRequest) -> None:
    body = create_serializer("query").serialize_to_request(parameters(session), OPERATION)["body"]
    assert ours(session) == {name: str(value) for name, value in body.items()}


class Sent:
    """Keeps what botocore's client was about to send."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def __call__(self, request: Any, **_: object) -> AWSResponse:
        self.requests.append(request)
        body = b"<ErrorResponse><Error><Code>Kept</Code></Error></ErrorResponse>"
        return AWSResponse(request.url, 400, {}, _Raw(body))


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> list[bytes]:
        return [self._body]


def sent_by_botocore(endpoint: str, session: ChainedSessionRequest, at: float) -> Any:
    base, sent = credentials(), Sent()
    client: Any = botocore.session.Session().create_client(
        "sts",
        region_name="eu-west-1",
        endpoint_url=endpoint,
        aws_access_key_id="ASIA000000000001",
        aws_secret_access_key=base.secret_access_key,
        aws_session_token=base.session_token,
    )
    client.meta.events.register("before-send.sts.AssumeRole", sent)
    moment = datetime.fromtimestamp(at, UTC)
    with patch("botocore.auth.get_current_datetime", lambda: moment), suppress(client.exceptions.ClientError):
        client.assume_role(**parameters(session))
    return sent.requests[0]


def test_the_same_request_at_the_same_second_has_the_same_signature() -> None:
    """Over an endpoint with a port, one without, and one in IPv6, with text in the tags that must be escaped."""
    session = ChainedSessionRequest(tags=(("team", "ä b+c/d"),), external_id="a:b/c", source_identity="pod")
    for endpoint in ("https://sts.eu-west-1.amazonaws.com", "http://127.0.0.1:9922", "http://[::1]:9922"):
        theirs = sent_by_botocore(endpoint, session, EPOCH)
        assert dict(parse_qsl(theirs.body)) == ours(session)
        base = replace(credentials(), access_key_id="ASIA000000000001")
        form = signed(theirs.body.encode(), theirs.url, base, region="eu-west-1", at=EPOCH)
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token", "Content-Type"):
            expected = theirs.headers[name]
            assert form.headers[name] == (expected.decode() if isinstance(expected, bytes) else expected), name
