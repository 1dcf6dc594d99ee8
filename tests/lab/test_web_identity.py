"""AssumeRoleWithWebIdentity, asked by botocore over real sockets: a good token, and each refusal in AWS's words."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from botocore.exceptions import ClientError

from tests.lab.worlds import ROLE, Reply, World, a_lab, as_json, post, strangers_key, web_identity

NOT_A_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)
NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


async def test_a_good_token_gets_credentials(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        before = time.time()
        answer = await world.exchange(RoleSessionName="default.app-0")
        host = world.lab.issuer_url.removeprefix("http://")
    credentials = answer["Credentials"]
    assert set(credentials) == {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
    assert credentials["AccessKeyId"].startswith("ASIA")
    assert len(credentials["AccessKeyId"]) == 20
    assert len(credentials["SecretAccessKey"]) == 40
    assert before + 3599 <= credentials["Expiration"].timestamp() <= time.time() + 3600
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::111122223333:assumed-role/demo/default.app-0"
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":default.app-0")
    assert answer["Provider"] == f"arn:aws:iam::111122223333:oidc-provider/{host}"
    assert answer["Audience"] == "sts.amazonaws.com"
    assert answer["SubjectFromWebIdentityToken"] == "system:serviceaccount:default:app"
    assert "PackedPolicySize" not in answer


async def test_the_projected_token_is_a_good_token(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        await world.exchange(world.lab.token_file.read_text())


async def test_an_answer_has_amazons_headers(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        good, bad = await web_identity(world), await web_identity(world, "x.y.z")
    for reply in (good, bad):
        assert reply.headers["Content-Type"] == "text/xml"
        assert reply.headers["x-amzn-RequestId"] == reply.find("RequestId")
        assert reply.headers["Date"].endswith("GMT")
    assert bad.find("Type") == "Sender"


Break = Callable[[World], dict[str, Any]]
"""From a world to what `World.exchange` is asked with."""


def token(**changes: Any) -> Break:
    return lambda world: {"token": world.token(**changes)}


def asked(**parameters: Any) -> Break:
    return lambda _: parameters


def with_header(**header: Any) -> Break:
    """A token with another header; `none` and HS256 are signed as an attacker would."""
    return lambda world: {"token": jwt.encode(world.claims(), "x" * 64, header["alg"], headers=header)}


INVALID = "InvalidIdentityToken"
REFUSALS: list[tuple[str, Break, int, str, str]] = [
    ("not a JWT", asked(token="not-a-jwt"), 400, INVALID, NOT_A_JWT),
    ("two parts", asked(token="aaaa.bbbb"), 400, INVALID, NOT_A_JWT),
    ("parts that are no JSON", asked(token="aaaa.bbbb.cccc"), 400, INVALID, NOT_A_JWT),
    ("a trailing newline", lambda world: {"token": world.token() + "\n"}, 400, INVALID, NOT_A_JWT),
    (
        "white space that base64 readers pass over",
        lambda world: {"token": world.token() + "\n" * 4},
        400,
        INVALID,
        NOT_A_JWT,
    ),
    ("an HMAC", with_header(alg="HS256"), 400, INVALID, NOT_A_JWT),
    ("times that are no integers", token(exp=1.5e10), 400, INVALID, NOT_A_JWT),
    ("a time beyond 64 bits", token(exp=10**400), 400, INVALID, NOT_A_JWT),
    ("a subject that is no text", token(sub=["x"]), 400, INVALID, NOT_A_JWT),
    ("no iss", token(iss=None), 400, INVALID, "Missing a required claim: iss"),
    ("no sub", token(sub=None), 400, INVALID, "Missing a required claim: sub"),
    ("no aud", token(aud=None), 400, INVALID, "Missing a required claim: aud"),
    ("an empty aud", token(aud=[]), 400, INVALID, "Missing a required claim: aud"),
    ("no iat", token(iat=None), 400, INVALID, "Missing a required claim: iat"),
    ("no exp", token(exp=None), 400, INVALID, "Missing a required claim: exp"),
    (
        "another issuer",
        token(iss="https://oidc.example/x/"),
        400,
        INVALID,
        "No OpenIDConnect provider found in your account for https://oidc.example/x/",
    ),
    ("an unknown kid", lambda world: {"token": strangers_key().sign(world.claims())}, 400, INVALID, NO_KEY),
    ("the wrong audience", token(aud=["sts.amazon.com"]), 400, INVALID, "Incorrect token audience"),
    ("azp that the provider does not know", token(azp="someone"), 400, INVALID, "Incorrect token audience"),
    (
        "two audiences without azp",
        token(aud=["sts.amazonaws.com", "x"]),
        400,
        INVALID,
        "Token audience contains more than one audience while authorized party is not present",
    ),
    ("another service account", token(sub="system:serviceaccount:default:ap"), 403, "AccessDenied", NOT_AUTHORIZED),
    ("a role that does not exist", asked(RoleArn=ROLE + "x"), 403, "AccessDenied", NOT_AUTHORIZED),
    ("a path too many", asked(RoleArn=ROLE.replace("/", "/team/")), 403, "AccessDenied", NOT_AUTHORIZED),
    (
        "an instance profile",
        asked(RoleArn=ROLE.replace(":role", ":instance-profile")),
        400,
        "ValidationError",
        "Request ARN is invalid",
    ),
    (
        "an assumed role",
        asked(RoleArn="arn:aws:sts::111122223333:assumed-role/demo/s1"),
        400,
        "ValidationError",
        "Request ARN is invalid",
    ),
    (
        "longer than the role allows",
        asked(DurationSeconds=3601),
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    ),
    (
        "longer than anyone may",
        asked(DurationSeconds=43201),
        400,
        "ValidationError",
        "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: "
        "Member must have value less than or equal to 43200",
    ),
    (
        "a session name with a space",
        asked(RoleSessionName="a b"),
        400,
        "ValidationError",
        "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]*",
    ),
    (
        "two things wrong",
        asked(RoleSessionName="n" * 65, DurationSeconds=43201),
        400,
        "ValidationError",
        f"2 validation errors detected: Value '{'n' * 65}' at 'roleSessionName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64; Value '43201' at 'durationSeconds' failed to satisfy "
        "constraint: Member must have value less than or equal to 43200",
    ),
    (
        "a token that is too long, which is not echoed",
        asked(token="x" * 20001),
        400,
        "ValidationError",
        "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: "
        "Member must have length less than or equal to 20000",
    ),
    (
        "a provider id",
        asked(ProviderId="www.amazon.com"),
        400,
        "ValidationError",
        "ProviderId must not be given for an OpenID Connect token",
    ),
    ("a session policy that is no JSON", asked(Policy="{"), 400, "MalformedPolicyDocument", "Syntax errors in policy."),
    (
        "a session policy without statement",
        asked(Policy="{}"),
        400,
        "MalformedPolicyDocument",
        "Syntax errors in policy.",
    ),
    (
        "a session policy too large together with its ARNs",
        asked(
            Policy='{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::' + "x" * 1944 + '"}}',
            PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
        ),
        400,
        "PackedPolicyTooLarge",
        "Packed policy consumes 101% of allotted space, please use smaller policy.",
    ),
]


@pytest.mark.parametrize(
    ("breaks", "status", "code", "message"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
async def test_a_refusal_has_amazons_code_status_and_words(
    tmp_path: Path, breaks: Break, status: int, code: str, message: str
) -> None:
    async with a_lab(tmp_path) as world:
        with pytest.raises(ClientError) as caught:
            await world.exchange(**breaks(world))
    answer = caught.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (status, code)
    assert answer["Error"]["Message"] == message


async def refusal(world: World, **asked: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        await world.exchange(**asked)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


async def test_a_token_is_expired_from_the_second_of_its_exp_on(tmp_path: Path) -> None:
    now = 1_900_000_000.0
    async with a_lab(tmp_path, clock=lambda: now) as world:
        good = world.token(iat=int(now) - 600, nbf=int(now) - 600, exp=int(now) + 1)
        await world.exchange(good)
        late = world.token(iat=int(now) - 600, nbf=int(now) - 600, exp=int(now))
        assert await refusal(world, token=late) == (
            "ExpiredTokenException",
            "Token expired: current date/time 1900000000 must be before the expiration date/time 1900000000",
        )


async def test_a_token_of_more_than_a_day_is_too_old(tmp_path: Path) -> None:
    now = 1_900_000_000.0
    async with a_lab(tmp_path, clock=lambda: now) as world:
        nbf, exp = int(now) - 86401, int(now) + 9999
        await world.exchange(world.token(nbf=nbf, exp=exp, iat=int(now) - 86400))
        assert await refusal(world, token=world.token(nbf=nbf, exp=exp, iat=int(now) - 86401)) == (
            "ExpiredTokenException",
            "Token too old: 86401",
        )


@pytest.mark.parametrize("claim", ["nbf", "iat"])
async def test_a_token_from_the_future_is_refused(tmp_path: Path, claim: str) -> None:
    async with a_lab(tmp_path) as world:
        code, message = await refusal(world, token=world.token(**{claim: int(time.time()) + 60}))
    assert code == INVALID
    assert f"not valid yet: {claim}" in message


async def test_a_foreign_signature_under_a_known_kid_is_refused(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        kid = world.lab.issuer.signer(time.time()).kid
        forged = jwt.encode(world.claims(), strangers_key().private, "RS256", headers={"kid": kid})
        assert await refusal(world, token=forged) == (INVALID, "The signature of the ID Token is not valid")


async def test_an_algorithm_that_the_key_is_not_for_is_refused(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        key = world.lab.issuer.signer(time.time())
        other = jwt.encode(world.claims(), key.private, "RS512", headers={"kid": key.kid})
        assert (await refusal(world, token=other))[1] == "The signature of the ID Token is not valid"


async def test_the_provider_is_looked_up_in_the_roles_account(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        code, message = await refusal(world, RoleArn=ROLE.replace("111122223333", "444455556666"))
        assert (code, message) == (
            INVALID,
            f"No OpenIDConnect provider found in your account for {world.lab.issuer_url}",
        )
        assert "Account 444455556666 has providers for: none" in world.answers[-1].why


async def test_a_trailing_slash_makes_another_issuer(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        _, message = await refusal(world, token=world.token(iss=world.lab.issuer_url + "/"))
        assert message.endswith(f"for {world.lab.issuer_url}/")
        assert "trailing slash" in world.answers[-1].why


async def test_azp_is_the_audience_where_there_is_one(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        answer = await refusal(world, token=world.token(aud=["x", "y"], azp="sts.amazonaws.com", sub="someone"))
        assert answer == ("AccessDenied", NOT_AUTHORIZED)  # past the audience, stopped by the trust policy alone


def stranger(**changes: Any) -> Break:
    """A token signed by a key that the issuer does not publish."""
    return lambda world: {"token": strangers_key().sign(world.claims(**changes))}


def also(breaks: Break, **parameters: Any) -> Break:
    return lambda world: breaks(world) | parameters


ORDER: list[tuple[str, Break, str]] = [
    ("a parameter before the token", asked(token="not-a-jwt", DurationSeconds=43201), "validation error"),
    ("the token's shape before its claims", asked(token="a.b.c"), "not a valid JWT"),
    ("claims before the provider", token(aud=None, iss="https://x.example"), "Missing a required claim: aud"),
    ("the provider before the role", also(token(iss="https://x.example"), RoleArn=ROLE + "x"), "No OpenIDConnect"),
    ("the provider before the key", stranger(iss="https://x.example"), "No OpenIDConnect"),
    ("the key before the time", stranger(exp=1), "Couldn't retrieve"),
    ("the time before the audience", token(exp=1, aud=["x"]), "Token expired"),
    ("the audience before the role", also(token(aud=["x"]), RoleArn=ROLE + "x"), "Incorrect token audience"),
    ("the trust policy before the duration", also(token(sub="x"), DurationSeconds=3601), "Not authorized"),
    ("the duration before the session policy", asked(DurationSeconds=3601, Policy="{"), "MaxSessionDuration"),
]


@pytest.mark.parametrize(("breaks", "words"), [row[1:] for row in ORDER], ids=[row[0] for row in ORDER])
async def test_checks_come_in_stss_order(tmp_path: Path, breaks: Break, words: str) -> None:
    async with a_lab(tmp_path) as world:
        assert words in (await refusal(world, **breaks(world)))[1]


async def test_both_kinds_of_no_sound_alike_but_the_terminal_learns_why(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        assert await refusal(world, RoleArn=ROLE + "x") == await refusal(world, token=world.token(sub="x"))
        missing, untrusted = world.answers
    assert "There is no role" in missing.why
    assert "expects 'system:serviceaccount:default:app', the request has 'x'" in untrusted.why


async def test_the_session_lives_as_long_as_asked(tmp_path: Path) -> None:
    async with a_lab(tmp_path, clock=lambda: 1_900_000_000.0) as world:
        answer = await world.exchange(DurationSeconds=900)
    assert answer["Credentials"]["Expiration"].timestamp() == 1_900_000_900


async def test_a_rehearsal_may_shorten_sessions_while_requests_obey_the_real_limits(tmp_path: Path) -> None:
    async with a_lab(tmp_path, clock=lambda: 1_900_000_000.0, session_lifetime=60) as world:
        answer = await world.exchange(DurationSeconds=900)
        assert answer["Credentials"]["Expiration"].timestamp() == 1_900_000_060
        reply = await web_identity(world, DurationSeconds="899")
        assert "greater than or equal to 900" in reply.find("Message")


async def test_a_session_policy_is_packed_and_its_size_told(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        answer = await world.exchange(Policy=as_json({"Statement": []}))
    assert answer["PackedPolicySize"] == 1


async def test_a_request_with_inherited_credentials_is_answered_as_by_aws(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        reply: Reply = await web_identity(world)
        assert reply.status == 200
        form = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15"}
        refused = await post(world.lab.sts_url, form, {"X-Amz-Security-Token": "x"})
    assert refused.find("Message") == NO_KEY


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (
            {"Action": "AssumeRoot", "Version": "2011-06-15"},
            "Could not find operation AssumeRoot for version 2011-06-15",
        ),
        ({"Action": "AssumeRole"}, "Could not find operation AssumeRole for version NO_VERSION_SPECIFIED"),
        ({"Action": "AssumeRole", "Version": "1"}, "Could not find operation AssumeRole for version 1"),
        ({}, "Could not find operation null for version NO_VERSION_SPECIFIED"),
    ],
)
async def test_an_unknown_operation_is_an_invalid_action(tmp_path: Path, form: dict[str, str], message: str) -> None:
    async with a_lab(tmp_path) as world:
        reply = await post(world.lab.sts_url, form)
    assert (reply.status, reply.find("Code"), reply.find("Message")) == (400, "InvalidAction", message)


async def test_missing_parameters_are_all_named(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        reply = await post(world.lab.sts_url, {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15"})
    assert reply.find("Message").startswith("3 validation errors detected: Value at 'roleArn' failed")


async def test_an_echoed_value_cannot_break_the_xml(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        reply = await web_identity(world, RoleSessionName="<&\x00\x1b\ufffe>")
    assert "Value '<&" in reply.find("Message")


async def test_no_event_holds_a_secret(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        token = world.token()
        credentials = (await world.exchange(token))["Credentials"]
        told = repr(world.events) + repr(world.lab)
    for secret in (token, credentials["SecretAccessKey"], credentials["SessionToken"]):
        assert secret not in told
    assert credentials["AccessKeyId"] in told
