"""What is a trust policy, and what IAM would not store."""

import json
from typing import Any

import pytest

from sidecar import trust
from sidecar.trust import Effect, MalformedPolicy
from tests.trust.test_evaluate import ARN, SUB, policy, statement


def refused(text: str) -> MalformedPolicy:
    with pytest.raises(MalformedPolicy) as caught:
        trust.parse(text)
    return caught.value


def test_a_statement_may_stand_without_a_list() -> None:
    found = trust.parse(json.dumps({"Statement": statement()}))
    assert (found.version, found.statements[0].effect) == ("2008-10-17", Effect.ALLOW)


def test_numbers_and_booleans_are_read_as_text() -> None:
    found = trust.parse(policy(statement({"Bool": {"aws:SecureTransport": True}, "NumericEquals": {"x": 3}})))
    assert [condition.values for condition in found.statements[0].conditions] == [("true",), ("3",)]


def test_size_is_counted_without_white_space_but_with_that_in_strings() -> None:
    compact = '{"Statement":{"Effect":"Allow","Action":"*","Principal":"*"},"Id":"a b"}'
    assert trust.parse(json.dumps(json.loads(compact), indent=8)).size == len(compact)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"Version":"2012-10-17","Version":"2012-10-17"}', "Version"),
        (policy(statement({"StringEquals": {"@": "x"}})).replace('{"@": "x"}', '{"k:sub":"a","k:sub":"b"}'), "k:sub"),
        ('{"Statement":[{"Condition":{"StringEquals":{},"StringEquals":{}}}]}', "StringEquals"),
    ],
)
def test_a_key_that_appears_twice_is_refused_by_name(text: str, key: str) -> None:
    assert f'"{key}" appears twice' in refused(text).cause


@pytest.mark.parametrize("text", ["", "{", "nonsense", "[]", '"text"', "null", "[" * 100_000])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    refused(text)


def test_broken_json_is_located() -> None:
    assert "line 2, column 1" in refused('{"Version":\n}').cause


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Effect": "allow"}, "'allow'"),
        ({"Effect": None}, "Effect is missing from statement 0"),
        ({"Action": None}, "Action is missing from statement 0"),
        ({"NotAction": "sts:*"}, "Statement 0 has both of Action and NotAction"),
        ({"Principal": None}, "Principal is missing"),
        ({"Action": []}, "Action has an empty list"),
        ({"Action": {"a": "b"}}, "Action is an object, not text"),
        ({"Principal": {}}, "Principal is empty"),
        ({"Principal": "arn:aws:iam::111122223333:root"}, "Principal is not a JSON object"),
        ({"Principal": {"Federated": ARN.replace("0123", "*")}}, "wildcard"),
        ({"Principal": {"Federated": "*"}}, "wildcard"),
        ({"Principal": {"federated": ARN}}, "Did you mean Federated?"),
        ({"Conditions": {}}, "Did you mean Condition?"),
        ({"CONDITION": {}}, "Did you mean Condition?"),
        ({"Resource": "*"}, "'Resource' is not an element"),
        ({"Condition": []}, "Condition is not a JSON object"),
        ({"Condition": {"StringEqual": {SUB: "x"}}}, "Did you mean StringEquals?"),
        ({"Condition": {"stringLike": {SUB: "x"}}}, "Did you mean StringLike?"),
        ({"Condition": {"ForSomeValues:StringLike": {SUB: "x"}}}, "not a condition operator"),
        ({"Condition": {"NullIfExists": {SUB: "true"}}}, "not a condition operator"),
        ({"Condition": {"ForAnyValue:Null": {SUB: "true"}}}, "not a condition operator"),
        ({"Condition": {"StringEquals": "x"}}, "Condition StringEquals is not a JSON object"),
        ({"Condition": {"StringEquals": {SUB: []}}}, "empty list"),
        ({"Condition": {"Bool": {SUB: "yes"}}}, "Bool cannot compare 'yes'"),
        ({"Condition": {"NumericEquals": {SUB: "one"}}}, "NumericEquals cannot compare"),
        ({"Condition": {"DateLessThan": {SUB: "tomorrow"}}}, "DateLessThan cannot compare"),
        ({"Condition": {"IpAddress": {SUB: "10.0.0.0/33"}}}, "IpAddress cannot compare"),
    ],
)
def test_a_faulty_statement_is_refused_with_the_fault_named(changes: dict[str, Any], words: str) -> None:
    assert words in str(refused(policy(statement(**changes))))


@pytest.mark.parametrize("text", ['{"Version":"2012-10-17"}', '{"Statement":[]}', '{"Statement":["x"]}'])
def test_a_policy_needs_a_statement(text: str) -> None:
    assert "tatement" in str(refused(text))


def test_an_unknown_version_or_element_is_refused() -> None:
    assert "Version" in str(refused('{"Version":"2012-10-18","Statement":[]}'))
    assert "Did you mean Statement?" in str(refused('{"statement":[]}'))


def test_a_refusal_says_where() -> None:
    assert refused(policy(statement(), statement({"Stringequals": {SUB: "x"}}))).where == (
        "Statement",
        1,
        "Condition",
        "Stringequals",
    )


def test_a_value_with_a_variable_is_left_to_the_request() -> None:
    trust.parse(policy(statement({"NumericEquals": {"x": "${y}"}})))


@pytest.mark.parametrize(("value", "words"), [(None, "is null"), ([[]], "is a list"), ([{}], "is an object")])
def test_a_value_of_another_kind_is_called_as_json_calls_it(value: object, words: str) -> None:
    assert words in refused(policy(statement({"StringEquals": {SUB: value}}))).cause


@pytest.mark.parametrize("value", ["${" * 100_000, "${" + " " * 100_000 + "}", "${a" + " " * 100_000 + ",'x}"])
def test_variables_that_are_never_closed_are_read_in_a_moment(value: str) -> None:
    found = trust.parse(json.dumps({"Version": "2012-10-17", "Statement": statement({"StringEquals": {SUB: value}})}))
    assert not trust.evaluate(found, trust.web_identity({"iss": "https://x", "sub": "y"}, ARN)).allowed
