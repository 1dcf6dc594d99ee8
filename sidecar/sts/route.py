"""The way of a call to STS: straight, or through a proxy whose password appears nowhere but in its header."""

import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

HTTPS, HTTP = 443, 80


@dataclass(frozen=True, slots=True)
class Route:
    """`endpoint`: STS's URL. `proxy`: the proxy's URL, None to go straight; it may hold a password."""

    endpoint: str
    proxy: str | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """STS's host name."""
        return urlsplit(self.endpoint).hostname or ""

    @property
    def tunnelled(self) -> bool:
        """Whether the proxy sees nothing of the call but its destination."""
        return self.proxy is not None and self.endpoint.startswith("https:")

    @property
    def first_hop(self) -> tuple[str, int]:
        """Host and port that the first packet goes to."""
        return _place(urlsplit(self.proxy or self.endpoint))

    @property
    def proxy_address(self) -> str:
        """The proxy's URL as it may be shown: without user and password, which are all that may be secret."""
        if self.proxy is None:
            return ""
        parts = urlsplit(self.proxy)
        host, port = _place(parts)
        return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def proxy_variable(self) -> str:
        return "HTTPS_PROXY" if self.endpoint.startswith("https:") else "HTTP_PROXY"

    def arguments(self) -> dict[str, Any]:
        """What aiohttp wants to know about the way."""
        if self.proxy is None:
            return {}
        header = _authorization(urlsplit(self.proxy))
        return {"proxy": self.proxy_address, "proxy_headers" if self.tunnelled else "headers": header}


def _place(parts: SplitResult) -> tuple[str, int]:
    return parts.hostname or "", parts.port or (HTTPS if parts.scheme == "https" else HTTP)


def _authorization(parts: SplitResult) -> dict[str, str]:
    """RFC 7617. What Latin-1 has is sent in it, as ever; anything else as UTF-8, and escaped bytes as they are."""
    if not (parts.username or parts.password):
        return {}
    pair = b":".join(_bytes(text or "") for text in (parts.username, parts.password))
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _bytes(text: str) -> bytes:
    raw = unquote_to_bytes(text.encode("utf-8", "surrogateescape"))
    try:
        return raw.decode().encode("latin-1")
    except UnicodeError:
        return raw
