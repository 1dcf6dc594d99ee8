"""The projected token: one file, kept current by the kubelet, and read again before every exchange."""

import logging
import os
from pathlib import Path

from sidecar.core.claims import unverified_claims
from sidecar.core.errors import TokenUnreadable
from sidecar.core.model import Seconds, Token
from sidecar.core.one_call import SharedCall
from sidecar.core.regular_file import read_projected
from sidecar.core.watched import WatchedValue

MINIMUM_LENGTH, MAXIMUM_LENGTH = 4, 20_000
"""Characters that AssumeRoleWithWebIdentity accepts as WebIdentityToken (STS service model, 2011-06-15)."""
READ_WITHIN: Seconds = 5
"""A file system that hangs, as a network's may, must not hold up the next attempt."""

logger = logging.getLogger(__name__)


class TokenFile:
    """The `TokenSource` of a pod: one file, kept current by the kubelet. `variable`: the setting that names it."""

    def __init__(self, path: Path, variable: str = "AWS_WEB_IDENTITY_TOKEN_FILE") -> None:
        self.path = path
        self._variable = variable
        self._current: WatchedValue[Token | None] = WatchedValue(None)
        # One at a time: of two readers, the slower could bring the older content back. And one for all roles that ask
        # together: fifty begin at the same moment.
        self._call = SharedCall(self._read_now, READ_WITHIN)

    @property
    def current(self) -> WatchedValue[Token | None]:
        return self._current

    async def read(self) -> Token:
        """Read the whole file, once. Raises `TokenUnreadable`, naming the file and what to change."""
        try:
            token = await self._call()
        except TimeoutError:
            self._current.set(None)
            raise _hanging(self.path) from None
        except TokenUnreadable:
            self._current.set(None)
            raise
        held = self._current.value
        if held == token:
            return held  # many roles keep what they were given: the same object, then
        self._current.set(token)
        return token

    def _read_now(self) -> Token:
        return _read(self.path, self._variable)

    async def look(self) -> None:
        """Keep `current` true."""
        try:
            await self.read()
        except TokenUnreadable as error:
            logger.debug("token not readable", extra={"reason": error.cause})


def _read(path: Path, variable: str) -> Token:
    raw = _text(_bytes(path, variable), path, variable)
    return Token(raw, unverified_claims(raw))


def _bytes(path: Path, variable: str) -> bytes:
    try:
        return read_projected(path, MAXIMUM_LENGTH * 4 + 1)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unreadable(path, variable, error) from None
    raise TokenUnreadable(
        f"There is no token file at {path}.",
        fix="Mount a projected serviceAccountToken volume there (see manifests/pod.yaml), "
        f"or point {variable} at the file.",
    )


def _hanging(path: Path) -> TokenUnreadable:
    return TokenUnreadable(
        f"The token file {path} could not be read within {READ_WITHIN:.0f} s.",
        fix="Check the node's disk or network file system: the kubelet keeps projected tokens in memory (tmpfs).",
    )


def _unreadable(path: Path, variable: str, error: OSError) -> TokenUnreadable:
    reason = error.strerror or type(error).__name__
    if isinstance(error, PermissionError):
        return TokenUnreadable(
            f"The token file {path} cannot be read by uid {os.geteuid()}, gid {os.getegid()}: {reason}.",
            fix="Set securityContext.fsGroup on the pod, or give every container the same runAsUser: "
            "the kubelet then makes the token readable.",
        )
    return TokenUnreadable(
        f"The token file {path} cannot be read: {reason}.",
        fix=f"{variable} must name the token itself, in a projected serviceAccountToken volume.",
    )


def _text(content: bytes, path: Path, variable: str) -> str:
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
            fix=f"{variable} must be the path of a service-account token, which is one line of text.",
        )
    if not MINIMUM_LENGTH <= len(text) <= MAXIMUM_LENGTH:
        raise TokenUnreadable(
            f"The token file {path} holds {len(text)} characters or more; "
            f"STS accepts {MINIMUM_LENGTH} to {MAXIMUM_LENGTH}.",
            fix=f"{variable} must be the path of a service-account token (about 1,000 characters).",
        )
    return text
