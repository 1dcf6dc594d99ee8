"""The CAs that STS is checked by, read again when their file changes: bundles rotate, and pods live longer."""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

from sidecar.core.errors import OutOfThreads
from sidecar.core.model import Seconds
from sidecar.core.one_call import OneCall
from sidecar.core.regular_file import check_regular
from sidecar.sts.tls import tls_context

LOOK_WITHIN: Seconds = 1
"""A disk that hangs must not hold up a call that the CAs known so far are good for."""

logger = logging.getLogger("sidecar.sts.trusted_authorities")

Stamp = tuple[int, int, int]
"""What tells one content of a file from the next: the kubelet changes the inode, people change time and size."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A file's content at one moment; `context` None where it is no bundle, for `reason`."""

    stamp: Stamp | None
    context: ssl.SSLContext | None
    reason: str = ""


class TrustedAuthorities:
    """The `Trust` of production. `bundle`: a PEM file instead of the system's CAs. Raises `OSError` at first only."""

    def __init__(self, bundle: Path | None) -> None:
        self._bundle = bundle
        self._file = bundle or _systems_file()
        self._stamp = _stamp(self._file)
        self._context = tls_context(bundle)
        self._complained = ""
        self._call = OneCall(LOOK_WITHIN)

    @property
    def context(self) -> ssl.SSLContext:
        """By what was read last."""
        return self._context

    async def __call__(self) -> ssl.SSLContext:
        """By what the file holds now; by what was good last, where it holds nothing that can be used."""
        try:
            found = await self._call(self._look)
        except (TimeoutError, OutOfThreads) as error:
            found = _Read(self._stamp, None, type(error).__name__)
        self._take(found)
        return self._context

    def _look(self) -> _Read:
        try:
            stamp = _stamp(self._file)
            context = self._context if stamp == self._stamp else tls_context(self._bundle)
        except OSError as error:
            return _Read(None, None, _reason(error))
        return _Read(stamp, context)

    def _take(self, found: _Read) -> None:
        if found.context is None:
            self._complain(found.reason)
            return
        if found.context is not self._context:
            logger.info("trusted CAs read again", extra={"file": str(self._file)})
        self._stamp, self._context, self._complained = found.stamp, found.context, ""

    def _complain(self, reason: str) -> None:
        """Once, until the reason changes."""
        if reason != self._complained:
            fix = "give AWS_CA_BUNDLE a readable PEM file; the CAs that were read last stay trusted"
            logger.warning("trusted CAs not readable", extra={"file": str(self._file), "reason": reason, "fix": fix})
        self._complained = reason


def _systems_file() -> Path | None:
    """None where the system keeps its CAs in a directory: OpenSSL reads that at each handshake."""
    file = ssl.get_default_verify_paths().cafile
    return Path(file) if file else None


def _stamp(file: Path | None) -> Stamp | None:
    if file is None:
        return None
    found = file.stat()
    check_regular(found)
    return found.st_ino, found.st_mtime_ns, found.st_size


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "no certificate that can be read"
    return error.strerror or type(error).__name__
