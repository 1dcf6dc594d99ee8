"""When the webhook's certificate ends, as Prometheus is told it."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sidecar.webhook.certificate import RotatingCertificate
from sidecar.webhook.certificate_end import end_of
from sidecar.webhook.metrics import WebhookMetrics

BEGIN = dt.datetime(2024, 2, 29, tzinfo=dt.UTC)
ENDS = [
    dt.datetime(2024, 3, 1, 12, 30, 59, tzinfo=dt.UTC),
    dt.datetime(2049, 12, 31, 23, 59, 59, tzinfo=dt.UTC),  # the last that is a UTCTime
    dt.datetime(2050, 1, 1, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
]


def written(directory: Path, end: dt.datetime) -> str:
    """A certificate and its key, as a Secret has them; gives the certificate's text."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook " + "x" * 50)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(BEGIN).not_valid_after(end)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    for file, content in (("tls.crt", pem), ("tls.key", private)):
        (directory / "new").write_bytes(content)
        (directory / "new").replace(directory / file)
    return pem.decode()


@pytest.mark.parametrize("end", ENDS, ids=lambda end: str(end.year))
def test_the_end_is_that_of_the_certificate(tmp_path: Path, end: dt.datetime) -> None:
    assert end_of(written(tmp_path, end)) == end


def test_of_a_chain_the_first_counts(tmp_path: Path) -> None:
    leaf, issuer = written(tmp_path, ENDS[0]), written(tmp_path, ENDS[1])

    assert end_of(f"subject=CN = webhook\n{leaf}{issuer}") == ENDS[0]


@pytest.mark.parametrize("text", ["", "half of one", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_has_no_end(text: str) -> None:
    with pytest.raises(ValueError):
        end_of(text)


def test_prometheus_sees_a_renewed_certificate_though_nobody_connects(tmp_path: Path) -> None:
    written(tmp_path, ENDS[0])
    certificate, metrics = RotatingCertificate(tmp_path), WebhookMetrics()
    metrics.follow_certificate(certificate.ends)
    written(tmp_path, ENDS[1])

    told = metrics.registry.get_sample_value("irsa_sidecar_webhook_certificate_expiration_timestamp_seconds")

    assert told == ENDS[1].timestamp()
