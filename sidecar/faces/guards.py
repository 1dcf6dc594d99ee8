"""Who may ask: requests that were sent to us by name, directly, with the token where one is set."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sidecar.core.errors import HostRefused, NotAuthorized
from sidecar.faces.authorization import Authorization
from sidecar.http.addresses import canonical_host
from sidecar.http.messages import Request

_AUTHORITY = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{0,5})?")
"""RFC 9110, section 7.2: a host and perhaps a port; no user, no path."""
LONGEST_HOST = 300
"""Characters of a Host header that are looked at: a name has 253 at most (RFC 1035), a port five."""


@dataclass(frozen=True, slots=True)
class DemandedToken:
    """What is asked for, in words: how it is called, and what a client has to change that shows none, or another."""

    name: str
    missing: str
    wrong: str


SHARED_TOKEN = DemandedToken(
    name="the sidecar's token",
    missing="Set AWS_CONTAINER_AUTHORIZATION_TOKEN and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE in the "
    "application's container, both to the sidecar's token.",
    wrong="AWS_CONTAINER_AUTHORIZATION_TOKEN must equal the sidecar's SIDECAR_AUTH_TOKEN exactly, "
    "without `Bearer` and without a newline.",
)
TOKEN_OF_THE_ROLE = DemandedToken(
    name="the token of this role",
    missing="Set AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE in the application's container to the file that the role has "
    "as sidecar_authorization_token_file.",
    wrong="This role is given only with the token in its sidecar_authorization_token_file: let "
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE name that file, and leave AWS_CONTAINER_AUTHORIZATION_TOKEN out.",
)


@dataclass(frozen=True, slots=True)
class Guard:
    """`hosts`: the names we answer to, lower case, without port; None where an authorization token protects instead."""

    hosts: frozenset[str] | None
    authorization: Authorization
    demanded: DemandedToken = SHARED_TOKEN

    def check_host(self, headers: Mapping[str, str]) -> None:
        """Raises `HostRefused` for a name that is not ours, as a web page in a browser would use (DNS rebinding)."""
        if "x-forwarded-for" in headers:
            raise HostRefused(
                "The request came through a proxy (it has an X-Forwarded-For header).",
                fix="Bypass the proxy: add the sidecar's address to NO_PROXY.",
            )
        host = headers.get("host", "")
        if self.hosts is None or host_name(host) in self.hosts:
            return
        raise HostRefused(
            "The Host header is not an address of this listener.",
            fix=f"Use one of: {', '.join(sorted(self.hosts))}. Check AWS_CONTAINER_CREDENTIALS_FULL_URI.",
        )

    def admits(self, request: Request, accepted: tuple[str, ...]) -> bool:
        """Whether `check_authorization` would pass with these tokens."""
        if not self.authorization.required:
            return True
        return _any_equal(request.headers.get("authorization", ""), accepted)

    async def check_authorization(self, request: Request) -> None:
        """Raises `NotAuthorized` unless the whole header value equals an accepted token, byte for byte."""
        if not self.authorization.required:
            return
        presented = request.headers.get("authorization", "")
        if not presented:
            raise NotAuthorized("The request has no Authorization header.", fix=self.demanded.missing)
        if _any_equal(presented, await self.authorization.accepted()):
            return
        if _any_equal(presented, await self.authorization.renewed()):
            return
        raise NotAuthorized(f"The Authorization header is not {self.demanded.name}.", fix=self.demanded.wrong)


def _any_equal(presented: str, accepted: tuple[str, ...]) -> bool:
    """Compare in constant time, with every accepted token: the time taken tells nothing about any of them."""
    given, equal = presented.encode("utf-8", "surrogateescape"), False
    for token in accepted:
        equal |= hmac.compare_digest(given, token.encode())
    return equal


def host_name(header: str) -> str:
    """The host in a Host header, without port and brackets: an IP address in its one spelling, a name in lower case;
    `""` for what is no host and port.
    """
    return _host_name(header[:LONGEST_HOST])


@lru_cache(maxsize=64)  # clients name few hosts, and each of them with every request
def _host_name(header: str) -> str:
    authority = header.strip().lower()
    found = _AUTHORITY.fullmatch(authority)
    if found is None:  # such as localhost:80.evil.example, or user@localhost
        return ""
    host: str = found["address"] or found["name"]
    return canonical_host(host) or host
