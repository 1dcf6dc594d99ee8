"""A JSON text of any length, read one item at a time, as kubectl and the AWS CLI print a whole cluster or account."""

import gc
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

LARGEST_ITEM = 1 << 20
"""Characters. The API server takes objects of 1.5 MiB, IAM policies of 128 KiB."""

LARGEST_TEXT, MOST_ITEMS = 1 << 30, 1_000_000
"""Characters: a hundred thousand pods of ten kilobytes. Items: all objects of the largest clusters."""

MOST_IN_VAIN, MOST_ITEMS_IN_VAIN = 48 << 20, 200_000
"""Characters, and items, in a row in which nothing was found that is looked for."""

_COST_OF_LOOKING = 4
"""How many times as long as to read a text it takes to look through all that is in it."""

TOO_DEEP = "it is nested deeper than anything that these tools print"
_NO_SPACE = re.compile(r"[^ \t\n\r]")
_AFTER_A_VALUE = frozenset(" \t\n\r,]}")
_LONGEST_WORD = 16
"""Characters: an error this near to the end of what was read may be no error once more is read."""


class NotUsableJson(ValueError):
    """The text is no JSON, or there is more of it than anybody's clusters and accounts make. The message says which."""


class JsonItems:
    """The members of objects and lists at the top of a text, several of which may follow one another.

    Each comes as its member's name and its value; those of a list come one by one, with the list's name. Lists without
    a name have "". No more of the text is held than the largest item has. Raises `NotUsableJson` while it is iterated.
    """

    def __init__(self, pieces: Iterable[str]) -> None:
        self._text = _Text(pieces)

        self._in_vain = self._number = 0

    def found_one(self) -> None:
        """The last item is one of those that are looked for."""
        self._in_vain = 0
        self._text.found_one()

    def looked_through(self) -> None:
        """The last item was searched to its depths in vain, which takes more time than to read it."""
        self._text.looked_through()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for found in self._all():
            self._count_item()
            yield found

    def _count_item(self) -> None:
        self._in_vain += 1
        self._number += 1
        if self._number > MOST_ITEMS:
            raise NotUsableJson(f"it has more than {MOST_ITEMS} items")
        if self._in_vain > MOST_ITEMS_IN_VAIN:
            raise NotUsableJson(f"{MOST_ITEMS_IN_VAIN} items of it in a row are nothing of what is looked for")

    def _all(self) -> Iterator[tuple[str, Any]]:
        while (first := self._text.next()) != "":
            self._count_item()
            if first == "{":
                yield from self._members()
            elif first == "[":
                yield from (("", item) for item in self._items())
            else:
                raise NotUsableJson("it is not JSON")
        if not self._number:
            raise NotUsableJson("it is empty")

    def _members(self) -> Iterator[tuple[str, Any]]:
        for _ in self._separated("}"):
            name = self._text.value()
            if not isinstance(name, str) or self._text.next() != ":":
                raise self._not_json()
            self._text.skip()
            if self._text.next() == "[":
                yield from ((name, item) for item in self._items())
            else:
                yield name, self._text.value()

    def _items(self) -> Iterator[Any]:
        for _ in self._separated("]"):
            yield self._text.value()

    def _separated(self, end: str) -> Iterator[None]:
        """Once for each entry of the object or list that begins here; the caller reads the entry."""
        self._text.skip()
        if self._text.next() == end:
            self._text.skip()
            return
        while True:
            yield
            after = self._text.next()
            if after not in {end, ","}:
                raise self._not_json()
            self._text.skip()
            if after == end:
                return

    def _not_json(self) -> NotUsableJson:
        """What is wrong with what comes next, if anything does."""
        return NotUsableJson("it is not JSON" if self._text.next() else "its end is missing")


class _Text:
    """The text from here on: `_ahead` has been read, and the next character is at `_at`."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = iter(pieces)
        self._decoder = json.JSONDecoder()
        self._ahead, self._at = "", 0
        self._read = self._last_found = self._length = self._looked_through = 0

    def found_one(self) -> None:
        self._last_found, self._looked_through = self._read, 0

    def looked_through(self) -> None:
        self._looked_through += self._length

    def next(self) -> str:
        """The next character that is no white space, "" at the end."""
        while not (found := _NO_SPACE.search(self._ahead, self._at)):
            self._at = len(self._ahead)
            if not self._read_more():
                return ""
        self._at = found.start()
        return found[0]

    def skip(self) -> None:
        """The character that `next` told."""
        self._at += 1

    def value(self) -> Any:
        """The value that begins here, whole."""
        self.next()
        found, end = self._decoded()
        while not self._is_whole(found, end):
            at_end = not self._read_more()
            found, end = self._decoded()
            if at_end:
                break
        if end is None:
            raise NotUsableJson("it is not JSON, or its end is missing")
        self._at, self._length = end, end - self._at
        return found

    def _decoded(self) -> tuple[Any, int | None]:
        """The value and where it ends; None as long as more of the text may make one of it."""
        try:
            with _no_garbage():
                return self._decoder.raw_decode(self._ahead, self._at)
        except json.JSONDecodeError as problem:
            unfinished = problem.pos + _LONGEST_WORD >= len(self._ahead) or problem.msg.startswith("Unterminated")
            if unfinished:
                return None, None
            raise NotUsableJson("it is not JSON") from None
        except RecursionError:
            raise NotUsableJson(TOO_DEEP) from None
        except ValueError:
            raise NotUsableJson("it has a number of thousands of digits") from None

    def _is_whole(self, found: Any, end: int | None) -> bool:
        """A number may go on in what is not read yet."""
        if end is None:
            return False
        return not isinstance(found, (int, float)) or self._ahead[end : end + 1] in _AFTER_A_VALUE

    def _read_more(self) -> bool:
        """As much again as the unfinished value has, so that no length is read over and over. False at the end."""
        kept = self._ahead[self._at :]
        wanted = min(max(1, len(kept)), LARGEST_ITEM + 1 - len(kept))
        if wanted < 1:
            raise NotUsableJson(f"an item of it is larger than {LARGEST_ITEM} characters")
        more = []
        while wanted > 0 and (piece := next(self._pieces, "")):
            more.append(piece)
            wanted -= len(piece)
            self._count(len(piece))
        self._ahead, self._at = kept + "".join(more), 0
        return bool(more)

    def _count(self, characters: int) -> None:
        self._read += characters
        if self._read > LARGEST_TEXT:
            raise NotUsableJson(f"it is larger than {LARGEST_TEXT} characters")
        in_vain = self._read - self._last_found
        if in_vain + _COST_OF_LOOKING * self._looked_through > MOST_IN_VAIN:
            raise NotUsableJson(f"{in_vain} characters of it in a row are nothing of what is looked for")


@contextmanager
def _no_garbage() -> Iterator[None]:
    """What JSON is made of refers to itself nowhere: to look for that took three quarters of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
