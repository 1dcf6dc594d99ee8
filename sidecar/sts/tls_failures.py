"""Why TLS failed, in plain words: which certificate is wrong and how, or what else ended the handshake.

Sources: OpenSSL's `x509_vfy.h` for the numbers of `verify_code`, its `sslerr.h` and `tls1.h` for the names of reasons.
"""

import re
import ssl
from collections.abc import Iterable
from typing import NamedTuple

from sidecar.core.model import UnixTime
from sidecar.core.timestamps import timestamp
from sidecar.sts.tls import Certificate, shown_chain

NO_ISSUER = frozenset({20, 21})
SELF_SIGNED = frozenset({18, 19})
OUT_OF_DATE = frozenset({9, EXPIRED := 10})
WRONG_NAME = frozenset({62, 64})
LONGEST_NAME = 120
"""Characters of a certificate's names that are repeated: whoever answers may have written anything into it."""

NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL")
OLD_PROTOCOL = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")
ENDED = ("UNEXPECTED_EOF_WHILE_READING", "ZERO_RETURN")

FIX_CLOCK = "if it is right, correct the node's clock."
FIX_AUTHORITY = (
    "If a private CA or an inspecting proxy signs it, set AWS_CA_BUNDLE to a PEM file with that CA; if not, "
    "find out what answers there."
)


class Reason(NamedTuple):
    """The rest of a sentence about who was called, and what to do."""

    what: str
    fix: str


CUT_BY = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
"""What becomes of a connection that stood, and then did not."""
CUT_SHORT = Reason(
    "the connection was closed during the TLS handshake",
    "Look for a firewall or proxy in between that closes connections to names it does not allow.",
)


def tls_failure(error: BaseException, host: str, now: UnixTime) -> Reason | None:
    """What `error` means for a connection to `host`; None if TLS is not what failed.

    `now` is the node's clock: it tells which certificate of a chain is out of date.
    """
    found = _innermost(error)
    if isinstance(found, ssl.SSLCertVerificationError):
        return _certificate(found, host, now)
    if isinstance(found, ssl.SSLError):
        return handshake_failure(found.reason or "")
    return CUT_SHORT if isinstance(getattr(error, "os_error", None), CUT_BY) else None


def _innermost(error: BaseException | None) -> BaseException | None:
    """The `SSLError` in `error` or behind it: aiohttp wraps some, and copies the number and the text of others."""
    while error is not None and not _is_of_openssl(error):
        error = getattr(error, "os_error", None) or error.__cause__
    return error


def _is_of_openssl(error: BaseException) -> bool:
    return isinstance(error, ssl.SSLError) and not hasattr(error, "os_error")


def handshake_failure(reason: str) -> Reason:
    """What ended a handshake, by OpenSSL's name for it."""
    if any(name in reason for name in NO_TLS):
        return Reason("the server does not use TLS", "Check the port, and whether the URL must begin with http://.")
    if any(name in reason for name in OLD_PROTOCOL):
        return Reason("it supports only TLS versions older than 1.2", "Enable TLS 1.2 or 1.3 there.")
    if any(name in reason for name in ENDED):
        return CUT_SHORT
    if alert := re.search(r"ALERT_(\w+)", reason):
        return Reason(
            f"it refused the TLS handshake with the alert {_words(alert[1])!r}",
            "See its log; often it requires a client certificate, or does not know the name in the URL.",
        )
    return Reason(f"the TLS handshake failed ({_words(reason) or 'no reason given'})", "Check what answers there.")


def _words(reason: str) -> str:
    return reason.replace("_", " ").lower()


# --- certificates ----------------------------------------------------------------------------------------------


def _certificate(error: ssl.SSLCertVerificationError, host: str, now: UnixTime) -> Reason:
    chain, number = shown_chain(error), error.verify_code
    if not chain:
        return _other(error, {})
    if number in OUT_OF_DATE:
        return _out_of_date(chain, now, expired=number == EXPIRED)
    if number in NO_ISSUER and len(chain) == 1:
        return _no_issuer(chain[0])
    if number in NO_ISSUER | SELF_SIGNED:
        return _untrusted(chain[0], chain[-1])
    return _wrong_name(chain[0], host) if number in WRONG_NAME else _other(error, chain[0])


def _out_of_date(chain: Iterable[Certificate], now: UnixTime, *, expired: bool) -> Reason:
    wrong = [each for each in chain if not _starts(each) <= now <= _ends(each)]
    found = f"its TLS certificate {described(wrong[0])}" if wrong else "a CA of its TLS certificate"
    is_now = f"by the node's clock it is {timestamp(now)}"
    if expired:
        return Reason(f"{found} has expired", f"Renew it ({is_now}); {FIX_CLOCK}")
    return Reason(f"{found} is not valid yet", f"Wait until it is ({is_now}); {FIX_CLOCK}")


def _no_issuer(leaf: Certificate) -> Reason:
    issuer = named(leaf["issuer"])
    return Reason(
        f"its TLS certificate {described(leaf)} is signed by {issuer}, which it does not send and which is not "
        "trusted here",
        f"If {issuer} is an intermediate CA, the server must send its certificate too. {FIX_AUTHORITY}",
    )


def _untrusted(leaf: Certificate, top: Certificate) -> Reason:
    return Reason(
        f"its TLS certificate {described(leaf)} is signed by a CA that is not trusted: {named(top['issuer'])}",
        FIX_AUTHORITY,
    )


def _wrong_name(leaf: Certificate, host: str) -> Reason:
    names = ", ".join(str(name) for _, name in leaf.get("subjectAltName", ())) or named(leaf["subject"])
    return Reason(
        f"its TLS certificate {described(leaf)} is for {_printable(names)}, not for {host}",
        "Call it by a name in the certificate: a CNAME or another region's name cannot work for AWS's endpoints.",
    )


def _other(error: ssl.SSLCertVerificationError, leaf: Certificate) -> Reason:
    shown = f" {described(leaf)}" if leaf else ""
    return Reason(f"its TLS certificate{shown} is refused: {error.verify_message or 'no reason given'}", FIX_AUTHORITY)


def described(certificate: Certificate) -> str:
    """Whose it is and how long it is good, in parentheses."""
    valid = f"valid {timestamp(_starts(certificate))} to {timestamp(_ends(certificate))}"
    return f"({named(certificate['subject'])}, {valid})"


def named(distinguished_name: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """The common name in a subject or an issuer, or else the whole of it; quoted, as its writer may be anybody."""
    pairs = [pair for group in distinguished_name for pair in group]
    common = [value for key, value in pairs if key == "commonName"]
    return repr(_printable(common[-1] if common else ", ".join(f"{key}={value}" for key, value in pairs)))


def _printable(text: str) -> str:
    shown = "".join(sign if sign.isprintable() else "?" for sign in text)
    return shown if len(shown) <= LONGEST_NAME else f"{shown[:LONGEST_NAME]}..."


def _starts(certificate: Certificate) -> UnixTime:
    return ssl.cert_time_to_seconds(certificate["notBefore"])


def _ends(certificate: Certificate) -> UnixTime:
    return ssl.cert_time_to_seconds(certificate["notAfter"])
