"""What `explain` assumes, what it cannot see, and what STS's own words add."""

import base64
import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.findings import Finding
from sidecar.explain import NotAPolicy, explain, policy_text
from sidecar.explain.nearest import difference, distance, nearest
from tests.explain.asking import (
    ACCOUNT,
    CLUSTER,
    NOW,
    OTHER_ACCOUNT,
    PROVIDER_ARN,
    SUBJECT,
    asked,
    causes,
    codes,
    equals,
    explained,
    policy,
    statement,
    token,
)

DENIAL = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


def finding(code: str, found: tuple[Finding, ...]) -> Finding:
    return next(candidate for candidate in found if candidate.code == code)


def test_a_condition_on_the_network_is_taken_to_hold_and_told() -> None:
    office = equals() | {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}

    told = explained(policy=policy(statement(Condition=office)))

    assert told.verdict.value == "allow"
    assert "assumed to hold" in finding("condition-unseen", told.findings).message


def test_a_deny_that_depends_on_the_network_is_taken_not_to_apply_and_told() -> None:
    outside = statement(Effect="Deny", Condition={"StringNotEquals": {"aws:SourceVpc": "vpc-1"}})

    told = explained(policy=policy(statement(), outside))

    assert told.verdict.value == "allow"
    assert "assumed not to apply" in finding("condition-unseen", told.findings).message


def test_the_session_name_that_the_sidecar_would_choose_is_known() -> None:
    named = equals() | {"StringLike": {"sts:RoleSessionName": "payments.*"}}

    assert explained(policy=policy(statement(Condition=named))).verdict.value == "allow"


def test_a_statement_is_named_by_number_and_sid() -> None:
    wrong = statement(Sid="Irsa", Condition=equals("system:serviceaccount:payment:api"))

    told = explained(policy=policy(statement(Condition=equals("system:serviceaccount:web:front", "vault")), wrong))

    assert finding("subject-differs", told.findings).message.startswith("Statement 1 (Irsa): ")


def test_all_that_is_wrong_with_the_nearest_statement_is_told_at_once() -> None:
    wrong = statement(Action="sts:AssumeRole", Condition=equals("system:serviceaccount:payment:api", "sts.amazon.com"))

    told = explained(policy=policy(wrong))

    assert {"action-not-web-identity", "subject-differs", "audience-differs"} <= set(causes(told))


def test_a_pattern_under_equals_that_would_not_match_as_a_pattern_either_is_two_mistakes() -> None:
    wrong = statement(Condition=equals("system:serviceaccount:web:*"))

    assert causes(explained(policy=policy(wrong))) == ["wildcard-under-equals", "subject-differs"]


def test_a_policy_for_nodes_is_not_explained_where_one_for_pods_is_there() -> None:
    nodes = statement(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole", Condition=None)
    wrong = statement(Condition=equals("system:serviceaccount:payment:api"))

    assert causes(explained(policy=policy(nodes, wrong))) == ["subject-differs"]


def test_negated_conditions_that_shut_the_pod_out_are_named() -> None:
    shut = equals() | {"StringNotEquals": {f"{CLUSTER}:sub": SUBJECT}}

    assert causes(explained(policy=policy(statement(Condition=shut)))) == ["condition-excludes"]


def test_the_trusted_provider_of_another_account_is_named() -> None:
    elsewhere = PROVIDER_ARN.replace(ACCOUNT, OTHER_ACCOUNT)

    told = explained(policy=policy(statement(Principal={"Federated": elsewhere})))

    assert causes(told) == ["provider-in-other-account"]


def test_a_token_with_white_space_around_is_read_and_told() -> None:
    told = explained(token=token() + "\n")

    assert told.verdict.value == "allow"
    assert "white-space-around-token" in codes(told)


def test_chinas_audience_in_the_token_is_told_even_where_it_is_agreed_on() -> None:
    agreed = policy(statement(Condition=equals(audience="sts.amazonaws.com.cn")))

    told = explained(token=token(aud=["sts.amazonaws.com.cn"]), policy=agreed, client_ids=("sts.amazonaws.com.cn",))

    assert told.verdict.value == "allow"
    assert "in China too" in finding("odd-token-audience", told.findings).message


def test_azp_stands_in_for_the_audience() -> None:
    assert explained(token=token(azp="sts.amazonaws.com", aud=["vault", "x"])).verdict.value == "allow"


def test_another_servers_role_is_worth_a_word_and_aws_rules_are_explained_all_the_same() -> None:
    told = explained(role_arn="arn:minio:iam:::role/x", policy=policy(), sts_endpoint="http://minio:9000")
    assert (told.verdict.value, "role-of-another-server" in [found.code for found in told.findings]) == ("allow", True)


@pytest.mark.parametrize("arn", ["arn:minio:iam:::role/x", "arn:aws:iam:::role/x", "arn:aws:iam::role/x"])
@pytest.mark.parametrize("endpoint", ["", "https://sts.eu-west-1.amazonaws.com"])
def test_awss_own_sts_refuses_another_servers_role(arn: str, endpoint: str) -> None:
    told = explained(role_arn=arn, policy=policy(), sts_endpoint=endpoint)
    assert (told.aws_code, causes(told)[:1]) == ("ValidationError", ["not-a-role-arn"])
    assert "--endpoint-url-sts" in finding("not-a-role-arn", told.findings).message


@pytest.mark.parametrize("audience", ["sts.amazonaws.com.cn", "sts.amazonaws.com ", "https://sts.amazonaws.com"])
def test_nobody_is_told_to_write_a_misspelt_audience_into_the_policy(audience: str) -> None:
    told = explained(token=token(aud=[audience]), client_ids=(audience,))
    assert finding("audience-differs", told.findings).fix == "Project the token with audience sts.amazonaws.com."


def test_a_variable_that_has_a_value_is_not_said_to_have_none() -> None:
    told = explained(policy=policy(statement(Condition=equals(subject="${sts:RoleSessionName}"))))
    assert causes(told) == ["subject-differs"]


def test_a_variable_without_a_value_is_named_alone() -> None:
    told = explained(policy=policy(statement(Condition=equals(subject="${sts:RoleSessionName}${aws:username}"))))
    assert "no aws:username, so" in finding("variable-without-value", told.findings).message


def test_a_variable_in_a_policy_of_the_old_version_lacks_the_version_and_no_value() -> None:
    old = json.loads(policy(statement(Condition=equals(subject=f"${{{CLUSTER}:sub}}")))) | {"Version": "2008-10-17"}
    assert causes(explained(policy=json.dumps(old))) == ["variables-need-version"]


def test_an_account_with_a_digit_too_few_is_a_mistake_and_no_other_servers() -> None:
    told = explained(role_arn="arn:aws:iam::11112222333:role/api")
    assert "not-a-role-arn" in [found.code for found in told.findings]


@pytest.mark.parametrize("name", ["HS256", "none", "PS256", "EdDSA"])
def test_algorithms_that_sts_does_not_take_are_named(name: str) -> None:
    _, _, rest = token().partition(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": name}).encode()).decode().rstrip("=")

    told = explained(token=f"{header}.{rest}")

    assert (told.aws_code, causes(told)) == ("InvalidIdentityToken", ["algorithm-refused"])
    assert name in finding("algorithm-refused", told.findings).message


@pytest.mark.parametrize("text", ["", "opaque", "a.b", "a.b.c", "..", "a.b.c.d.e", "e30.e30.", "W10.e30.x", "é.é.é"])
def test_what_is_no_jwt_is_said_to_be_none(text: str) -> None:
    told = explained(token=text)

    assert (told.verdict.value, causes(told)) == ("invalid-token", ["not-a-jwt"])


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_breaks_it(token_text: str, policy_text: str) -> None:
    broken = replace(asked(), token=token_text, policy="x" + policy_text)

    assert explain(broken).verdict.value == "invalid-policy"


@given(st.text(max_size=200) | st.text(alphabet='{}[]":,eyAssumeRolePolicyDocument \n', max_size=80))
def test_in_any_text_a_policy_is_found_or_not(content: str) -> None:
    with contextlib.suppress(NotAPolicy):
        policy_text(content)


claim_names = st.sampled_from(["iss", "sub", "aud", "iat", "exp", "nbf", "azp", "kubernetes.io"])
claim_values = st.one_of(
    st.none(),
    st.integers(),
    st.text(),
    st.booleans(),
    st.floats(),
    st.lists(st.text() | st.none()),
    st.just({"pod": 1}),
)


@given(st.dictionaries(claim_names, claim_values))
def test_no_claim_breaks_it(claims: dict[str, object]) -> None:
    told = explained(token=token(**claims))

    assert told.verdict.value in {"allow", "deny", "invalid-token"}


# --- STS's own words -------------------------------------------------------------------------------------------


def test_what_sts_said_decides_the_verdict_though_nothing_is_wrong_here() -> None:
    told = explained(sts_message=f"An error occurred (AccessDenied) when calling …: {DENIAL}")

    assert (told.verdict.value, told.aws_code, causes(told)) == ("deny", "AccessDenied", ["denied-out-of-sight"])


def test_a_denial_that_can_be_explained_here_needs_nothing_out_of_sight() -> None:
    wrong = policy(statement(Condition=equals("system:serviceaccount:payment:api")))

    assert causes(explained(sts_message=DENIAL, policy=wrong)) == ["subject-differs"]


def test_stss_clock_is_read_from_its_message() -> None:
    then, expired = int(NOW) + 500, int(NOW)

    told = explained(
        sts_message=f"Token expired: current date/time {then} must be before the expiration date/time{expired}"
    )

    assert told.aws_code == "ExpiredTokenException"
    assert "+500 s" in finding("sts-clock", told.findings).message


def test_an_answer_of_sts_that_is_not_known_never_ends_in_allow() -> None:
    told = explained(sts_message="the dog ate it")

    assert (told.verdict.value, told.aws_code, causes(told)) == ("deny", "", ["saying-unknown"])


def test_an_answer_in_unknown_words_is_known_by_its_code() -> None:
    told = explained(sts_message="An error occurred (IDPCommunicationError) when calling AssumeRoleWithWebIdentity: x")

    assert (told.aws_code, causes(told)) == ("IDPCommunicationError", ["key-not-found"])


@pytest.mark.parametrize(
    ("sts_message", "aws_code", "code"),
    [
        ("No OpenIDConnect provider found in your account for https://x", "InvalidIdentityToken", "no-provider"),
        ("Incorrect token audience", "InvalidIdentityToken", "client-id-missing"),
        (
            "Couldn't retrieve verification key from your identity provider,  please",
            "InvalidIdentityToken",
            "key-not-found",
        ),
        ("Missing a required claim: aud", "InvalidIdentityToken", "claim-missing"),
        ("The ID Token provided is not a valid JWT. (You may", "InvalidIdentityToken", "not-a-jwt"),
        ("Token audience contains more than one audience while", "InvalidIdentityToken", "several-audiences"),
        ("Token too old: 441398", "ExpiredTokenException", "token-too-old"),
        ("The requested DurationSeconds exceeds the MaxSessionDuration set", "ValidationError", "duration-too-long"),
        ("Request ARN is invalid", "ValidationError", "not-a-role-arn"),
        ("Rate exceeded", "Throttling", "throttled"),
    ],
)
def test_each_known_answer_of_sts_has_a_name(sts_message: str, aws_code: str, code: str) -> None:
    told = explained(sts_message=sts_message)

    assert (told.aws_code, causes(told)) == (aws_code, [code])


# --- which was meant -------------------------------------------------------------------------------------------


@given(st.text(max_size=12), st.text(max_size=12))
def test_a_distance_is_symmetric_and_zero_only_between_equals(left: str, right: str) -> None:
    assert distance(left, right) == distance(right, left)
    assert (distance(left, right) == 0) == (left == right)
    assert distance(left, right) <= max(len(left), len(right))


@pytest.mark.parametrize(("left", "right", "apart"), [("payments", "payment", 1), ("api", "app", 1), ("", "abc", 3)])
def test_a_distance_counts_letters(left: str, right: str, apart: int) -> None:
    assert distance(left, right) == apart


def test_the_nearest_is_the_one_with_the_fewest_changes() -> None:
    assert nearest(["payment:api", "web:front", "payments:app-v2"], "payments:api") == "payment:api"


@pytest.mark.parametrize(
    ("wanted", "clause"),
    [
        ("system:serviceaccount:payments:app", "the service account differs: api, not app"),
        ("system:serviceaccount:web:app", "the namespace differs: payments, not web and the service account differs"),
        (f" {SUBJECT}", "white space"),
        (SUBJECT.upper(), "only the case differs"),
        ("payments:api", ""),
    ],
)
def test_what_differs_is_said_in_words(wanted: str, clause: str) -> None:
    assert clause in difference(SUBJECT, wanted)
