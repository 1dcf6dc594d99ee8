"""Requests that were read before, by their bytes. What is known of the same bytes need not be worked out again."""

from sidecar.http.messages import ParsedRequest

MOST_REQUESTS = 32
LONGEST_REQUEST = 4096


class RecentRequests:
    """Chunks that were one whole request, with that request. SDKs send the same bytes again and again, and the same
    bytes mean the same: looking them up costs a tenth of parsing them, and a connection for one request no parser.
    """

    def __init__(self) -> None:
        self._requests: dict[bytes, ParsedRequest] = {}
        self.get = self._requests.get

    def remember(self, data: bytes, request: ParsedRequest) -> None:
        if len(data) > LONGEST_REQUEST:
            return
        if len(self._requests) >= MOST_REQUESTS:
            self._requests.clear()
        self._requests[data] = request
