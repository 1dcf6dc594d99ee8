"""JSON as people write it by hand: read strictly, and what is no JSON named with its line and column."""

import json
from typing import Any

from sidecar.trust.malformed import MalformedPolicy


def decoded(text: str) -> Any:
    """The value behind a JSON text. Raises MalformedPolicy, also for a key that stands twice in one object."""
    try:
        return json.loads(text, object_pairs_hook=_without_repeated)
    except MalformedPolicy:
        raise
    except json.JSONDecodeError as error:
        what, fix, at = _mistake(text, error)
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        raise MalformedPolicy(f"The policy is not JSON: {what} at line {line}, column {column}.", fix=fix) from error
    except RecursionError as error:
        raise MalformedPolicy("The policy is nested too deeply.", fix="Remove the nesting.") from error
    except ValueError as error:  # a number of thousands of digits
        raise MalformedPolicy(f"The policy is not JSON: {error}.", fix="Write it as text.") from error


def _mistake(text: str, error: json.JSONDecodeError) -> tuple[str, str, int]:
    """What is wrong at the place of the error, what to do about it, and where it is."""
    at = len(text) - len(text[error.pos :].lstrip())
    rest, before = text[at:], text[:at].rstrip()
    if rest.startswith(("//", "/*", "#")):
        return "a comment", "Remove it: JSON has no comments.", at
    if rest[:1] in ("]", "}") and before.endswith(","):
        return "a trailing comma", "Remove the comma before the closing bracket.", len(before) - 1
    if rest.startswith(",") and rest[1:].lstrip()[:1] in ("]", "}", ""):
        return "a trailing comma", "Remove the comma before the closing bracket.", at
    if rest[:1] in ("“", "”", "„", "‘", "’", "'"):  # noqa: RUF001 (they are the point)
        return f"the quotation mark {rest[0]}", 'Write the straight quotation mark ".', at
    return error.msg, "Correct the syntax there; a JSON validator shows the place.", error.pos


def _without_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise MalformedPolicy(
                f'The key "{key}" appears twice in one JSON object; only one of them takes effect.',
                fix="Merge the two: several values of one condition key go in a list; a second statement means OR.",
            )
        found[key] = value
    return found
