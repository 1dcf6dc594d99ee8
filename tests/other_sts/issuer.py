"""The lab's issuer as a cluster would publish it: discovery and keys over HTTPS at a public address."""

import hashlib
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sidecar.lab.cluster import issuer
from sidecar.lab.cluster.accounts import ServiceAccount
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.cluster.key_rotation import rotate
from sidecar.lab.cluster.keys import SigningKey
from sidecar.lab.faults import Faults
from sidecar.lab.state import StateDirectory
from tests.own_network import PUBLIC
from tests.tls import authority

URL = f"https://{PUBLIC}"
AUDIENCE = "sts.amazonaws.com"
CHECKOUT = ServiceAccount("shop", "checkout")


@dataclass(frozen=True, slots=True)
class LabIssuer:
    """`bundle`: the certificate that its server shows, which is its own authority."""

    bundle: Path
    ring: KeyRing
    issuer: issuer.Issuer

    @property
    def thumbprint(self) -> str:
        """As IAM wants it: SHA-1 of the top certificate."""
        certificate = x509.load_pem_x509_certificate(self.bundle.read_bytes())
        return hashlib.sha1(certificate.public_bytes(serialization.Encoding.DER), usedforsecurity=False).hexdigest()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """A good token's claims, changed; None removes one."""
        found = issuer.claims(URL, CHECKOUT, AUDIENCE, 3600, time.time()) | changes
        return {name: value for name, value in found.items() if value is not None}

    def token(self, key: SigningKey | None = None, **changes: Any) -> str:
        return (key or self.issuer.signer(time.time())).sign(self.claims(**changes))

    def rotate_key(self) -> None:
        """The issuer signs with a new key at once, and goes on publishing the old one."""
        rotate(self.ring, time.time(), wait=0)


@contextmanager
def a_public_issuer(directory: Path) -> Iterator[LabIssuer]:
    state = StateDirectory(directory / "issuer")
    state.create()
    ring = KeyRing(state)
    ring.ensure(time.time())
    tls = authority(directory, [PUBLIC])
    found = LabIssuer(tls.bundle, ring, issuer.Issuer(URL, ring, Faults(state)))
    server = http.server.ThreadingHTTPServer((PUBLIC, 443), _pages(found.issuer))
    server.socket = tls.server.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _pages(published: issuer.Issuer) -> type[http.server.BaseHTTPRequestHandler]:
    class Pages(http.server.BaseHTTPRequestHandler):
        """Discovery and keys, as they are at the moment."""

        def do_GET(self) -> None:
            pages: dict[str, Callable[[], dict[str, Any]]] = {
                issuer.DISCOVERY_PATH: published.discovery,
                issuer.JWKS_PATH: lambda: published.jwks(time.time()),
            }
            page = pages.get(self.path)
            body = json.dumps(page()).encode() if page else b""
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Pages
