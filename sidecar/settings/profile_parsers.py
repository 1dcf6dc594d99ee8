"""What the texts of a profile mean that no variable has: each function raises `ValueError` saying what is allowed.

Grammars and limits are STS's (service model 2011-06-15), so that nothing is refused only when STS is asked.
"""

import json
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sidecar.core.regular_file import read_projected
from sidecar.settings import parsers
from sidecar.sts.tag_placeholders import KNOWN_PLACEHOLDERS, unknown_placeholders

MOST_TAGS, MOST_POLICIES = 50, 10
LONGEST_POLICY = 2048
"""Characters."""
_TAG_KEY = re.compile(r"[\w \t.:/=+@-]{1,128}")
_TAG_VALUE = re.compile(r"(?:[\w \t.:/=+@-]|\{(?P<name>[^{}]*)\}){0,256}")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_SOURCE_IDENTITY = re.compile(r"(?!aws:)[\w+=,.@-]{2,64}", re.ASCII)
_POLICY_ARN = re.compile(r"arn:[\w-]+:iam::(?:aws|\d{12}):policy/[\w+=,.@/-]+", re.ASCII)


def file_that_may_come(value: str) -> Path:
    """A file's path, whether or not it is there yet. What is there and no file will never be one."""
    path = parsers.file_path(value)
    with suppress(OSError):  # not there yet, or not to be seen
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("is a directory, a pipe or a device; name a file")
    return path


def aws_switch(value: str) -> bool:
    """Only what all SDKs read the same way."""
    if value.lower() not in {"true", "false"}:
        raise ValueError("is neither true nor false")
    return value.lower() == "true"


def credential_source(value: str) -> str:
    if value == "Environment":
        raise ValueError(
            "would be static keys in variables, which this sidecar does not use; EcsContainer is allowed, or "
            "source_profile = default for the role that the variables describe"
        )
    if value == "Ec2InstanceMetadata":
        raise ValueError("would be the node's own role, which a pod should not use; EcsContainer is allowed")
    if value != "EcsContainer":
        raise ValueError("is not EcsContainer, which alone is allowed")
    return value


def external_id(value: str) -> str:
    if not _EXTERNAL_ID.fullmatch(value):
        raise ValueError("is not an external ID; use 2 to 1224 of A-Z a-z 0-9 _ + = , . @ : / -")
    return value


def source_identity(value: str) -> str:
    if not _SOURCE_IDENTITY.fullmatch(value):
        raise ValueError("is not a source identity; use 2 to 64 of A-Z a-z 0-9 _ + = , . @ - and no aws: before it")
    return value


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A session policy, and where it was read."""

    path: Path
    text: str = field(repr=False)


def policy_file(value: str) -> PolicyFile:
    path = parsers.file_path(value)
    try:
        text = read_projected(path, LONGEST_POLICY * 4 + 1).decode().strip()
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}); use a file that holds a policy") from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text; use a file that holds a policy") from None
    _check_policy(text)
    return PolicyFile(path, text)


def _check_policy(text: str) -> None:
    if len(text) > LONGEST_POLICY:
        raise ValueError(f"holds more than the {LONGEST_POLICY} characters that STS takes; shorten the policy")
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("does not hold JSON; use a file with an IAM policy") from None
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise ValueError("does not hold an IAM policy, which is an object with a Statement")


def policy_arns(value: str) -> tuple[str, ...]:
    arns = parsers.listed(value)
    if wrong := [arn for arn in arns if not _POLICY_ARN.fullmatch(arn)]:
        raise ValueError(f"has {wrong[0]!r}, which is not the ARN of a managed policy, arn:…:iam::…:policy/…")
    if len(arns) > MOST_POLICIES:
        raise ValueError(f"names {len(arns)} policies; STS takes {MOST_POLICIES}")
    return arns


def tags(value: str) -> tuple[tuple[str, str], ...]:
    """`key=value`, separated by commas."""
    texts = parsers.listed(value)
    if len(texts) > MOST_TAGS:
        raise ValueError(f"has {len(texts)} tags; STS takes {MOST_TAGS}")
    pairs = tuple(map(_tag, texts))
    keys = [key.lower() for key, _ in pairs]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise ValueError(f"has the key {twice[0]!r} twice; upper and lower case are the same to STS")
    return pairs


def _tag(pair: str) -> tuple[str, str]:
    key, equals, value = (part.strip() for part in pair.partition("="))
    if not equals or not _TAG_KEY.fullmatch(key) or key.lower().startswith("aws:"):
        raise ValueError(f"has {pair!r}; use KEY=VALUE with letters, digits, spaces and _ . : / = + - @")
    if unknown := next(unknown_placeholders(value), ""):
        raise ValueError(f"has {unknown}, which no token tells; {KNOWN_PLACEHOLDERS} are allowed")
    if not _TAG_VALUE.fullmatch(value):
        raise ValueError(f"has {value!r} for {key}; use up to 256 letters, digits, spaces and _ . : / = + - @")
    return key, value


def names(value: str) -> tuple[str, ...]:
    """Keys of tags, separated by commas."""
    return parsers.listed(value)
