"""The authorization tokens that applications must present: from a variable, from a file, or none at all."""

import logging
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Protocol

from sidecar.core.authorization_token import read_token
from sidecar.core.errors import OutOfThreads
from sidecar.core.model import Instant, Seconds
from sidecar.core.one_call import OneCall
from sidecar.core.ports import Clock
from sidecar.faces.made_token import read_or_make_token

REPLACED_TOKEN_LIFETIME: Seconds = 3600
"""How long a token that the file no longer holds is still accepted: SDKs that read the file at each refresh have seen
its successor by then. Older ones read it once (botocore before 1.34.41): give those a token that does not rotate."""
RECHECK_INTERVAL: Seconds = 30
READ_TIMEOUT: Seconds = 0.3
"""A request waits for the file, and its client for a second at most."""

logger = logging.getLogger(__name__)


class Authorization(Protocol):
    """The tokens that a request may carry."""

    @property
    def required(self) -> bool: ...

    def known(self) -> tuple[str, ...]:
        """The tokens that are right without a look at their source; none while it is time for one. The same object as
        long as they are the same.
        """
        ...

    async def accepted(self) -> tuple[str, ...]:
        """The tokens that are right now."""
        ...

    async def renewed(self) -> tuple[str, ...]:
        """The same after another look at their source: a client may have read a new token before we did."""
        ...


def authorization(fixed: str | None, file: Path | None, clock: Clock) -> Authorization:
    """What these settings demand: SIDECAR_AUTH_TOKEN, SIDECAR_AUTH_TOKEN_FILE."""
    if fixed is None and file is None:
        return NoAuthorization()
    return AuthorizationTokens(fixed=fixed, file=file, clock=clock)


def role_authorization(file: Path, mode: int, clock: Clock) -> "AuthorizationTokens":
    """What opens one role alone: the token in `file`, which is made where it is not there."""
    return AuthorizationTokens(
        fixed=None,
        file=file,
        clock=clock,
        read=lambda path: read_or_make_token(path, mode),
        fix="make it readable for the sidecar's uid; where there is none, let that uid write the volume at "
        f"{file.parent}: the sidecar then makes one",
    )


class NoAuthorization:
    """Nothing to present: what is on loopback, or link-local, is the pod's own."""

    required = False

    def known(self) -> tuple[str, ...]:
        return ()

    async def accepted(self) -> tuple[str, ...]:
        return ()

    async def renewed(self) -> tuple[str, ...]:
        return ()


class AuthorizationTokens:
    """A fixed token, a token in a file, or both. The file is read again when a request shows an unknown token."""

    required = True

    def __init__(
        self,
        *,
        fixed: str | None,
        file: Path | None,
        clock: Clock,
        read: Callable[[Path], str] = read_token,
        fix: str = "make it readable for the sidecar's uid",
    ) -> None:
        self._read_token = read
        self._fix = fix
        self._fixed = (fixed,) if fixed else ()
        self._accepted = self._fixed
        self._file = file
        self._read = OneCall(READ_TIMEOUT)
        self._clock = clock
        self._from_file: str | None = None
        self._replaced: tuple[str, Instant] | None = None
        self._readable = True
        self._look_at: Instant = inf if file is None else clock.now()

    def known(self) -> tuple[str, ...]:
        return () if self._look_is_due() else self._held()

    async def accepted(self) -> tuple[str, ...]:
        return await self.renewed() if self._look_is_due() else self._held()

    def _look_is_due(self) -> bool:
        return self._clock.now() >= self._look_at

    async def renewed(self) -> tuple[str, ...]:
        if self._file is None:
            return self._held()
        self._look_at = self._clock.now() + RECHECK_INTERVAL
        try:
            token = await self._read(self._read_token, self._file)
        except (OSError, ValueError, OutOfThreads) as error:
            self._complain(error)
            return self._held()
        self._readable = True
        self._replace(token)
        return self._held()

    def _complain(self, error: Exception) -> None:
        """Once, until the file has been good again: anybody who asks makes us look."""
        if self._readable:
            logger.warning(
                "authorization token file not readable",
                extra={
                    "file": str(self._file),
                    "reason": type(error).__name__,
                    "fix": self._fix,
                },
            )
        self._readable = False

    def _replace(self, token: str) -> None:
        if token == self._from_file:
            return
        if self._from_file is not None:
            self._replaced = (self._from_file, self._clock.now() + REPLACED_TOKEN_LIFETIME)
            logger.info("authorization token rotated", extra={"file": str(self._file)})
        self._from_file = token
        self._accepted = (*self._fixed, token, *(() if self._replaced is None else self._replaced[:1]))

    def _held(self) -> tuple[str, ...]:
        if self._replaced is not None and self._clock.now() >= self._replaced[1]:
            self._replaced = None
            self._accepted = self._accepted[:-1]
        return self._accepted
