"""Notices that files change, all of them by one watch.

The kubelet never rewrites a projected file. It fills a new timestamped directory and renames a `..data` symlink over
the old one, so a watch on the file dies with the first inode it followed. We watch the directories that hold the
visible names, and look every half minute as well.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

from watchfiles import watch

from sidecar.core.model import Seconds
from sidecar.core.one_call import OneCall

POLL_INTERVAL: Seconds = 30
STAT_WITHIN: Seconds = 5
"""A file system that hangs, as a network's may, must not hold up the others."""
WATCH_RETRY_INTERVAL: Seconds = 1
"""While a directory cannot be watched, because it is not there yet or watches have run out."""
WATCH_STEP_MS = 1200
"""How often the watcher's thread wakes to see whether it should go: a shorter step costs idle CPU. With the brokers'
own, an idle process wakes less than once a second.
"""

logger = logging.getLogger(__name__)

Changes = set[tuple[Any, str]]
"""What happened, and to which paths; empty where nothing did."""


class WatchedFile(Protocol):
    """What wants to know when a file may have changed."""

    @property
    def path(self) -> Path: ...

    async def look(self) -> None:
        """The file may be another than before. Must end within seconds; what it raises ends this turn for all."""
        ...


class FileWatch:
    """Lets each file be looked at when something in its directory has changed. `files`: those of the beginning."""

    def __init__(self, files: Iterable[WatchedFile] = ()) -> None:
        self._files = tuple(files)
        self._others = threading.Event()
        self._calls: dict[Path, OneCall] = {}

    def set_files(self, files: Iterable[WatchedFile]) -> None:
        """From now on these, the same ones or others."""
        before, self._files = self._files, tuple(files)
        if self._files != before:
            self._others.set()

    async def run(self) -> NoReturn:
        """For ever."""
        while True:
            try:
                await self._follow()
            except Exception as error:  # noqa: BLE001 (what the kernel refuses comes in many types, and in groups)
                logger.debug("directory not watched", extra={"reason": type(error).__name__})
            await asyncio.sleep(WATCH_RETRY_INTERVAL)

    async def _follow(self) -> None:
        """Until there are other files to watch, or a directory to look for again."""
        self._others = others = threading.Event()
        files = self._files
        wanted = {file.path.parent for file in files}
        there = await self._there(wanted)
        looks = [_look_twice(file) for file in files if file.path.parent in there]
        watch = self._watch(files, there, others, whole=there == wanted)
        for error in await asyncio.gather(watch, *looks, return_exceptions=True):
            if isinstance(error, Exception):
                raise error

    async def _watch(
        self, files: Sequence[WatchedFile], there: set[Path], others: threading.Event, *, whole: bool
    ) -> None:
        if not there:
            return
        changes = _changes(there, POLL_INTERVAL if whole else WATCH_RETRY_INTERVAL, others)
        now = asyncio.get_running_loop().time
        poll_at = now() + POLL_INTERVAL
        try:
            while (changed := await asyncio.to_thread(next, changes, None)) is not None:
                if now() >= poll_at:  # a busy directory leaves no time in which nothing is noticed
                    changed.clear()
                    poll_at = now() + POLL_INTERVAL
                await asyncio.gather(*(file.look() for file in _concerned(files, changed)))
                if not whole:
                    return
        finally:
            others.set()

    async def _there(self, wanted: set[Path]) -> set[Path]:
        """The directories that can be watched, all of them just now: while one that hangs was waited for, others may
        have begun to. watchfiles would ask the kernel for them with the interpreter's lock held, and so hold up all.
        """
        self._calls = {path: self._calls.get(path) or OneCall(STAT_WITHIN) for path in wanted}
        asked, there = wanted, await self._answering(wanted)
        while there != asked:
            asked, there = there, await self._answering(there)
        return there

    async def _answering(self, paths: set[Path]) -> set[Path]:
        asked = tuple(paths)
        found = await asyncio.gather(*(_is_there(self._calls[path], path) for path in asked))
        return {path for path, there in zip(asked, found, strict=True) if there}


def _changes(directories: Iterable[Path], at_most: Seconds, stop: threading.Event) -> Iterator[Changes]:
    """Goes on at each change, and after so long without one. It blocks, until `stop` is set.

    watchfiles has the same for coroutines, by way of anyio: 1.3 MiB for one thread that waits.
    """
    return watch(
        *directories,
        watch_filter=None,
        debounce=WATCH_STEP_MS,
        step=WATCH_STEP_MS,
        stop_event=stop,
        rust_timeout=int(at_most * 1000),
        yield_on_timeout=True,
        recursive=False,
    )


async def _look_twice(file: WatchedFile) -> None:
    """At once, and again when the watch has surely begun: what happens between them is noticed."""
    await file.look()
    await asyncio.sleep(WATCH_RETRY_INTERVAL)
    await file.look()


def _concerned(files: Iterable[WatchedFile], changed: Changes) -> Iterator[WatchedFile]:
    """All of them where nothing was noticed, or the time has come to look at all."""
    directories = {os.path.dirname(path) for _, path in changed}  # noqa: PTH120 (as texts, as the watcher gives them)
    return (file for file in files if not directories or str(file.path.parent) in directories)


async def _is_there(call: OneCall, path: Path) -> bool:
    try:
        await call(os.stat, path)
    except Exception:  # noqa: BLE001 (whatever keeps it from being there: it is looked for again)
        return False
    return True
