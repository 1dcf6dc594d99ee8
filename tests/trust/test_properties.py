"""Laws of evaluation that hold for every policy and every token."""

import contextlib
import json
import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from sidecar import trust
from sidecar.trust import Decision
from sidecar.trust.patterns import as_text, compile_glob, expand, glob
from tests.trust.test_evaluate import AMR, API, ARN, AUD, OTHER, SUB, deny, judge, policy, statement, token

TEXT = st.text(alphabet="abAB*?:${}", min_size=1, max_size=8)
PLAIN = st.text(alphabet="abAB:/", min_size=1, max_size=8)
GLOBS = st.text(alphabet="ab*?", max_size=10)
KEYS = st.sampled_from([SUB, AUD, AMR, f"{OTHER}:sub"])
OPERATORS = st.sampled_from(
    [
        set_operator + name + if_exists
        for name in ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase")
        for set_operator in ("", "ForAnyValue:", "ForAllValues:")
        for if_exists in ("", "IfExists")
    ]
)
VALUES = st.lists(st.sampled_from([API, "sts.amazonaws.com", "system:*", "x", "*"]), min_size=1, max_size=3)
CONDITIONS = st.dictionaries(OPERATORS, st.dictionaries(KEYS, VALUES, max_size=2), max_size=2)
STATEMENTS = st.builds(
    lambda condition, effect, action, principal: statement(
        condition, Effect=effect, Action=action, Principal=principal
    ),
    CONDITIONS,
    st.sampled_from(["Allow", "Deny"]),
    st.sampled_from(["sts:AssumeRoleWithWebIdentity", "sts:*", "sts:AssumeRole", "s3:*"]),
    st.sampled_from([{"Federated": ARN}, {"Federated": ARN + "x"}, {"AWS": "111122223333"}, "*"]),
)
POLICIES = st.lists(STATEMENTS, min_size=1, max_size=4)
TOKENS = st.builds(
    lambda sub, aud, amr: token(sub=sub, aud=aud, amr=amr),
    st.sampled_from([API, "x", "system:serviceaccount:a:b"]),
    st.sampled_from([["sts.amazonaws.com"], "x"]),
    st.sampled_from([None, [], ["x"], ["x", "y"]]),
)


@given(POLICIES, STATEMENTS, TOKENS)
def test_adding_a_deny_never_lets_anyone_in(
    statements: list[Any], added: dict[str, Any], claims: dict[str, Any]
) -> None:
    before = judge(policy(*statements), claims)
    after = judge(policy(*statements, {**added, "Effect": "Deny"}), claims)
    assert before.allowed or not after.allowed


@given(POLICIES, STATEMENTS, TOKENS)
def test_adding_an_allow_never_shuts_anyone_out(
    statements: list[Any], added: dict[str, Any], claims: dict[str, Any]
) -> None:
    before = judge(policy(*statements), claims)
    after = judge(policy(*statements, {**added, "Effect": "Allow"}), claims)
    assert after.allowed or not before.allowed


@given(POLICIES, TOKENS)
def test_a_deny_without_condition_wins_over_everything(statements: list[Any], claims: dict[str, Any]) -> None:
    assert judge(policy(*statements, deny()), claims).decision is Decision.EXPLICIT_DENY


@given(POLICIES, TOKENS, st.randoms())
def test_the_order_of_statements_decides_nothing(statements: list[Any], claims: dict[str, Any], random: Any) -> None:
    shuffled = random.sample(statements, len(statements))
    assert judge(policy(*statements), claims).decision is judge(policy(*shuffled), claims).decision


@given(POLICIES, TOKENS)
def test_the_reasons_agree_with_the_outcome(statements: list[Any], claims: dict[str, Any]) -> None:
    verdict = judge(policy(*statements), claims)
    applying = {result.statement.effect.value for result in verdict.statements if result.applies}
    expected = Decision.EXPLICIT_DENY if "Deny" in applying else Decision.ALLOW if applying else Decision.IMPLICIT_DENY
    assert verdict.decision is expected
    assert (verdict.decided_by is None) == (expected is Decision.IMPLICIT_DENY)
    assert verdict.reason


@given(PLAIN, PLAIN)
@example("a", "A")
def test_string_equals_holds_exactly_for_equal_text(wanted: str, actual: str) -> None:
    verdict = judge(policy(statement({"StringEquals": {SUB: wanted}})), token(sub=actual))
    assert verdict.allowed == (wanted == actual)


@given(OPERATORS, KEYS, VALUES, TOKENS)
def test_a_negated_operator_is_the_opposite_without_set_operators(
    operator: str, key: str, values: list[str], claims: dict[str, Any]
) -> None:
    """For single values or none: with several, or with IfExists, both may hold."""
    if (
        "For" in operator
        or operator.endswith("IfExists")
        or "Not" in operator
        or "IgnoreCase" in operator
        or key == AMR
    ):
        return
    positive = judge(policy(statement({operator: {key: values}})), claims).allowed
    negative = judge(policy(statement({operator.replace("String", "StringNot"): {key: values}})), claims).allowed
    assert positive is not negative


@given(OPERATORS, VALUES)
def test_what_a_missing_key_does_depends_on_the_operator_alone(operator: str, values: list[str]) -> None:
    allowed = judge(policy(statement({operator: {f"{OTHER}:sub": values}})), token()).allowed
    holds = operator.endswith("IfExists") or operator.startswith("ForAll")
    assert allowed == (holds or ("Not" in operator and not operator.startswith("ForAny")))


@given(GLOBS, st.text(alphabet="ab", max_size=10))
def test_a_glob_means_what_its_regular_expression_means(pattern: str, text: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(char, char) for char in pattern)
    assert glob(pattern, text) == bool(re.fullmatch(expression, text))


@given(TEXT)
def test_a_text_without_variables_expands_to_itself(text: str) -> None:
    if "${" not in text:
        assert expand(text, {}) == compile_glob(text)
        assert as_text(compile_glob(text)) == text


def test_a_pattern_of_many_stars_is_not_slow() -> None:
    assert not glob("*a" * 300, "a" * 299 + "b" * 300)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused_in_one_way(text: str) -> None:
    with contextlib.suppress(trust.MalformedPolicy):
        trust.parse(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Version", "Statement", "Effect", "Action", "Principal", "Condition", "StringLike", "Sid"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_parsed_or_refused_in_one_way(document: Any) -> None:
    try:
        found = trust.parse(json.dumps(document))
    except trust.MalformedPolicy:
        return
    trust.lint(found)
