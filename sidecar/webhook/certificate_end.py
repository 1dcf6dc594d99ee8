"""When a certificate ends, read from its PEM text: Python's ssl tells it of a peer's certificate only."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_VERSION, _UTC_TIME = 0xA0, 0x17


def end_of(pem: str) -> datetime:
    """`notAfter` of the first certificate in the text (RFC 5280, 4.1). Raises `ValueError` if there is none."""
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index(_BEGIN) : pem.index(_END) + len(_END)])
    try:
        (_, certificate), *_ = _elements(der)
        (_, signed), *_ = _elements(certificate)
        fields = [content for tag, content in _elements(signed) if tag != _VERSION]
        _serial, _algorithm, _issuer, validity, *_ = fields
        _, (tag, text) = _elements(validity)
    except (IndexError, ValueError) as error:
        raise ValueError("no X.509 certificate") from error
    return _time(tag, text.decode())


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each (X.690, 8.1)."""
    while der:
        tag, length, start = der[0], der[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(der[2:start])
        yield tag, der[start : start + length]
        der = der[start + length :]


def _time(tag: int, text: str) -> datetime:
    """UTCTime has two digits for the year: 50 and later are of the last century (RFC 5280, 4.1.2.5.1)."""
    if tag == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
