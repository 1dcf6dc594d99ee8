"""moto, an STS that others wrote, takes our chained call for what it is, and we take its answer."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from moto import mock_aws
from moto.sts.models import sts_backends

from sidecar.core.clock import SystemClock
from sidecar.core.session_request import ChainedSessionRequest
from sidecar.sts.answer import Answer, http_date
from sidecar.sts.assume_role import AssumeRole, Base, ChainedCall
from sidecar.sts.post import SentForm
from sidecar.sts.route import Route
from tests.chains import TARGET_ARN
from tests.doubles import a_token, credentials
from tests.waiting import HANGS_AFTER

URL = "https://sts.eu-west-1.amazonaws.com"
SESSION: dict[str, Any] = {
    "duration": 900,
    "external_id": "partner:42/a",
    "policy": '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}',
    "policy_arns": ("arn:aws:iam::aws:policy/ReadOnlyAccess",),
    "tags": (("namespace", "{namespace}"), ("team", "ä b+c/d")),
    "transitive_tags": ("namespace",),
    "source_identity": "checkout",
}


class ByMoto:
    """The way to STS, where moto catches what `requests` sends."""

    def __init__(self) -> None:
        self.answers: list[requests.Response] = []

    async def __call__(self, form: SentForm, route: Route) -> Answer:
        found = await asyncio.to_thread(
            requests.post, route.endpoint, form.body, headers=dict(form.headers), timeout=HANGS_AFTER
        )
        self.answers.append(found)
        return Answer(found.status_code, found.content, http_date(found.headers.get("Date")))


@pytest.fixture(autouse=True)
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield


async def test_a_chained_call_is_parsed_field_by_field_and_its_answer_is_taken() -> None:
    by_moto: Any = ByMoto()
    call = ChainedCall(Route(URL), "eu-west-1", TARGET_ARN, ChainedSessionRequest(**SESSION))
    token = a_token()
    found = await AssumeRole(by_moto, call, SystemClock())(Base(credentials(), token.claims))
    assert found.assumed_role_arn == "arn:aws:sts::444455556666:assumed-role/partner/shop.checkout-7c5d8-x2x8q"
    assert found.lifetime == pytest.approx(900, abs=10)
    (seen,) = sts_backends["444455556666"]["aws"].assumed_roles
    assert (seen.role_arn, seen.session_name) == (TARGET_ARN, "shop.checkout-7c5d8-x2x8q")
    assert (seen.external_id, seen.policy) == (SESSION["external_id"], SESSION["policy"])
    assert (found.access_key_id, found.session_token) == (seen.access_key_id, seen.session_token)


async def test_a_refusal_of_motos_is_named() -> None:
    by_moto: Any = ByMoto()
    call = ChainedCall(Route(URL), "eu-west-1", TARGET_ARN, ChainedSessionRequest(name="n" * 65))
    with pytest.raises(Exception, match="2 to 64 of the characters") as caught:
        await AssumeRole(by_moto, call, SystemClock())(Base(credentials(), a_token().claims))
    assert type(caught.value).__name__ == "RequestRefused"
