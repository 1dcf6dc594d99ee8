"""A CloudTrail event in the token's place: the same verdict and the same name as with the token."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sidecar.explain import explain
from sidecar.explain.cloudtrail import NotAnEvent, of_event, recorded_call
from sidecar.explain.commands import main
from sidecar.explain.jwt_parts import take_apart
from tests.explain.asking import (
    AUDIENCE,
    CLUSTER,
    NOW,
    PROVIDER_ARN,
    ROLE,
    SUBJECT,
    asked,
    causes,
    equals,
    policy,
    statement,
    token,
)
from tests.explain.mistakes import MISTAKES, NOTHING_WRONG, Mistake

ISSUER = f"https://{CLUSTER}"
WORDS = {
    "client-id-missing": "Incorrect token audience",
    "api-token": "Incorrect token audience",
    "pod-identity-token": "Incorrect token audience",
    "legacy-secret-token": "Missing a required claim: aud",
    "stale-thumbprint": "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
    "not-a-role-arn": "Request ARN is invalid",
    "region-not-activated": "STS is not activated in this region for account:111122223333.",
    "several-audiences": "Token audience contains more than one audience while authorized party is not present",
    "token-expired": "Token expired: current date/time 1800000000 must be before the expiration date/time 1700003600",
}
"""What STS says where the token, and not the policy, is at fault."""


def event(
    claims: dict[str, Any], role_arn: str = ROLE, error: tuple[str, str] = ("", ""), **others: Any
) -> dict[str, Any]:
    """What CloudTrail writes of a call with these claims."""
    issuer = claims["iss"].removeprefix("https://")
    provider = PROVIDER_ARN.replace(CLUSTER, issuer) if "." in issuer else issuer
    audiences = claims.get("aud") or []
    whole = {
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "WebIdentityUser",
            "principalId": f"{provider}:{audiences[0] if audiences else ''}:{claims['sub']}",
            "userName": claims["sub"],
            "identityProvider": provider,
        },
        "eventTime": datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRoleWithWebIdentity",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "192.0.2.7",
        "requestParameters": {"roleArn": role_arn, "roleSessionName": "payments.api-0"},
    }
    failed = {"errorCode": error[0], "errorMessage": error[1]} if error[0] else {}
    return whole | failed | others


def claims_of(mistake: Mistake) -> dict[str, Any]:
    return dict(take_apart(token(**mistake.claims)).claims)


def error_of(mistake: Mistake) -> tuple[str, str]:
    """Code and message as CloudTrail has them."""
    _, code = mistake.aws
    issuer = claims_of(mistake)["iss"]
    if code == "InvalidIdentityToken":
        message = WORDS.get(mistake.code, f"No OpenIDConnect provider found in your account for {issuer}")
        return "InvalidIdentityTokenException", message
    return code, WORDS.get(mistake.code, "Not authorized to perform sts:AssumeRoleWithWebIdentity")


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_an_event_gives_the_verdict_and_the_name_that_the_token_gives(mistake: Mistake) -> None:
    call = recorded_call(json.dumps(event(claims_of(mistake), mistake.role_arn, error_of(mistake))))
    question = mistake.question(ISSUER, token(**mistake.claims), NOW)

    told, by_token = explain(of_event(question, call)), explain(question)

    assert told.aws_code == mistake.aws[1]
    assert mistake.code in [found.code for found in told.findings]
    if not mistake.fault:  # what no file shows, only the message tells
        assert (told.verdict, told.aws_code) == (by_token.verdict, by_token.aws_code)


def test_the_event_of_a_success_is_allowed() -> None:
    call = recorded_call(json.dumps(event(claims_of(NOTHING_WRONG))))

    assert explain(of_event(asked(), call)).verdict.value == "allow"


def test_what_only_the_call_shows_is_seen() -> None:
    office = policy(statement(Condition=equals() | {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}))
    elsewhere = office.replace("192.0.2.0/24", "198.51.100.0/24")
    call = recorded_call(json.dumps(event(claims_of(NOTHING_WRONG))))

    inside, outside = (explain(of_event(asked(policy=text), call)) for text in (office, elsewhere))

    assert (inside.verdict.value, inside.depends_on) == ("allow", ())
    assert (outside.verdict.value, causes(outside)) == ("deny", ["condition-fails"])


def test_behind_a_vpc_endpoint_the_endpoint_is_seen() -> None:
    of_endpoint = policy(statement(Condition={"StringEquals": equals()["StringEquals"] | {"aws:SourceVpce": "vpce-1"}}))
    call = recorded_call(json.dumps(event(claims_of(NOTHING_WRONG), vpcEndpointId="vpce-2")))

    told = explain(of_event(asked(policy=of_endpoint), call))

    assert (told.verdict.value, told.depends_on) == ("deny", ())


def test_a_success_tells_its_claims_in_the_answer_too() -> None:
    whole = event(claims_of(NOTHING_WRONG))
    answer = {"subjectFromWebIdentityToken": SUBJECT, "audience": AUDIENCE, "provider": PROVIDER_ARN}

    call = recorded_call(json.dumps(whole | {"userIdentity": {}, "responseElements": answer}))

    assert explain(of_event(asked(), call)).verdict.value == "allow"


def test_what_an_event_leaves_out_is_not_guessed() -> None:
    bare = event(
        claims_of(NOTHING_WRONG),
        error=("InvalidIdentityTokenException", f"No OpenIDConnect provider found in your account for {ISSUER}"),
    )
    call = recorded_call(json.dumps(bare | {"userIdentity": {"type": "Unknown"}}))

    told = explain(of_event(asked(), call))

    assert (call.untold, told.aws_code, causes(told)) == (("sub", "aud"), "InvalidIdentityToken", ["no-provider"])


def test_an_unknown_error_of_an_event_never_ends_in_allow() -> None:
    call = recorded_call(
        json.dumps(event(claims_of(NOTHING_WRONG), error=("SomethingNew", "An unknown error occurred")))
    )

    assert explain(of_event(asked(), call)).verdict.value == "deny"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: one,
        lambda one: {"Records": [{"eventName": "GetObject"}, one]},
        lambda one: {"Events": [{"CloudTrailEvent": json.dumps(one)}]},
        lambda one: {"detail-type": "AWS API Call via CloudTrail", "detail": one},
        lambda one: [one],
    ],
    ids=["the event", "a log file", "lookup-events", "EventBridge", "a list"],
)
def test_the_event_is_found_in_each_form(wrap: Any) -> None:
    assert recorded_call(json.dumps(wrap(event(claims_of(NOTHING_WRONG))))).role_arn == ROLE


def test_of_several_events_the_newest_counts() -> None:
    old = event(
        claims_of(NOTHING_WRONG), role_arn="arn:aws:iam::111122223333:role/old", eventTime="2001-01-01T00:00:00Z"
    )

    assert recorded_call(json.dumps({"Records": [event(claims_of(NOTHING_WRONG)), old]})).role_arn == ROLE


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("{}", "no event of AssumeRoleWithWebIdentity"),
        (json.dumps({"Records": [{"eventName": "AssumeRole"}]}), "no event"),
        (json.dumps({"eventName": "AssumeRoleWithWebIdentity"}), "does not tell the token's iss, sub, aud"),
    ],
)
def test_what_is_no_event_is_said_to_be_none(content: str, words: str) -> None:
    with pytest.raises(NotAnEvent, match=words):
        recorded_call(content)


def test_the_command_takes_an_event_for_a_token(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "event.json").write_text(json.dumps(event(claims_of(NOTHING_WRONG))))
    (tmp_path / "policy.json").write_text(policy(statement(Condition=equals("system:serviceaccount:payment:api"))))

    assert main(["--event", str(tmp_path / "event.json"), "--trust-policy", str(tmp_path / "policy.json")]) == 1
    assert "subject-differs" in capsys.readouterr().out
