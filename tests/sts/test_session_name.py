"""The name that CloudTrail shows: always acceptable to STS, never two pods under one."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sidecar.core.claims import Claims
from sidecar.sts.session_name import session_name_for

ACCEPTED_BY_STS = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
pod_names = st.lists(labels, min_size=1, max_size=4).map(".".join)
identities = st.tuples(labels, pod_names)


def name_of(namespace: str, pod: str) -> str:
    return session_name_for(Claims(namespace=namespace, pod=pod))


def test_names_the_pod_readably() -> None:
    assert name_of("shop", "checkout-7c5d8bf9-x2x8q") == "shop.checkout-7c5d8bf9-x2x8q"


@pytest.mark.parametrize(("length", "kept"), [(64, True), (65, False)])
def test_sixty_four_characters_stay_whole(length: int, kept: bool) -> None:
    whole = "shop." + "p" * (length - 5)
    name = name_of("shop", "p" * (length - 5))
    assert (name == whole) is kept
    assert len(name) == 64


def test_a_long_name_keeps_its_head() -> None:
    assert name_of("shop", "p" * 253).startswith("shop.ppppp")


def test_a_name_that_does_not_fit_stays_the_same_from_release_to_release() -> None:
    assert name_of("shop", "p" * 100) == f"shop.{'p' * 48}-01d6f1c4d1"


def test_pods_of_one_deployment_differ_though_only_their_ends_do() -> None:
    prefix = "a-very-long-deployment-name-that-fills-the-whole-space-and-more-5d4f7c-"
    assert name_of("shop", prefix + "aaaaa") != name_of("shop", prefix + "aaaab")


def test_a_token_without_a_pod_is_named_for_its_subject() -> None:
    name = session_name_for(Claims(subject="system:serviceaccount:shop:checkout"))
    assert name.startswith("system-serviceaccount-shop-checkout-")


def test_subjects_that_only_differ_in_foreign_characters_stay_two() -> None:
    assert session_name_for(Claims(subject="a:b")) != session_name_for(Claims(subject="a/b"))


def test_a_token_that_says_nothing_gets_our_own_name() -> None:
    assert session_name_for(Claims()) == "irsa-sidecar"


def test_a_name_of_one_letter_is_too_short_for_sts_and_is_lengthened() -> None:
    assert ACCEPTED_BY_STS.fullmatch(session_name_for(Claims(subject="x")))


anything = st.text(max_size=300) | st.text(st.characters(categories=["Cs"]), max_size=3)


@given(anything, anything, anything)
def test_whatever_the_claims_the_name_is_acceptable(namespace: str, pod: str, subject: str) -> None:
    name = session_name_for(Claims(namespace=namespace, pod=pod, subject=subject))
    assert ACCEPTED_BY_STS.fullmatch(name)


@given(identities, identities)
def test_two_pods_never_share_a_name(one: tuple[str, str], other: tuple[str, str]) -> None:
    assume(one != other)
    assert name_of(*one) != name_of(*other)


@given(labels, st.integers(0, 9999), st.integers(0, 9999))
def test_two_pods_of_a_set_never_share_a_name(namespace: str, one: int, other: int) -> None:
    assume(one != other)
    head = "database-of-the-order-history-service-in-the-second-region"
    assert name_of(namespace, f"{head}-{one}") != name_of(namespace, f"{head}-{other}")


@given(identities)
def test_a_pod_keeps_its_name(identity: tuple[str, str]) -> None:
    assert name_of(*identity) == name_of(*identity)
