"""Bytes in, credentials or a named trouble out: whole answers are taken at their word, all else is refused."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.errors import StsUnavailable
from sidecar.core.model import Credentials, UnixTime
from sidecar.sts.answer import MAXIMUM_ANSWER, Answer, credentials_in, http_date, refusal_in
from tests.conftest import Canary
from tests.doubles import EPOCH, KEY_CANARY, ROLE_ARN, SESSION_CANARY
from tests.recorded import recorded

ISSUED = recorded("issued")
EXPIRATION = EPOCH + 3600  # 2027-01-15T09:00:00Z, as the recorded answer has it


def taken(
    body: bytes = ISSUED, *, date: UnixTime | None = EPOCH, asked_at: float = 100, wall: UnixTime = EPOCH
) -> Credentials:
    return credentials_in(
        Answer(200, body, date, "header-id"),
        role_arn=ROLE_ARN,
        duration=3600,
        asked_at=asked_at,
        asked_at_wall=wall,
    )


def refused(body: bytes, date: UnixTime | None = EPOCH, wall: UnixTime = EPOCH) -> StsUnavailable:
    with pytest.raises(StsUnavailable) as caught:
        taken(body, date=date, wall=wall)
    return caught.value


def test_reads_a_whole_answer() -> None:
    held = taken()
    assert held.access_key_id == "ASIAMADEUPMADEUPMADE"
    assert held.secret_access_key == KEY_CANARY
    assert held.session_token == f"{SESSION_CANARY}+and=="
    assert held.assumed_role_arn == "arn:aws:sts::111122223333:assumed-role/checkout/shop.checkout-7c5d8-x2x8q"
    assert (held.role_arn, held.account_id) == (ROLE_ARN, "111122223333")
    assert (held.expiration, held.issued_at, held.expires_at) == (EXPIRATION, 100, 3700)


def test_what_it_does_not_know_is_passed_over() -> None:
    assert taken(recorded("issued_with_more")).expiration == EXPIRATION + 0.25


def test_white_space_around_a_value_means_nothing() -> None:
    spaced = ISSUED.replace(b"<AccessKeyId>", b"<AccessKeyId>\n  ").replace(b"</AccessKeyId>", b"\n</AccessKeyId>")
    assert spaced != ISSUED
    assert taken(spaced).access_key_id == "ASIAMADEUPMADEUPMADE"


@pytest.mark.parametrize("skew", [-3600, 3600])
def test_a_wrong_clock_of_the_node_changes_no_life(skew: float) -> None:
    assert taken(wall=EPOCH + skew).expires_at == 3700


def test_life_is_measured_on_the_clock_of_sts() -> None:
    assert taken(date=EPOCH + 600).expires_at == 100 + 3000


def test_without_a_date_the_nodes_clock_has_to_do() -> None:
    assert taken(date=None, wall=EPOCH + 60).expires_at == 100 + 3540


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2027-01-15T09:00:00Z", EXPIRATION),
        ("2027-01-15T09:00:00.250Z", EXPIRATION + 0.25),
        ("2027-01-15T10:30:00+01:30", EXPIRATION),
        ("2027-01-15T09:00:00", EXPIRATION),
        ("20270115T090000Z", EXPIRATION),
    ],
)
def test_expiration_is_read_in_every_iso_form(written: str, instant: UnixTime) -> None:
    assert taken(ISSUED.replace(b"2027-01-15T09:00:00Z", written.encode())).expiration == instant


@pytest.mark.parametrize("written", ["", "soon", "2027-13-45T00:00:00Z", "NaN", "99999999999999"])
def test_an_unreadable_expiration_is_no_credential(written: str) -> None:
    assert "Expiration" in refused(ISSUED.replace(b"2027-01-15T09:00:00Z", written.encode())).cause


@pytest.mark.parametrize("left", [-3600, 0, 9.999])
def test_credentials_that_are_as_good_as_dead_replace_nothing(left: float) -> None:
    assert "valid for only" in refused(ISSUED, date=EXPIRATION - left).cause


def test_credentials_with_ten_seconds_left_are_taken() -> None:
    assert taken(date=EXPIRATION - 10).lifetime == 10


@pytest.mark.parametrize("name", ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"])
def test_an_answer_that_lacks_a_part_is_refused_and_the_part_named(name: str) -> None:
    start, end = ISSUED.index(f"<{name}>".encode()), ISSUED.index(f"</{name}>".encode())
    emptied = ISSUED[: start + len(name) + 2] + ISSUED[end:]
    missing = ISSUED[:start] + ISSUED[end + len(name) + 3 :]
    assert name in refused(emptied).cause
    assert name in refused(missing).cause


def test_an_answer_without_the_assumed_role_still_holds_credentials() -> None:
    start, end = ISSUED.index(b"<AssumedRoleUser>"), ISSUED.index(b"</AssumedRoleUser>")
    held = taken(ISSUED[:start] + ISSUED[end + len(b"</AssumedRoleUser>") :])
    assert (held.assumed_role_arn, held.account_id) == ("", "")


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + ISSUED
RUBBISH = {
    "nothing": b"",
    "html": b"<html><body><h1>502 Bad Gateway</h1></body></html>",
    "json": b'{"AssumeRoleWithWebIdentityResponse": {}}',
    "text": b"OK",
    "an error in a 200": recorded("not_authorized"),
    "another operation": ISSUED.replace(b"AssumeRoleWithWebIdentityRes", b"AssumeRoleRes"),
    "a document type": BOMB,
    "an unknown encoding": b'<?xml version="1.0" encoding="klingon"?>' + ISSUED,
    "control characters": ISSUED.replace(b"ASIA", b"\x00\x01"),
    "too much": ISSUED + b" " * MAXIMUM_ANSWER,
}


@pytest.mark.parametrize("body", RUBBISH.values(), ids=RUBBISH.keys())
def test_what_is_not_an_answer_is_refused(body: bytes) -> None:
    error = refused(body)
    assert (error.status, error.request_id) == (200, "header-id")
    assert "AWS_ENDPOINT_URL_STS" in error.fix


def test_no_part_of_an_answer_is_an_answer(canary: Canary) -> None:
    whole = ISSUED.rstrip()
    for length in range(len(whole)):
        canary.saw(refused(whole[:length]))
    assert taken(whole) == taken()


@given(st.binary(max_size=300))
@example(b"\xff\xfe<")
@example(b"<a xmlns:x='y'><x:b/></a>")
def test_any_bytes_at_all_are_either_credentials_or_a_named_trouble(body: bytes) -> None:
    refused(body)
    refusal_in(Answer(400, body))


@given(st.integers(0, len(ISSUED)), st.integers(0, 40), st.binary(max_size=8))
def test_an_answer_damaged_anywhere_is_whole_or_refused(start: int, length: int, instead: bytes) -> None:
    try:
        held = taken(ISSUED[:start] + instead + ISSUED[start + length :])
    except StsUnavailable:
        return
    assert held.access_key_id
    assert held.secret_access_key
    assert held.session_token
    assert held.lifetime >= 10


# --- refusals -----------------------------------------------------------------------------------------------------


def test_reads_code_message_and_request_id_of_a_refusal() -> None:
    refusal = refusal_in(Answer(400, recorded("wrong_audience"), request_id="header-id"))
    assert refusal is not None
    assert (refusal.code, refusal.message) == ("InvalidIdentityToken", "Incorrect token audience")
    assert refusal.request_id == "0b5c1d2e-0000-4000-8000-000000000004"


def test_the_header_names_the_request_where_the_body_does_not() -> None:
    refusal = refusal_in(
        Answer(400, b"<ErrorResponse><Error><Code>X</Code></Error></ErrorResponse>", None, "header-id")
    )
    assert refusal is not None
    assert (refusal.request_id, refusal.message) == ("header-id", "")


def test_signs_that_no_code_has_are_replaced_one_by_one() -> None:
    refusal = refusal_in(Answer(400, "<Error><Code>Bad [31mCodé</Code></Error>".encode()))
    assert refusal is not None
    assert refusal.code == "Bad??31mCod?"


@pytest.mark.parametrize("body", [b"", b"<html/>", b"<Error><Code></Code></Error>", b"{}", b"<Code>X</Co", BOMB])
def test_what_names_no_code_is_not_from_sts(body: bytes) -> None:
    assert refusal_in(Answer(503, body)) is None


# --- dates --------------------------------------------------------------------------------------------------------


def test_reads_the_date_header() -> None:
    assert http_date("Fri, 15 Jan 2027 08:00:00 GMT") == EPOCH


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as context:
        context.setenv("TZ", "UTC-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_a_date_without_a_zone_is_in_utc_wherever_the_node_is() -> None:
    assert http_date("Fri, 15 Jan 2027 08:00:00") == EPOCH
    assert http_date("Fri, 15 Jan 2027 08:00:00 -0000") == EPOCH


@pytest.mark.parametrize("text", [None, "", "yesterday", "Fri, 99 Jan 2027 08:00:00 GMT", "0", "-1"])
def test_a_date_that_cannot_be_read_is_none(text: str | None) -> None:
    assert http_date(text) is None


@given(st.text(max_size=40) | st.from_regex(r"(Mon, )?[0-9]{1,5} Jan [0-9]{1,6} [0-9:]{0,12} ?[+-]?[0-9]{0,9}"))
def test_any_date_header_is_read_or_none(text: str) -> None:
    moment = http_date(text)
    assert moment is None or isinstance(moment, float)


def test_no_clock_makes_credentials_outlive_the_duration_that_was_asked_for() -> None:
    assert taken(date=EPOCH - 7200).lifetime == 3600


@pytest.mark.parametrize("date", [EPOCH - 7200, None])
def test_a_life_that_no_clock_explains_is_refused(date: UnixTime | None) -> None:
    assert "outlive" in refused(ISSUED, date=date, wall=EPOCH - 7200).cause
