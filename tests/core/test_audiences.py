"""What a token's audience gives away, and that a refusal says it."""

import pytest

from sidecar.core import audiences
from sidecar.sts.answer import Answer
from sidecar.sts.refusal import failure_of
from tests.doubles import EPOCH, ISSUER, ROLE_ARN, a_token
from tests.recorded import recorded


@pytest.mark.parametrize(
    ("audience", "words"),
    [
        ("sts.amazonaws.com.cn", "in China too"),
        ("sts.eu-west-1.amazonaws.com", "regional endpoint"),
        ("sts.cn-north-1.amazonaws.com.cn", "regional endpoint"),
        ("sts.amazon.com", "misspelled"),
    ],
)
def test_spellings_that_are_not_stss_audience_are_known(audience: str, words: str) -> None:
    assert words in audiences.remark(audience)


@pytest.mark.parametrize("audience", ["sts.amazonaws.com", "vault", "sigstore", ""])
def test_other_audiences_are_nobodys_mistake(audience: str) -> None:
    assert audiences.remark(audience) == ""
    assert audiences.meant_for_another(audience, ISSUER) == ""


@pytest.mark.parametrize(
    ("audience", "words"),
    [
        ("pods.eks.amazonaws.com", "Pod Identity"),
        ("https://kubernetes.default.svc", "API server"),
        ("https://kubernetes.default.svc.cluster.local", "API server"),
        ("kubernetes.svc.default", "API server"),
        (ISSUER, "API server"),
    ],
)
def test_tokens_for_others_are_known_by_their_audience(audience: str, words: str) -> None:
    assert words in audiences.meant_for_another(audience, ISSUER)


@pytest.mark.parametrize(("answer", "status"), [("wrong_audience", 400), ("not_authorized", 403)])
def test_a_refusal_says_what_the_audience_gives_away(answer: str, status: int) -> None:
    def fix(audience: str) -> str:
        claims = a_token(aud=[audience]).claims
        return failure_of(Answer(status, recorded(answer)), claims=claims, role_arn=ROLE_ARN, now=EPOCH).fix

    assert "in China too" in fix("sts.amazonaws.com.cn")
    assert "for the API server" in fix("https://kubernetes.default.svc")
    assert "About the token's audience" not in fix("sts.amazonaws.com")
