"""Many subjects, found by an exact value or by a pattern, without a look at each of them."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable

from sidecar.trust.patterns import has_wildcard

_LAST = "\U0010ffff"


class Subjects:
    """The subjects of one cluster, sorted. What a pattern matched is remembered: many policies share theirs."""

    def __init__(self, subjects: Iterable[str]) -> None:
        self.all = tuple(sorted(subjects))
        self._known = frozenset(self.all)
        self._matched: dict[str, tuple[str, ...]] = {}

    def equal_to(self, value: str) -> tuple[str, ...]:
        return (value,) if value in self._known else ()

    def like(self, pattern: str) -> tuple[str, ...]:
        """Those that IAM's `*` and `?` let match, case-sensitively."""
        if not has_wildcard(pattern):
            return self.equal_to(pattern)
        if pattern not in self._matched:
            self._matched[pattern] = self._search(pattern)
        return self._matched[pattern]

    def _search(self, pattern: str) -> tuple[str, ...]:
        prefix = re.split(r"[*?]", pattern, maxsplit=1)[0]
        first, end = bisect_left(self.all, prefix), bisect_left(self.all, prefix + _LAST)
        return tuple(filter(matcher(pattern), self.all[first:end]))


def matcher(pattern: str) -> Callable[[str], object]:
    """Whether a text matches, as `patterns.glob` says. Atomic groups keep any number of stars linear."""
    first, *others = (re.escape(part).replace(r"\?", ".") for part in pattern.split("*"))
    if not others:
        return re.compile(first, re.DOTALL).fullmatch
    *middle, last = others
    steps = "".join(f"(?>.*?{part})" for part in middle if part)
    return re.compile(f"{first}{steps}.*{last}", re.DOTALL).fullmatch
