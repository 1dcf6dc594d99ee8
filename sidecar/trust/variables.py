"""Policy variables, `${key}`: which keys a value names."""

import re
from collections.abc import Iterator

VARIABLE = re.compile(r"\$\{([^{}]*)\}")
"""No brace inside: a search that passed over them would begin anew at each, and take for ever."""
WITH_DEFAULT = re.compile(r"(?P<key>[^,]*),\s*'(?P<default>[^']*)'\s*")
ESCAPES = ("*", "?", "$")


def variables_in(value: str) -> Iterator[str]:
    """The keys that a value's variables name; not those that stand for a character."""
    if "${" not in value:
        return
    for found in VARIABLE.findall(value):
        if found not in ESCAPES:
            fallback = WITH_DEFAULT.fullmatch(found)
            yield (fallback["key"] if fallback else found).strip()
