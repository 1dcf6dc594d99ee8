"""Values that hold secrets never show them."""

import logging

import pytest

from sidecar.core.errors import ExchangeFailed, SidecarError, Unexpected
from sidecar.core.refresh import Failed, Issued, RoleState
from sidecar.sts.answer import Answer, ErrorAnswer
from sidecar.sts.exchange import StsCall
from tests.conftest import Canary
from tests.doubles import KEY_CANARY, SESSION_CANARY, TOKEN_CANARY, a_token, credentials


def values_with_secrets() -> list[object]:
    held = credentials()
    return [
        a_token(),
        held,
        Issued(0, held, 0.1),
        RoleState(held),
        Answer(200, SESSION_CANARY.encode()),
        ErrorAnswer("ValidationError", f"Value '{TOKEN_CANARY}' is not good"),
        StsCall("https://sts.example", "arn", 3600, proxy=f"http://user:{KEY_CANARY}@proxy"),
        Failed(0, Unexpected("A defect.", fix="Report it.")),
    ]


def test_no_value_shows_its_secrets(canary: Canary) -> None:
    canary.saw(*values_with_secrets())


def test_the_canary_would_be_heard() -> None:
    net = Canary()
    net.emit(logging.makeLogRecord({"msg": "the key is %s", "args": (KEY_CANARY,)}))
    net.emit(logging.makeLogRecord({"msg": "issued", "extra_field": SESSION_CANARY}))
    net.saw(ValueError(TOKEN_CANARY), "nothing here")
    assert len(net.caught()) >= 5


def test_tokens_are_equal_when_their_text_is() -> None:
    one, other = a_token(), a_token()
    assert one != other
    assert one == type(one)(one.raw, other.claims)


def test_the_account_is_read_from_the_assumed_roles_arn() -> None:
    assert credentials().account_id == "111122223333"


@pytest.mark.parametrize("arn", ["", "arn:aws:sts"])
def test_an_arn_without_an_account_gives_none(arn: str) -> None:
    held = credentials()
    bare = type(held)("ASIA", "s", "t", "role", arn, held.expiration, held.issued_at, held.expires_at)
    assert bare.account_id == ""


def test_an_error_says_what_happened_and_what_to_change() -> None:
    error = ExchangeFailed("STS throttles.", fix="Call less.", aws_code="Throttling", status=400, request_id="r-1")
    assert str(error) == "STS throttles. Call less."
    assert (error.cause, error.fix, error.code) == ("STS throttles.", "Call less.", "ExchangeFailed")


def test_every_error_has_its_own_code() -> None:
    kinds = [SidecarError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    codes = [kind.__name__ for kind in kinds]
    assert len(set(codes)) == len(codes) > 12
