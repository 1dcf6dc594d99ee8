"""Certificates made here, good and bad ones, for servers on loopback."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)
LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Authority:
    """`bundle`: what a client is to trust."""

    bundle: Path
    key: Path

    @property
    def server(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.bundle, self.key)
        return context

    @property
    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.bundle))


def authority(directory: Path, names: Sequence[str] = LOOPBACK) -> Authority:
    """A certificate that is its own authority: good for these names, until tomorrow."""
    own = Issuer("irsa-sidecar tests", names=names)
    bundle, private = directory / "authority.pem", directory / "authority.key"
    bundle.write_bytes(own.pem)
    private.write_bytes(own.private_pem)
    return Authority(bundle, private)


@dataclass
class Issuer:
    """A CA, signed by `by` or by itself. `old`: without the extensions that Python 3.13 insists on."""

    name: str
    by: "Issuer | None" = None
    names: Sequence[str] = ()
    old: bool = False
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        signer = self.by or self
        made = _builder(self.name, signer.name, self.key.public_key(), -DAY, DAY)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=not self.old)
        if not self.old:
            made = made.add_extension(_signing(), critical=True)
            made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
        if self.names:
            made = made.add_extension(_alternative(self.names), critical=False)
        self.certificate = made.sign(signer.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def private_pem(self) -> bytes:
        return _private(self.key)

    def server(
        self,
        directory: Path,
        names: Sequence[str] = LOOPBACK,
        *,
        starts: dt.timedelta = -DAY,
        ends: dt.timedelta = DAY,
        sends: Sequence["Issuer"] = (),
        subject: str = "sts.test",
        more: Sequence[x509.ExtensionType] = (),
    ) -> ssl.SSLContext:
        """A server with a certificate of this CA for `names`. `sends`: the CAs whose certificates it sends along."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _builder(subject, self.name, key.public_key(), starts, ends)
        made = made.add_extension(_alternative(names), critical=False)
        if not self.old:
            public = self.key.public_key()
            made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        for extension in more:
            made = made.add_extension(extension, critical=True)
        chain, private = directory / f"{subject}.pem", directory / f"{subject}.key"
        leaf = made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        chain.write_bytes(leaf + b"".join(each.pem for each in sends))
        private.write_bytes(_private(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, private)
        return context


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePublicKey, starts: dt.timedelta, ends: dt.timedelta
) -> x509.CertificateBuilder:
    today = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(_name(issuer), _name(subject), key, x509.random_serial_number())
    return builder.not_valid_before(today + starts).not_valid_after(today + ends)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(names: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_general(name) for name in names])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _signing() -> x509.KeyUsage:
    unused = ("content_commitment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only")
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=False,
        key_cert_sign=True,
        crl_sign=True,
        **dict.fromkeys(unused, False),
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
