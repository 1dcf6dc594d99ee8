"""The projected token: read it, notice when it rotates.

The kubelet never rewrites the file. It fills a new timestamped directory and renames a `..data` symlink over the old
one, so a watch on the file dies with the first inode it followed. We watch the directory that holds the visible name,
look every half minute as well, and the broker reads the file again before every exchange.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from watchfiles import watch

from sidecar.core.claims import unverified_claims
from sidecar.core.errors import TokenUnreadable
from sidecar.core.model import Seconds, Token
from sidecar.core.one_call import OneCall
from sidecar.core.regular_file import read_regular
from sidecar.core.watched import WatchedValue

MINIMUM_LENGTH, MAXIMUM_LENGTH = 4, 20_000
"""Characters that AssumeRoleWithWebIdentity accepts as WebIdentityToken (STS service model, 2011-06-15)."""
TOKEN_POLL_INTERVAL: Seconds = 30
READ_WITHIN: Seconds = 5
"""A file system that hangs, as a network's may, must not hold up the next attempt."""
WATCH_RETRY_INTERVAL: Seconds = 1
"""While the directory cannot be watched, because it is not there yet or watches have run out."""
WATCH_STEP_MS = 1000
"""How often the watcher's thread wakes to see whether it should go: a shorter step costs idle CPU."""

logger = logging.getLogger(__name__)


class TokenFile:
    """The `TokenSource` of a pod: one file, kept current by the kubelet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._current: WatchedValue[Token | None] = WatchedValue(None)
        self._call = OneCall(READ_WITHIN)  # of two readers, the slower could bring the older content back

    @property
    def current(self) -> WatchedValue[Token | None]:
        return self._current

    async def read(self) -> Token:
        """Read the whole file, once. Raises `TokenUnreadable`, naming the file and what to change."""
        try:
            token = await self._call(_read, self._path)
        except TimeoutError:
            self._current.set(None)
            raise _hanging(self._path) from None
        except TokenUnreadable:
            self._current.set(None)
            raise
        self._current.set(token)
        return token

    async def watch(self) -> NoReturn:
        """Keep `current` true, for ever."""
        while True:
            try:
                await self._follow()
            except Exception as error:  # noqa: BLE001 (what the kernel refuses comes in many types, and in groups)
                logger.debug("token directory not watched", extra={"reason": type(error).__name__})
            await asyncio.sleep(WATCH_RETRY_INTERVAL)

    async def _follow(self) -> None:
        await self._call(os.stat, self._path.parent)  # to watch what hangs would hold up the whole loop
        await self._look()
        stop = threading.Event()
        changes = _changes(self._path.parent, stop)
        try:
            while True:
                await asyncio.to_thread(next, changes, None)
                await self._look()
        finally:
            stop.set()

    async def _look(self) -> None:
        try:
            await self.read()
        except TokenUnreadable as error:
            logger.debug("token not readable", extra={"reason": error.cause})


def _changes(directory: Path, stop: threading.Event) -> Iterator[object]:
    """Goes on at each change, and after `TOKEN_POLL_INTERVAL` without one. It blocks, until `stop` is set.

    watchfiles has the same for coroutines, by way of anyio: 1.3 MiB for one thread that waits.
    """
    return watch(
        directory,
        watch_filter=None,
        debounce=WATCH_STEP_MS,
        step=WATCH_STEP_MS,
        stop_event=stop,
        rust_timeout=int(TOKEN_POLL_INTERVAL * 1000),
        yield_on_timeout=True,
        recursive=False,
    )


def _read(path: Path) -> Token:
    raw = _text(_bytes(path), path)
    return Token(raw, unverified_claims(raw))


def _bytes(path: Path) -> bytes:
    for _ in range(3):
        try:
            return read_regular(path, MAXIMUM_LENGTH * 4 + 1)
        except FileNotFoundError:
            # Between following `..data` and opening what it named, the kubelet may have removed the old directory.
            continue
        except OSError as error:
            raise _unreadable(path, error) from None
    raise TokenUnreadable(
        f"There is no token file at {path}.",
        fix="Mount a projected serviceAccountToken volume there (see manifests/pod.yaml), "
        "or point AWS_WEB_IDENTITY_TOKEN_FILE at the file.",
    )


def _hanging(path: Path) -> TokenUnreadable:
    return TokenUnreadable(
        f"The token file {path} could not be read within {READ_WITHIN:.0f} s.",
        fix="Check the node's disk or network file system: the kubelet keeps projected tokens in memory (tmpfs).",
    )


def _unreadable(path: Path, error: OSError) -> TokenUnreadable:
    reason = error.strerror or type(error).__name__
    if isinstance(error, PermissionError):
        return TokenUnreadable(
            f"The token file {path} cannot be read by uid {os.geteuid()}, gid {os.getegid()}: {reason}.",
            fix="Set securityContext.fsGroup on the pod, or give every container the same runAsUser: "
            "the kubelet then makes the token readable.",
        )
    return TokenUnreadable(
        f"The token file {path} cannot be read: {reason}.",
        fix="AWS_WEB_IDENTITY_TOKEN_FILE must name the token itself, in a projected serviceAccountToken volume.",
    )


def _text(content: bytes, path: Path) -> str:
    try:
        text = content.decode().strip()
    except UnicodeDecodeError:
        text = "\0"
    if not text:
        raise TokenUnreadable(
            f"The token file {path} is empty.",
            fix="Wait for the kubelet to fill it; if it stays empty, check what else writes to that volume.",
        )
    if not text.isprintable():
        raise TokenUnreadable(
            f"The token file {path} is not text.",
            fix="AWS_WEB_IDENTITY_TOKEN_FILE must be the path of a service-account token, which is one line of text.",
        )
    if not MINIMUM_LENGTH <= len(text) <= MAXIMUM_LENGTH:
        raise TokenUnreadable(
            f"The token file {path} holds {len(text)} characters or more; "
            f"STS accepts {MINIMUM_LENGTH} to {MAXIMUM_LENGTH}.",
            fix="AWS_WEB_IDENTITY_TOKEN_FILE must be the path of a service-account token (about 1,000 characters).",
        )
    return text
