"""What can be wrong with a setting: which one, with what value, and what is allowed instead."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sidecar.terminal.harmless import harmless

LONGEST_COMPLAINT = 2000
"""Characters. It quotes what others wrote, and goes to logs, pages and terminals."""
MOST_TOLD = 20
"""Complaints in one line of the log."""


class BadSetting(ValueError):
    """One mistake. As text it is one line that names the setting, its value and what is allowed.

    `setting`: its variable. `problem`: the rest of a sentence that begins with the value. `given_by`: the flag or alias
    that the operator used, if it was not the variable. `value`: the value as it may be shown.
    """

    def __init__(self, setting: str, problem: str, *, given_by: str = "", value: str = "") -> None:
        super().__init__(_line(f"{given_by or setting}: {f'{value} {problem}' if value else problem}"))
        self.setting = setting
        self.problem = problem
        self.given_by = given_by
        self.value = value


class BadConfig(Exception):
    """Settings that the sidecar cannot run with. One complaint a line: setting, value, what is allowed."""

    def __init__(self, complaints: Sequence[BadSetting]) -> None:
        super().__init__("\n".join(map(str, complaints)))
        self.complaints = tuple(complaints)

    @property
    def told(self) -> str:
        """The first of them, in one line."""
        more = len(self.complaints) - MOST_TOLD
        shown = "; ".join(map(str, self.complaints[:MOST_TOLD]))
        return f"{shown}; and {more} more" if more > 0 else shown


def _line(text: str) -> str:
    """Without its middle where it is long: the place stands at the beginning, what is allowed at the end."""
    half = LONGEST_COMPLAINT // 2
    return harmless(text if len(text) <= LONGEST_COMPLAINT else f"{text[:half]} … {text[-half:]}")


@contextmanager
def gathered(complaints: list[BadSetting]) -> Iterator[None]:
    """A `BadSetting` inside the block ends the block, and becomes one more of the complaints."""
    try:
        yield
    except BadSetting as complaint:
        complaints.append(complaint)
