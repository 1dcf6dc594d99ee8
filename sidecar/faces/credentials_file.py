"""Keeps the shared credentials file: whole at every moment, private, and never in the way of serving."""

import asyncio
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, Protocol

from sidecar.core.errors import OutOfThreads
from sidecar.core.model import Credentials, Seconds
from sidecar.core.one_call import OneCall
from sidecar.core.ports import Observer
from sidecar.core.refresh import Issued, RefreshEvent, RoleState
from sidecar.core.watched import WatchedValue
from sidecar.faces.file_replacement import Refused, replace_file
from sidecar.faces.shared_file import Unwritable, shared_file

Sections = Mapping[str, Credentials]
"""What the file holds, by profile."""

TRY_AGAIN: Seconds = 10
WRITE_WITHIN: Seconds = 10
REMOVE_WITHIN: Seconds = 1
"""A disk that hangs does not hold up the end."""

logger = logging.getLogger("sidecar.faces.credentials_file")


class WriteObserver(Protocol):
    """Sees how each attempt to write ended."""

    def __call__(self, *, written: bool) -> None: ...


class CredentialsFile:
    """Writes what was issued to `path`, a section for each profile. `removed`: take the file away at the end."""

    def __init__(self, path: Path, *, mode: int, removed: bool, observe: WriteObserver) -> None:
        self._path = path
        self._mode = mode
        self._removed = removed
        self._observe = observe
        self._issued: WatchedValue[Sections] = WatchedValue({})
        self._complained = ""
        self._refused: Refused = ()
        self._disk = OneCall(WRITE_WITHIN)  # a removal waits for the write before it

    def section(self, profile: str) -> Observer:
        """Sees one role's events, and keeps this profile's section."""

        def observe(role: str, event: RefreshEvent, state: RoleState) -> None:  # noqa: ARG001 (the port's shape)
            if isinstance(event, Issued):
                self._issued.set({**self._issued.value, profile: event.credentials})

        return observe

    def hold(self, sections: Sections) -> None:
        """From now on these, and no others."""
        self._issued.set(dict(sections))

    async def keep_written(self) -> NoReturn:
        """Write each credential once it is issued, for ever; after a failure again and again."""
        written: Sections = {}
        try:
            while True:
                sections = await self._issued.other_than(written)
                if await self._write(sections):
                    written = sections
                else:
                    await asyncio.sleep(TRY_AGAIN)
        finally:
            if self._removed:
                await self._remove()

    async def _write(self, sections: Sections) -> bool:
        try:
            content = shared_file(sections)
            refused = await self._disk(replace_file, self._path, content, self._mode)
        except (OSError, OutOfThreads, Unwritable) as error:
            self._observe(written=False)
            self._complain(_reason(error))
            return False
        self._observe(written=True)
        self._complained = ""
        logger.info("credentials file written", extra={"file": str(self._path)})
        self._tell(refused)
        return True

    def _tell(self, refused: Refused) -> None:
        """Once, until it is something else: what a file system lacks, it lacks at each refresh."""
        if refused and refused != self._refused:
            logger.warning(
                "credentials file written without mode or sync",
                extra={
                    "file": str(self._path),
                    "reason": "; ".join(refused),
                    "fix": "none, if applications can read the file; an emptyDir (medium: Memory) supports both",
                },
            )
        self._refused = refused

    def _complain(self, reason: str) -> None:
        """Once, until the reason changes."""
        if reason == self._complained:
            return
        self._complained = reason
        logger.warning(
            "credentials file not written",
            extra={
                "file": str(self._path),
                "reason": reason,
                "fix": f"mount a volume at {self._path.parent} that uid {os.getuid()} can write, with free space",
            },
        )

    async def _remove(self) -> None:
        try:
            async with asyncio.timeout(REMOVE_WITHIN):
                await self._disk(self._path.unlink, missing_ok=True)
        except (OSError, OutOfThreads) as error:
            logger.warning(
                "credentials file not removed",
                extra={"file": str(self._path), "reason": _reason(error), "fix": "remove it manually"},
            )


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError) and not error.strerror:
        return "the file system does not answer"
    return getattr(error, "strerror", None) or (str(error) if isinstance(error, Unwritable) else type(error).__name__)
