"""The session tags of AssumeRole: their form, and what becomes of those that the calling session has.

Limits: AWS STS API reference, AssumeRole, `Tags` and `TransitiveTagKeys`. Wordings: as reported from the field. Keys
are compared without regard to case.
"""

import re
from collections.abc import Iterator, Mapping

from sidecar.lab.aws.answers import StsRefusal, validation_error
from sidecar.lab.aws.parameters import Form, members
from sidecar.trust import SessionTags

MOST_TAGS = 50
LONGEST_KEY, LONGEST_VALUE = 128, 256
_SHAPE = "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]"
_CHARACTERS = re.compile(r"[\w\s.:/=+\-@]*")


def sent_tags(form: Form) -> SessionTags:
    """The tags of a call. Raises `StsRefusal` for tags that STS does not take."""
    keys, values = members(form, "Tags", ".Key"), members(form, "Tags", ".Value")
    found = list(_complaints(keys, values))
    if found:
        errors = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
        raise validation_error(f"{errors} detected: {'; '.join(found)}")
    tags = {key: values.get(index, "") for index, key in keys.items()}
    if len({key.casefold() for key in keys.values()}) < len(keys):
        raise _refused("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    transitive = tuple(members(form, "TransitiveTagKeys").values())
    if not _folded(transitive) <= _folded(tags):
        raise _refused("The specified transitive tag key must be included in the requested tags.")
    return SessionTags(tags, transitive)


def tags_of_the_next(sent: SessionTags, inherited: SessionTags) -> SessionTags:
    """What the new session has: its own tags and those that go on. Raises `StsRefusal` where they collide."""
    if _folded(sent.values) & _folded(inherited.transitive):
        raise _refused(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            "the calling session."
        )
    kept = {key: value for key, value in inherited.values.items() if key.casefold() in _folded(inherited.transitive)}
    return SessionTags(kept | dict(sent.values), (*inherited.transitive, *sent.transitive))


def _complaints(keys: Mapping[int, str], values: Mapping[int, str]) -> Iterator[str]:
    if len(keys) > MOST_TAGS:
        yield f"Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to {MOST_TAGS}"
    for index, key in keys.items():
        yield from _text_complaints(f"tags.{index}.member.key", key, 1, LONGEST_KEY)
        yield from _text_complaints(f"tags.{index}.member.value", values.get(index, ""), 0, LONGEST_VALUE)


def _text_complaints(name: str, value: str, least: int, most: int) -> Iterator[str]:
    failed = f"Value '{value}' at '{name}' failed to satisfy constraint: Member must"
    if not least <= len(value) <= most:
        yield f"{failed} have length between {least} and {most}"
    if not _CHARACTERS.fullmatch(value):
        yield f"{failed} satisfy regular expression pattern: {_SHAPE}"


def _folded(keys: Mapping[str, str] | tuple[str, ...]) -> set[str]:
    return {key.casefold() for key in keys}


def _refused(message: str) -> StsRefusal:
    return StsRefusal("InvalidParameterValue", message)
