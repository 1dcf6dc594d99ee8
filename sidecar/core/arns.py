"""The ARN of an IAM role, taken apart once: partition, account, path and name.

Grammar: IAM User Guide, "IAM identifiers".
"""

import re
from dataclasses import dataclass
from typing import Self

_ROLE = re.compile(
    r"arn:(?P<partition>aws[a-z0-9-]*):iam::(?P<account>\d{12}):role(?P<path>/(?:[\w/+=,.@-]+/)?)(?P<name>[\w+=,.@-]+)",
    re.ASCII,
)
_ACCOUNT = re.compile(r"arn:[^:]*:[^:]*:[^:]*:([^:]*)(:.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RoleArn:
    """`str()` gives the ARN back, letter by letter."""

    partition: str
    account: str
    path: str
    """`/`, or `/a/b/`. It is part of the name: a role is found by neither alone."""
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """From an ARN's text. Raises `ValueError` saying what is allowed."""
        found = _ROLE.fullmatch(text)
        if found is None:
            raise ValueError(_not_a_role(text))
        return cls(**found.groupdict())

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{self.path}{self.name}"

    def has_session(self, assumed_role_arn: str) -> bool:
        """Whether `arn:<partition>:sts::<account>:assumed-role/<name>/<session name>` is a session of this role."""
        return assumed_role_arn.startswith(f"arn:{self.partition}:sts::{self.account}:assumed-role/{self.name}/")


def account_of(arn: str) -> str:
    """The account in any ARN, `""` if there is none: for ARNs that others wrote."""
    found = _ACCOUNT.fullmatch(arn)
    return found[1] if found else ""


def _not_a_role(text: str) -> str:
    hint = "arn:<partition>:iam::<12-digit account>:role/<path and name> is allowed"
    if ":instance-profile/" in text:
        hint += "; this is an instance profile: name the role in it"
    if ":assumed-role/" in text:
        hint += "; this is a session: name the role that it came from"
    return f"is not the ARN of an IAM role; {hint}"
