"""Each way in which a container endpoint gives nothing: its name, when it is tried again, and what to change."""

import re

import pytest

from sidecar.core.claims import Claims
from sidecar.core.errors import (
    AssociationMissing,
    EndpointRefused,
    EndpointThrottled,
    EndpointUnavailable,
    ExchangeFailed,
    Retry,
    TokenRefused,
)
from sidecar.sources.container_refusal import AskedEndpoint, failure_of
from sidecar.sts.answer import Answer
from tests.doubles import EPOCH
from tests.sources.agent_answers import AGENT, of_eks

GOOD = Claims(
    subject="system:serviceaccount:shop:checkout",
    audiences=("pods.eks.amazonaws.com",),
    expires_at=EPOCH + 3600,
    namespace="shop",
    service_account="checkout",
)
IRSA = Claims(audiences=("sts.amazonaws.com",), expires_at=EPOCH + 3600)
EXPIRED = Claims(audiences=("pods.eks.amazonaws.com",), expires_at=EPOCH - 1)


def failure(status: int, body: bytes, claims: Claims | None = GOOD, url: str = AGENT) -> ExchangeFailed:
    return failure_of(Answer(status, body, EPOCH), AskedEndpoint(url), claims=claims, now=EPOCH)


OF_THE_TOKEN = b"Service account token "
AGENT_SAYS: list[tuple[int, bytes, Claims | None, type[ExchangeFailed], str]] = [
    (404, of_eks("ResourceNotFoundException"), GOOD, AssociationMissing, "shop/checkout"),
    (400, of_eks("AccessDeniedException"), GOOD, EndpointRefused, "sts:TagSession"),
    (400, of_eks("ExpiredTokenException"), GOOD, TokenRefused, "has expired"),
    (400, of_eks("InvalidTokenException"), IRSA, TokenRefused, "not pods.eks.amazonaws.com but"),
    (400, of_eks("InvalidParameterException"), IRSA, TokenRefused, "sts.amazonaws.com"),
    (400, of_eks("InvalidTokenException"), EXPIRED, TokenRefused, "has expired"),
    (400, of_eks("InvalidTokenException"), GOOD, TokenRefused, "refuses the token"),
    (429, b"Too Many Requests\n", GOOD, EndpointThrottled, "1000 requests a second"),
    (429, of_eks("ThrottlingException"), GOOD, EndpointThrottled, "fewer requests"),
    (500, b"[]\n", GOOD, EndpointUnavailable, "answered 500"),
    (503, of_eks("ServiceUnavailableException"), GOOD, EndpointUnavailable, "answered 503"),
    (302, b"", GOOD, EndpointUnavailable, "answered 302"),
    (400, OF_THE_TOKEN + b"cannot be empty\n", None, EndpointRefused, "none is configured"),
    (400, OF_THE_TOKEN + b"cannot be parsed: x\n", GOOD, TokenRefused, "refuses the token"),
    (400, OF_THE_TOKEN + b"failed basic claim validations: exp\n", EXPIRED, TokenRefused, "has expired"),
    (403, b"Access Denied. Called agent through invalid address\n", GOOD, EndpointRefused, "its own address"),
    (404, b"404 page not found\n", GOOD, EndpointRefused, "nothing at this path"),
    (405, b"", GOOD, EndpointRefused, "no credentials for us (405)"),
]


@pytest.mark.parametrize(("status", "body", "claims", "kind", "says"), AGENT_SAYS)
def test_the_agents_refusals_are_named_with_their_fix(
    status: int, body: bytes, claims: Claims | None, kind: type[ExchangeFailed], says: str
) -> None:
    error = failure(status, body, claims)
    assert type(error) is kind
    assert says in f"{error.cause} {error.fix}"
    assert (error.status, error.sts_time) == (status, EPOCH)


@pytest.mark.parametrize(
    ("kind", "retry"),
    [
        (AssociationMissing, Retry.SLOWLY),
        (EndpointRefused, Retry.SLOWLY),
        (TokenRefused, Retry.NEW_TOKEN),
        (EndpointThrottled, Retry.SOON),
        (EndpointUnavailable, Retry.SOON),
    ],
)
def test_it_is_tried_again_when_that_can_help(kind: type[ExchangeFailed], retry: Retry) -> None:
    assert kind.retry is retry


@pytest.mark.parametrize("status", [401, 403])
def test_another_endpoints_refusal_of_the_token_says_where_it_comes_from(status: int) -> None:
    error = failure(status, b'{"code": "NotAuthorized"}', url="http://127.0.0.1:9911/")
    assert type(error) is TokenRefused
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in error.fix
    assert "pods.eks.amazonaws.com" not in error.fix, "only the agent wants that audience"


def test_the_command_to_paste_names_the_pods_own_account() -> None:
    fix = failure(404, of_eks("ResourceNotFoundException")).fix
    assert "--namespace shop --service-account checkout" in fix
    strange = Claims(namespace="a;b", service_account="$(id)")
    fix = failure(404, of_eks("ResourceNotFoundException"), strange).fix
    assert "--namespace <namespace> --service-account <service account>" in fix


def test_eks_request_id_is_kept_to_quote_to_aws_support() -> None:
    assert failure(404, of_eks("ResourceNotFoundException")).request_id == "0a1b2c3d-0000-1111-2222-333344445555"


@pytest.mark.parametrize("body", [b"<html>" + b"x" * 5000, b"\x1b[31m", "ΑΒΓ".encode()])
def test_foreign_text_is_never_repeated(body: bytes) -> None:
    for status in (302, 400, 403, 404, 429, 500):
        error = failure(status, body)
        assert re.fullmatch(r"[ -~]*", str(error))
        assert "html" not in str(error)


def test_the_path_of_an_ecs_task_is_not_shown() -> None:
    error = failure(500, b"", url="http://169.254.170.2/v2/credentials/11112222-3333")
    assert "11112222" not in str(error)
    assert "http://169.254.170.2" in error.cause
