"""Finds which items of a list stayed, though they may have changed inside, and where items were added."""

from typing import Any


def aligned(before: list[Any], wanted: list[Any]) -> tuple[dict[int, Any], list[tuple[int, Any]]]:
    """What each kept item becomes (by index), and what is added after which index. Lists grow or shrink, not both."""
    if len(before) == len(wanted):
        return dict(enumerate(wanted)), []
    longer, shorter = (wanted, before) if len(wanted) > len(before) else (before, wanted)
    met: dict[int, int] = {}
    other = []
    for index, data in enumerate(longer):
        if len(met) < len(shorter) and _alike(data, shorter[len(met)]):
            met[index] = len(met)
        else:
            other.append((len(met) - 1, data))
    if longer is wanted:
        return {there: wanted[index] for index, there in met.items()}, other
    return {index: wanted[there] for index, there in met.items()}, []


def _alike(one: Any, other: Any) -> bool:
    """The same item, which may have changed inside; a mount has its volume's name and is always whole."""
    if one == other:
        return True
    if not isinstance(one, dict) or not isinstance(other, dict) or "mountPath" in one:
        return False
    return "name" in one and one["name"] == other.get("name")
