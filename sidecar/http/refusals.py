"""What the server itself answers when a request never reaches a face. Constants: no answer echoes what a client sent.

Statuses: RFC 9110, section 15; framing: RFC 9112. Bodies have the form that SDKs read (see `faces.problems`).
"""

from sidecar.http.messages import Refusal, Response, error_response

SUPPORTED_METHODS = ("GET", "HEAD", "PUT")
"""The methods that are read whole: no protocol that we serve knows another. Faces see others only to refuse them."""


class Refused(Exception):
    """The bytes cannot become a request; `response` says why. The connection ends with it."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def _refusal(status: int, code: str, cause: str, fix: str, **headers: str) -> Response:
    return error_response(
        status, Refusal(code, cause, fix), {name.replace("_", "-"): value for name, value in headers.items()}
    )


MALFORMED = _refusal(
    400, "MalformedRequest", "This is not an HTTP/1.1 request.", "Send plain HTTP (http://, not https://)."
)
INCOMPLETE = _refusal(400, "IncompleteRequest", "The request is incomplete.", "Send the complete request.")
HOST_MISSING = _refusal(400, "HostMissing", "The request has no Host header.", "Send one; HTTP/1.1 requires it.")
HOST_AMBIGUOUS = _refusal(400, "HostAmbiguous", "The request has more than one Host header.", "Send one Host header.")
BAD_TARGET = _refusal(400, "BadTarget", "The request's target is not a path.", "Request a path, without a fragment.")
BAD_FRAMING = _refusal(400, "BadFraming", "HTTP/1.0 has no Transfer-Encoding.", "Send Content-Length, or use HTTP/1.1.")
METHOD_REFUSED = _refusal(
    405, "MethodRefused", "This method is not supported.", "Use GET.", Allow=", ".join(SUPPORTED_METHODS)
)
TOO_SLOW = _refusal(408, "RequestTooSlow", "The request did not arrive in time.", "Send the whole request at once.")
BODY_TOO_LARGE = _refusal(413, "BodyTooLarge", "The request's body is too large.", "Send no body; it is not used.")
TARGET_TOO_LONG = _refusal(414, "TargetTooLong", "The request's target is too long.", "Request only the path.")
EXPECTATION_FAILED = _refusal(
    417, "ExpectationFailed", "The Expect header is not supported.", "Omit it, or send 100-continue."
)
HEADERS_TOO_LARGE = _refusal(
    431, "HeadersTooLarge", "The request's headers are too large.", "Send fewer or shorter headers."
)
DEFECT = _refusal(500, "Unexpected", "A bug in the sidecar.", "Please report the line in its log.")
UNKNOWN_CODING = _refusal(501, "UnknownCoding", "The Transfer-Encoding is not supported.", "Use chunked, or none.")
BUSY = _refusal(
    503,
    "TooManyConnections",
    "Too many connections are open.",
    "Open fewer connections, or close idle ones.",
    Retry_After="1",
)
OVERDUE = _refusal(503, "AnswerOverdue", "The answer took too long.", "Try again.", Retry_After="1")
UNKNOWN_VERSION = _refusal(505, "UnknownVersion", "The request is not HTTP/1.x.", "Use HTTP/1.1.")
