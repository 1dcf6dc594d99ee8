"""The ARN of an IAM role, taken apart once: what precedes `:role`, path and name.

Grammar: IAM User Guide, "IAM identifiers". Other STS servers write their own: MinIO `arn:minio:iam:::role/…`, Ceph
`arn:aws:iam:::role/…`, SeaweedFS `arn:aws:iam::role/…`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

_NAME = r":role(?P<path>/(?:[\w/+=,.@-]+/)?)(?P<name>[\w+=,.@-]+)"
_AWS_PREFIX = re.compile(r"arn:aws[a-z0-9-]*:iam::\d{12}", re.ASCII)
_AWS_ROLE = re.compile(rf"(?P<prefix>{_AWS_PREFIX.pattern}){_NAME}", re.ASCII)
_ANY_ROLE = re.compile(rf"(?P<prefix>arn(?::[\w+=,.@/-]*){{3,4}}){_NAME}", re.ASCII)
_ACCOUNT = re.compile(r"arn:[^:]*:[^:]*:[^:]*:([^:/]*)(:.*)?", re.DOTALL)
_SESSION = re.compile(
    r"arn:(?P<partition>[^:]*):sts:[^:]*(?::(?P<account>[^:]*))?:assumed-role"
    r"(?P<path>/(?:[^:/]+/)*)(?P<name>[^:/]+)/[^:/]+",
    re.DOTALL,
)
LONGEST_ARN = 2048
"""Characters (STS service model 2011-06-15, arnType)."""


@dataclass(frozen=True, slots=True)
class RoleArn:
    """`str()` gives the ARN back, letter by letter."""

    prefix: str
    """All before `:role`: `arn:<partition>:iam::<account>` at AWS."""
    path: str
    """`/`, or `/a/b/`. It is part of the name: a role is found by neither alone."""
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the text of an ARN in AWS's form. Raises `ValueError` saying what is allowed."""
        found = _AWS_ROLE.fullmatch(text)
        if found is None:
            raise ValueError(_not_a_role(text))
        return cls(**found.groupdict())

    @classmethod
    def parse_any(cls, text: str) -> Self:
        """The same in any STS server's form: `arn:…:role/…`."""
        found = _ANY_ROLE.fullmatch(text)
        if found is None or len(text) > LONGEST_ARN:
            raise ValueError(_not_a_role(text))
        return cls(**found.groupdict())

    def __str__(self) -> str:
        return f"{self.prefix}:role{self.path}{self.name}"

    @property
    def is_in_aws_form(self) -> bool:
        return _AWS_PREFIX.fullmatch(self.prefix) is not None

    @property
    def partition(self) -> str:
        return self.prefix.split(":")[1]

    @property
    def account(self) -> str:
        """`""` where the ARN names none."""
        return account_of(self.prefix)

    def has_session(self, assumed_role_arn: str) -> bool:
        """Whether `arn:<partition>:sts::<account>:assumed-role/<name>/<session name>` is a session of this role.

        Ceph and SeaweedFS leave the account out, which contradicts none. AWS leaves the role's path out, Ceph keeps it.
        """
        found = _SESSION.fullmatch(assumed_role_arn)
        if found is None or (found["partition"], found["name"]) != (self.partition, self.name):
            return False
        if found["path"] not in {"/", self.path}:
            return False
        return found["account"] in {None, "", self.account}


def role_arn_parser(endpoint_url: str | None) -> Callable[[str], RoleArn]:
    """Which form a role's ARN must have: any server's at an STS endpoint of one's own choosing, else AWS's."""
    return RoleArn.parse_any if endpoint_url else RoleArn.parse


def role_arn_pattern(endpoint_url: str | None) -> str:
    """The same as a regular expression (RE2), without the limit of the length."""
    return f"^{(_ANY_ROLE if endpoint_url else _AWS_ROLE).pattern}$"


def account_of(arn: str) -> str:
    """The account in any ARN, `""` if there is none: for ARNs that others wrote."""
    found = _ACCOUNT.fullmatch(arn)
    return found[1] if found else ""


def _not_a_role(text: str) -> str:
    hint = "arn:<partition>:iam::<12-digit account>:role/<path and name> is allowed"
    if ":instance-profile/" in text:
        hint += "; this is an instance profile's ARN: use the ARN of its role"
    if ":assumed-role/" in text:
        hint += "; this is a session's ARN: use the ARN of its role"
    return f"is not the ARN of an IAM role; {hint}"
