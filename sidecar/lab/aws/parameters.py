"""The parameters of the operations, with the limits of STS's service model and the wording of its complaints."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sidecar.lab.aws.answers import validation_error

Form = Mapping[str, str]

_TEXT = "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+"
_TEXT_REAL = re.compile("[\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")


@dataclass(frozen=True, slots=True)
class TextParameter:
    """A text parameter. `shown` is how AWS's message writes the pattern; a secret value is never echoed."""

    name: str
    least: int
    most: int
    required: bool = False
    pattern: re.Pattern[str] | None = None
    shown: str = ""
    secret: bool = False

    def complaints(self, form: Form) -> Iterator[str]:
        value = form.get(self.name)
        subject = f"Value at '{_member(self.name)}'"
        if value is None:
            if self.required:
                yield f"{subject} failed to satisfy constraint: Member must not be null"
            return
        if not self.secret:
            subject = f"Value '{value}' at '{_member(self.name)}'"
        failed = f"{subject} failed to satisfy constraint: Member must"
        if len(value) < self.least:
            yield f"{failed} have length greater than or equal to {self.least}"
        if len(value) > self.most:
            yield f"{failed} have length less than or equal to {self.most}"
        if self.pattern and not self.pattern.fullmatch(value):
            yield f"{failed} satisfy regular expression pattern: {self.shown or self.pattern.pattern}"


@dataclass(frozen=True, slots=True)
class NumberParameter:
    """A whole number."""

    name: str
    least: int
    most: int

    def complaints(self, form: Form) -> Iterator[str]:
        value = form.get(self.name)
        if value is None:
            return
        failed = f"Value '{value}' at '{_member(self.name)}' failed to satisfy constraint: Member must"
        if not re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
            yield f"{failed} be a whole number"  # AWS's wording is not known
        elif int(value) < self.least:
            yield f"{failed} have value greater than or equal to {self.least}"
        elif int(value) > self.most:
            yield f"{failed} have value less than or equal to {self.most}"


_ROLE_ARN = TextParameter("RoleArn", 20, 2048, required=True, pattern=_TEXT_REAL, shown=_TEXT)
_SESSION_NAME = TextParameter("RoleSessionName", 2, 64, required=True, pattern=re.compile(r"[\w+=,.@-]*", re.ASCII))
_POLICY = TextParameter(
    "Policy", 1, 2048, pattern=re.compile("[\t\n\r\x20-\xff]+"), shown="[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+"
)
_DURATION = NumberParameter("DurationSeconds", 900, 43200)

WEB_IDENTITY_PARAMETERS = (
    _ROLE_ARN,
    _SESSION_NAME,
    TextParameter("WebIdentityToken", 4, 20000, required=True, secret=True),
    TextParameter("ProviderId", 4, 2048),
    _POLICY,
    _DURATION,
)
ASSUME_ROLE_PARAMETERS = (
    _ROLE_ARN,
    _SESSION_NAME,
    _POLICY,
    _DURATION,
    TextParameter("ExternalId", 2, 1224, pattern=re.compile(r"[\w+=,.@:\/-]*", re.ASCII)),
    TextParameter("SourceIdentity", 2, 64, pattern=re.compile(r"[\w+=,.@-]*", re.ASCII)),
)


def check(form: Form, parameters: Sequence[TextParameter | NumberParameter]) -> None:
    """Raises StsRefusal with every violated constraint, as AWS counts them."""
    found = [complaint for parameter in parameters for complaint in parameter.complaints(form)]
    if found:
        errors = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
        raise validation_error(f"{errors} detected: {'; '.join(found)}")


def duration(form: Form) -> int:
    """Seconds; an hour by default, whatever the role allows."""
    return int(form.get("DurationSeconds", 3600))


def policy_arns(form: Form) -> list[str]:
    """`PolicyArns.member.N.arn`, in the order of N."""
    return list(members(form, "PolicyArns", ".arn").values())


def members(form: Form, name: str, ending: str = "") -> dict[int, str]:
    """`name.member.N` with this ending, by N and in its order."""
    shape = re.compile(rf"{name}\.member\.(\d+){re.escape(ending)}", re.ASCII)
    found = {int(match[1]): value for field, value in form.items() if (match := shape.fullmatch(field))}
    return {index: found[index] for index in sorted(found)}


def _member(name: str) -> str:
    return name[0].lower() + name[1:]
