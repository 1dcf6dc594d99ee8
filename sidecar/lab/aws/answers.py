"""STS's answers as AWS writes them: the XML of a success, the XML of a refusal, and the refusal itself.

Shapes and codes: AWS STS API reference and its service model (2011-06-15). A response names a code without its
ending `Exception`, except ExpiredTokenException and RegionDisabledException.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias
from xml.sax.saxutils import escape

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
NOT_AUTHORIZED_MESSAGE = "Not authorized to perform sts:AssumeRoleWithWebIdentity"

Fields: TypeAlias = Mapping[str, "str | Fields"]


class ServiceRefusal(Exception):
    """A service refuses. `why` is printed on the lab's terminal; a client gets `code` and `message` alone."""

    def __init__(self, code: str, message: str, *, status: int = 400, why: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.why = why


class StsRefusal(ServiceRefusal):
    """STS refuses."""


def invalid_token(message: str, *, why: str = "") -> StsRefusal:
    return StsRefusal("InvalidIdentityToken", message, why=why)


def access_denied(message: str, *, why: str) -> StsRefusal:
    return StsRefusal("AccessDenied", message, status=403, why=why)


def validation_error(message: str, *, why: str = "") -> StsRefusal:
    return StsRefusal("ValidationError", message, why=why)


def success(action: str, result: Fields, request_id: str) -> bytes:
    return _document(
        f"{action}Response",
        {f"{action}Result": result, "ResponseMetadata": {"RequestId": request_id}},
    )


def refusal(found: StsRefusal, request_id: str) -> bytes:
    kind = "Receiver" if found.status >= 500 else "Sender"  # noqa: PLR2004 (HTTP's server errors)
    error = {"Type": kind, "Code": found.code, "Message": found.message}
    return _document("ErrorResponse", {"Error": error, "RequestId": request_id})


def timestamp(instant: float) -> str:
    """`2030-01-01T00:00:00Z`, whole seconds."""
    return datetime.fromtimestamp(int(instant), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _document(root: str, fields: Fields) -> bytes:
    return f'<{root} xmlns="{NAMESPACE}">\n{_elements(fields, 1)}</{root}>\n'.encode()


def _elements(fields: Fields, depth: int) -> str:
    return "".join(_element(name, value, depth) for name, value in fields.items())


def _element(name: str, value: "str | Fields", depth: int) -> str:
    indent = "  " * depth
    if isinstance(value, str):
        return f"{indent}<{name}>{escape(printable(value))}</{name}>\n"
    return f"{indent}<{name}>\n{_elements(value, depth + 1)}{indent}</{name}>\n"


def printable(text: str) -> str:
    """Replaces control characters in an echoed parameter: XML 1.0 cannot hold them, and a terminal might obey them."""
    return "".join(char if char in "\t\n\r" or char.isprintable() else "?" for char in text)
