"""One link of a chain: which of the two sides must allow what, and which one refuses."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import trust
from sidecar.trust import ASSUME_ROLE, SET_SOURCE_IDENTITY, TAG_SESSION, Permissions, SessionTags, Side

BASE = "arn:aws:iam::111122223333:role/base"
SESSION = "arn:aws:sts::111122223333:assumed-role/base/pod"
AT_HOME = "arn:aws:iam::111122223333:role/other"
ABROAD = "arn:aws:iam::444455556666:role/partner"
ROOT = "arn:aws:iam::111122223333:root"
ALL = (ASSUME_ROLE, TAG_SESSION, SET_SOURCE_IDENTITY)
NO_TAGS = SessionTags()


def policy_of(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trusts(principal: str = BASE, actions: Sequence[str] = (ASSUME_ROLE,), **more: Any) -> trust.TrustPolicy:
    found = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions)}
    return trust.parse(policy_of(found | more))


def may(target: str, actions: Sequence[str] = (ASSUME_ROLE,), effect: str = "Allow") -> trust.IdentityPolicy:
    return trust.parse_identity(policy_of({"Effect": effect, "Action": list(actions), "Resource": target}))


def judged(
    target: str,
    policy: trust.TrustPolicy,
    *policies: trust.IdentityPolicy,
    session_policy: trust.IdentityPolicy | None = None,
    sent: SessionTags = NO_TAGS,
    inherited: SessionTags = NO_TAGS,
    source_identity: str = "",
    **request: Any,
) -> trust.ChainEvaluation:
    asked = trust.role_session(
        BASE, SESSION, sent=sent, inherited=inherited, source_identity=source_identity, **request
    )
    actions = trust.chained_actions(sent, inherited, source_identity)
    return trust.evaluate_chain(target, policy, Permissions(policies, session_policy), asked, actions)


def refused_by(found: trust.ChainEvaluation) -> tuple[str, Side | None]:
    assert found.refused is not None
    assert not found.allowed
    return found.refused.action, found.refused.refused_by


@pytest.mark.parametrize("principal", [BASE, SESSION])
def test_at_home_it_is_enough_that_the_trust_policy_names_the_role_or_its_session(principal: str) -> None:
    assert judged(AT_HOME, trusts(principal)).allowed


@pytest.mark.parametrize("principal", [ROOT, "111122223333", "*"])
def test_at_home_a_trust_policy_that_names_the_account_leaves_it_to_the_base_roles_policies(principal: str) -> None:
    assert refused_by(judged(AT_HOME, trusts(principal))) == (ASSUME_ROLE, Side.IDENTITY)
    assert judged(AT_HOME, trusts(principal), may(AT_HOME)).allowed


@pytest.mark.parametrize("principal", [BASE, SESSION, ROOT, "*"])
def test_abroad_both_sides_must_allow_it(principal: str) -> None:
    assert judged(ABROAD, trusts(principal), may(ABROAD)).allowed
    assert refused_by(judged(ABROAD, trusts(principal))) == (ASSUME_ROLE, Side.IDENTITY)
    assert refused_by(judged(ABROAD, trusts("arn:aws:iam::1:role/x"), may(ABROAD))) == (ASSUME_ROLE, Side.TRUST)


def test_a_deny_on_either_side_wins_at_home_too() -> None:
    assert refused_by(judged(AT_HOME, trusts(), may("*", effect="Deny"))) == (ASSUME_ROLE, Side.IDENTITY)


def test_a_session_policy_only_takes_away() -> None:
    other = may(AT_HOME)
    assert refused_by(judged(ABROAD, trusts(), may(ABROAD), session_policy=other)) == (ASSUME_ROLE, Side.SESSION)
    assert refused_by(judged(ABROAD, trusts(), session_policy=may(ABROAD))) == (ASSUME_ROLE, Side.IDENTITY)
    assert judged(ABROAD, trusts(), may("*"), session_policy=may(ABROAD)).allowed


@pytest.mark.parametrize(
    "given", [{"sent": SessionTags({"team": "a"})}, {"inherited": SessionTags({"t": "a"}, ("t",))}]
)
def test_tags_that_are_sent_or_go_on_need_tag_session_on_both_sides(given: dict[str, Any]) -> None:
    both = (ASSUME_ROLE, TAG_SESSION)
    assert refused_by(judged(ABROAD, trusts(), may(ABROAD, both), **given)) == (TAG_SESSION, Side.TRUST)
    assert refused_by(judged(ABROAD, trusts(actions=both), may(ABROAD), **given)) == (TAG_SESSION, Side.IDENTITY)
    assert judged(ABROAD, trusts(actions=both), may(ABROAD, both), **given).allowed


def test_tags_that_end_with_the_callers_session_need_nothing() -> None:
    assert judged(ABROAD, trusts(), may(ABROAD), inherited=SessionTags({"team": "a"})).allowed


def test_a_source_identity_needs_its_own_action_on_both_sides() -> None:
    both = (ASSUME_ROLE, SET_SOURCE_IDENTITY)
    found = judged(ABROAD, trusts(), may(ABROAD, both), source_identity="pod")
    assert refused_by(found) == (SET_SOURCE_IDENTITY, Side.TRUST)
    assert judged(ABROAD, trusts(actions=both), may(ABROAD, both), source_identity="pod").allowed


def test_an_external_id_that_is_not_sent_is_named() -> None:
    policy = trusts(Condition={"StringEquals": {"sts:ExternalId": "42"}})
    assert judged(ABROAD, policy, may(ABROAD), external_id="42").allowed
    found = judged(ABROAD, policy, may(ABROAD))
    assert found.refused is not None
    assert "sts:ExternalId expects '42', the request has no value" in found.refused.reason


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:PrincipalArn", BASE),
        ("aws:PrincipalAccount", "111122223333"),
        ("aws:PrincipalTag/namespace", "shop"),
        ("aws:RequestTag/team", "a"),
        ("aws:TagKeys", "team"),
        ("sts:TransitiveTagKeys", "team"),
        ("sts:SourceIdentity", "pod"),
        ("sts:RoleSessionName", "s2"),
    ],
)
def test_these_keys_are_in_the_call(key: str, value: str) -> None:
    """Each action is a statement of its own, as some keys are of the call itself alone."""
    conditional = {
        "Effect": "Allow",
        "Principal": {"AWS": BASE},
        "Action": ASSUME_ROLE,
        "Condition": {"StringEquals": {key: value}},
    }
    free = {"Effect": "Allow", "Principal": {"AWS": BASE}, "Action": [TAG_SESSION, SET_SOURCE_IDENTITY]}
    policy = trust.parse(policy_of(conditional, free))
    found = judged(
        ABROAD,
        policy,
        may("*", ALL),
        sent=SessionTags({"team": "a"}, ("team",)),
        inherited=SessionTags({"namespace": "shop"}, ("namespace",)),
        source_identity="pod",
        session_name="s2",
    )
    assert found.allowed


@pytest.mark.parametrize(
    ("key", "value", "refused"),
    [("sts:RoleSessionName", "s2", TAG_SESSION), ("aws:RequestTag/team", "a", SET_SOURCE_IDENTITY)],
)
def test_a_condition_on_a_key_of_the_call_itself_does_not_hold_for_its_other_actions(
    key: str, value: str, refused: str
) -> None:
    policy = trusts(actions=ALL, Condition={"StringEquals": {key: value}})
    found = judged(
        *(ABROAD, policy, may("*", ALL)),
        sent=SessionTags({"team": "a"}),
        source_identity="pod",
        session_name="s2",
    )
    assert refused_by(found) == (refused, Side.TRUST)


SIDES = st.lists(st.sampled_from(ALL), unique=True, min_size=1)


@given(SIDES, SIDES, st.booleans(), st.booleans(), st.sampled_from([BASE, ROOT]))
def test_abroad_an_allow_is_always_on_both_sides(
    trusted: list[str], allowed: list[str], tags: bool, identity: bool, principal: str
) -> None:
    found = judged(
        ABROAD,
        trusts(principal, trusted),
        may(ABROAD, allowed),
        sent=SessionTags({"team": "a"}) if tags else NO_TAGS,
        source_identity="pod" if identity else "",
    )
    needed = {ASSUME_ROLE} | ({TAG_SESSION} if tags else set()) | ({SET_SOURCE_IDENTITY} if identity else set())
    assert found.allowed is (needed <= {*trusted} & {*allowed})
