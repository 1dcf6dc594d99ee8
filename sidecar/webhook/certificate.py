"""The webhook's certificate, read again when its files change: cert-manager renews it while the process lives."""

import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sidecar.webhook.certificate_end import end_of

CERTIFICATE, KEY = "tls.crt", "tls.key"
"""As a Secret of the type kubernetes.io/tls has them."""

logger = logging.getLogger("sidecar.webhook.certificate")

_Stamp = tuple[tuple[int, int, int], ...]
"""What tells one content of the files from the next: the kubelet changes the inodes, people change times and sizes."""


class RotatingCertificate:
    """Looks at the files whenever a client connects or Prometheus asks, so that the next one has the new certificate.

    Raises `OSError` at first only: later the certificate that was read last stays in use, and the log says why.
    """

    def __init__(self, directory: Path, on_load: Callable[[bool], None] = lambda _: None) -> None:
        self._files = (directory / CERTIFICATE, directory / KEY)
        self._on_load = on_load
        self._seen = self._look()
        self._ends = 0.0
        self._newest = self._load()
        self._on_load(True)
        self.context = self._newest
        self.context.sni_callback = self._at_handshake
        """What the server listens with; each handshake has the newest certificate."""

    def ends(self) -> float:
        """When the certificate that is in use now ends, in Unix time; 0 if its file does not say it in plain PEM."""
        self._follow()
        return self._ends

    def _at_handshake(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        self._follow()
        connection.context = self._newest

    def _follow(self) -> None:
        try:
            found = self._look()
            if found == self._seen:
                return
            self._seen = found
            self._newest = self._load()
        except OSError as error:
            self._tell_of(error)
            return
        self._on_load(True)
        logger.info("certificate read again", extra={"file": str(self._files[0])})

    def _tell_of(self, error: OSError) -> None:
        self._on_load(False)
        reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        fix = f"put a certificate as {CERTIFICATE} and its key as {KEY} there; the one that was read last stays in use"
        logger.warning(
            "certificate not readable", extra={"file": str(self._files[0]), "reason": str(reason), "fix": fix}
        )

    def _look(self) -> _Stamp:
        found = [file.stat() for file in self._files]
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)

    def _load(self) -> ssl.SSLContext:
        certificate, key = self._files
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        with suppress(ValueError):
            self._ends = end_of(certificate.read_text()).timestamp()
        return context
