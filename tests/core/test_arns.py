"""A role's ARN: taken apart, put together again, and refused with a hint where it is something else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.arns import RoleArn, account_of

NAMES = st.text("abcXYZ019_+=,.@-", min_size=1)
PATHS = st.lists(NAMES).map(lambda parts: "".join(f"/{part}" for part in parts) + "/")


@given(PATHS, NAMES)
def test_an_arn_is_taken_apart_and_given_back(path: str, name: str) -> None:
    text = f"arn:aws-cn:iam::111122223333:role{path}{name}"
    role = RoleArn.parse(text)
    assert (role.partition, role.account, role.path, role.name) == ("aws-cn", "111122223333", path, name)
    assert str(role) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "checkout",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:role/path/",
        "arn:aws:iam::11112222333:role/a",
        "arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:role/a",
        "arn:aws:iam::111122223333:role/a\n",
        "arn:aws:iam::111122223333:role/naïve",
        "arn:aws:iam::111122223333:user/a",
        "arn:gcp:iam::111122223333:role/a",
    ],
)
def test_what_names_no_role_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"role/<path and name> is allowed$"):
        RoleArn.parse(text)


@pytest.mark.parametrize(
    ("text", "account", "name"),
    [
        ("arn:minio:iam:::role/nOybJqMNzNmroqEKq5D0EUsRZw0", "", "nOybJqMNzNmroqEKq5D0EUsRZw0"),
        ("arn:aws:iam:::role/S3Access", "", "S3Access"),
        ("arn:aws:iam::RGW11111111111111111:role/team/app", "RGW11111111111111111", "app"),
        ("arn:aws:iam::role/App", "", "App"),
        ("arn:aws:iam::111122223333:role/app", "111122223333", "app"),
        ("arn:aws:iam::1111222233334:role/app", "1111222233334", "app"),
    ],
)
def test_other_servers_write_a_roles_arn_otherwise(text: str, account: str, name: str) -> None:
    role = RoleArn.parse_any(text)
    assert (str(role), role.account, role.name) == (text, account, name)
    assert role.is_in_aws_form is (account == "111122223333")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "role/a",
        "arn:role/a",
        "arn:aws:iam:::role/",
        "arn:aws:iam:::user/a",
        "arn:aws:iam:::role/a b",
        "arn:a:b:c:d",
    ],
)
def test_no_servers_role_has_less_than_a_prefix_and_a_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not the ARN of an IAM role"):
        RoleArn.parse_any(text)


def test_an_arn_longer_than_sts_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="is not the ARN of an IAM role"):
        RoleArn.parse_any("arn:minio:iam:::role/" + "a" * 2048)


def test_a_session_of_a_role_without_account_is_recognised() -> None:
    assert RoleArn.parse_any("arn:aws:iam:::role/S3Access").has_session("arn:aws:sts:::assumed-role/S3Access/pod")
    assert RoleArn.parse_any("arn:aws:iam::role/App").has_session("arn:aws:sts::assumed-role/App/pod")
    assert RoleArn.parse("arn:aws:iam::111122223333:role/App").has_session("arn:aws:sts::assumed-role/App/pod")


@pytest.mark.parametrize(
    ("arn", "hint"),
    [
        ("arn:aws:iam::111122223333:instance-profile/a", "this is an instance profile's ARN: use the ARN of its role"),
        ("arn:aws:sts::111122223333:assumed-role/a/b", "this is a session's ARN: use the ARN of its role"),
    ],
)
def test_an_arn_that_is_often_taken_for_a_roles_gets_a_hint(arn: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        RoleArn.parse(arn)


@pytest.mark.parametrize(
    ("session", "is_ours"),
    [
        ("arn:aws:sts::111122223333:assumed-role/checkout/pod", True),
        ("arn:aws:sts::111122223333:assumed-role/checkout-2/pod", False),
        ("arn:aws:sts::111122223333:assumed-role/shop/checkout", False),
        ("arn:aws:sts::444455556666:assumed-role/checkout/pod", False),
        ("arn:aws:iam::111122223333:user/checkout", False),
        ("", False),
    ],
)
def test_a_session_has_the_roles_account_and_name_and_not_its_path(session: str, is_ours: bool) -> None:
    assert RoleArn.parse("arn:aws:iam::111122223333:role/shop/checkout").has_session(session) is is_ours


@pytest.mark.parametrize(
    ("arn", "account"),
    [
        ("arn:aws:sts::111122223333:assumed-role/checkout/pod", "111122223333"),
        ("arn:aws:iam::111122223333:root", "111122223333"),
        ("arn:aws:s3:::bucket", ""),
        ("arn:aws:sts::assumed-role/App/pod", ""),
        ("checkout", ""),
        ("", ""),
    ],
)
def test_the_account_of_any_arn(arn: str, account: str) -> None:
    assert account_of(arn) == account


@pytest.mark.parametrize(
    ("role", "session", "its_own"),
    [
        ("arn:aws:iam:::role/team/a/app", "arn:aws:sts:::assumed-role/team/a/app/ns.pod", True),  # Ceph keeps the path
        ("arn:aws:iam::111122223333:role/team/app", "arn:aws:sts::111122223333:assumed-role/app/ns.pod", True),
        ("arn:aws:iam:::role/team/a/app", "arn:aws:sts:::assumed-role/team/b/app/ns.pod", False),
        ("arn:aws:iam:::role/app", "arn:aws:sts:::assumed-role/team/a/app/ns.pod", False),
    ],
)
def test_a_session_may_keep_its_roles_path_but_no_other(role: str, session: str, its_own: bool) -> None:
    assert RoleArn.parse_any(role).has_session(session) is its_own
