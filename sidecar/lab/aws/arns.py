"""ARNs of roles and of their sessions, as the lab's IAM and STS read and write them."""

import base64
import hashlib
import re
from dataclasses import dataclass

# Role names and paths: IAM API reference, CreateRole.
_ROLE = re.compile(
    r"arn:(?P<partition>aws[a-z0-9-]*):iam::(?P<account>\d{12}):role(?P<path>/(?:[\x21-\x7e]+/)?)(?P<name>[\w+=,.@-]{1,64})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class IamRoleArn:
    """A role's ARN, taken apart. The path is part of the name: `/` or `/team/prod/`."""

    partition: str
    account: str
    path: str
    name: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{self.path}{self.name}"

    @property
    def unique_id(self) -> str:
        """AROA and 17 characters, made from the ARN. AWS gives a recreated role a new one; the lab does not."""
        digest = base64.b32encode(hashlib.sha256(str(self).encode()).digest()).decode()
        return f"AROA{digest[:17]}"

    def session(self, session_name: str) -> str:
        """The ARN of an assumed-role session: in sts, with the role's name and without its path."""
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/{self.name}/{session_name}"


def parse_role_arn(text: str) -> IamRoleArn:
    """Raises ValueError for anything but a role's ARN."""
    found = _ROLE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a role's ARN. Write arn:aws:iam::<12 digits>:role/<path and name>.")
    return IamRoleArn(**found.groupdict())
