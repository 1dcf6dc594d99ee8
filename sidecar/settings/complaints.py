"""What can be wrong with settings: which one, with what value, and what is allowed instead."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Complaint:
    """One mistake. As text it is one line that names the setting, its value and what is allowed."""

    setting: str
    """The variable of the setting, by whatever name it was given."""
    problem: str
    """What is wrong and what is allowed: the rest of a sentence that begins with the value."""
    given_by: str = ""
    """The flag or alias that the operator used, if it was not the variable."""
    value: str = ""
    """The value as it may be shown."""

    def __str__(self) -> str:
        return f"{self.given_by or self.setting}: {self.value}{' ' * bool(self.value)}{self.problem}"


class Refused(Exception):
    """A setting without a usable value."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(str(complaint))
        self.complaint = complaint


@contextmanager
def gathered(complaints: list[Complaint]) -> Iterator[None]:
    """A refusal inside the block ends the block, and becomes one more of the complaints."""
    try:
        yield
    except Refused as refused:
        complaints.append(refused.complaint)
