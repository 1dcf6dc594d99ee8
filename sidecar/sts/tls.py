"""Whom the client of STS trusts, and which certificates a server showed that it did not trust."""

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Certificate = Mapping[str, Any]
"""One certificate as `ssl.SSLSocket.getpeercert` describes it."""


def tls_context(bundle: Path | None) -> ssl.SSLContext:
    """A client's context that trusts the CAs in `bundle`, or the system's. Raises `OSError` (`ssl.SSLError` is one).

    Not `ssl.create_default_context`: from Python 3.13 on that refuses CAs without a key identifier or a key usage, as
    many inspecting proxies have them; botocore accepts those on every Python, and so do we.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslobject_class = _Connection
    if bundle is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cafile=bundle)
    return context


def shown_chain(error: BaseException) -> Sequence[Certificate]:
    """The certificates that a refused server showed, its own first; none where that is not known."""
    chain: Sequence[Certificate] = vars(error).get("shown_chain", ())
    return chain


class _Connection(ssl.SSLObject):
    """Notes what a server showed that is refused: nobody could ask for it once the handshake has failed."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            vars(error)["shown_chain"] = self._chain()
            raise

    def _chain(self) -> Sequence[Certificate]:
        # Python has it since 3.10, and names it publicly from 3.13 on, there without reading it.
        inner: Any = vars(self).get("_sslobj")
        try:
            return tuple(certificate.get_info() for certificate in inner.get_unverified_chain() or ())
        except (AttributeError, ValueError, ssl.SSLError):
            return ()
