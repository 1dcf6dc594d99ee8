"""Why no answer of STS's arrived: an exception of the HTTP client in; the step that failed, cause and fix out.

The serving process and the doctor share it. A foreign exception's text is never passed on: it may quote a proxy's
password. Numbers are read by whose they are: an `SSLError` carries OpenSSL's, a `gaierror` the resolver's.
"""

import enum
import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from sidecar.core.model import Seconds, UnixTime
from sidecar.sts.ip_routes import ipv6_only
from sidecar.sts.route import Route
from sidecar.sts.tls_failures import Reason, tls_failure
from sidecar.sts.wording import FIX_TEMPORARY

CONNECT_WITHIN: Seconds = 3
ANSWER_WITHIN: Seconds = 10
"""STS itself gives the issuer 5 s to hand out its keys."""

CUT = (errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE)
UNROUTED = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)
NO_USABLE_ADDRESS = frozenset(
    number for name in ("EAI_NODATA", "EAI_ADDRFAMILY") if (number := getattr(socket, name, None)) is not None
)
"""The name exists, but has no address of a family that this machine has."""

FIX_ROUTE = (
    "In a private subnet: an interface VPC endpoint for com.amazonaws.<region>.sts with private DNS, or a NAT route; "
    "and no network policy or security group against port 443."
)
FIX_NAME = "Check the pod's DNS, AWS_REGION, and the private DNS of the STS VPC endpoint."
FIX_NAME_SERVER = "Check that the cluster's DNS runs, and that network policies let the pod reach its port 53."
FIX_SILENCE = "Usually temporary. If it lasts, look for an inspecting firewall in between, or an MTU that is too large."
FIX_FAMILY = (
    "Set AWS_USE_DUALSTACK_ENDPOINT=true: the dual-stack endpoint has IPv6. In place of another AWS_ENDPOINT_URL_STS "
    "name one that has it."
)


class FailedStep(enum.Enum):
    """How far a call came before it failed."""

    NAME = "name"
    CONNECTION = "connection"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class TransportFailure:
    """`cause` is a sentence that names who was called. Neither text holds a secret."""

    step: FailedStep
    cause: str
    fix: str


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that brought no answer. `now` is the node's clock."""

    route: Route
    now: UnixTime
    connected: bool = False
    within: Seconds = ANSWER_WITHIN
    is_ipv6_only: Callable[[], bool] = ipv6_only

    def explained(self, error: BaseException) -> TransportFailure:
        """What `error`, from aiohttp or the system, means."""
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return self.name_failure(error.os_error)
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return self.proxy_refusal(error.status)
        if (tls := tls_failure(error, self._called(error), self.now)) is not None:
            return self._failure(FailedStep.TLS, tls, error)
        if isinstance(error, TimeoutError):
            return self._failure(FailedStep.CONNECTION, self._silence(), error)
        return self._failure(FailedStep.CONNECTION, self._no_connection(error), error)

    # --- names -------------------------------------------------------------------------------------------------

    def name_failure(self, error: OSError) -> TransportFailure:
        """Why the first host on the way, STS or the proxy, has no address."""
        host, _ = self.route.first_hop
        return TransportFailure(FailedStep.NAME, *self._sentence(self._first, self._no_address(host, error)))

    def _no_address(self, host: str, error: OSError) -> Reason:
        if isinstance(error, TimeoutError) or error.errno == socket.EAI_AGAIN:
            return Reason(f"the name server does not answer when asked for {host}", FIX_NAME_SERVER)
        if error.errno in NO_USABLE_ADDRESS and self.is_ipv6_only():
            return self._family(host)
        return Reason(f"the name {host} does not resolve", self._fix_proxy if self.route.proxy else FIX_NAME)

    def _family(self, host: str) -> Reason:
        return Reason(
            f"this pod has only IPv6, and {host} has no IPv6 address",
            f"Name a proxy with IPv6 in {self.route.proxy_variable}." if self.route.proxy else FIX_FAMILY,
        )

    # --- proxies -----------------------------------------------------------------------------------------------

    def proxy_refusal(self, status: int) -> TransportFailure:
        """What a proxy means that answers with `status` in STS's place."""
        return TransportFailure(FailedStep.CONNECTION, *self._sentence(self._first, self._refusal(status)))

    def _refusal(self, status: int) -> Reason:
        host, variable = self.route.host, self.route.proxy_variable
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return Reason(
                f"it requires a user and password, or refuses those it got ({status})",
                f"Put them into {variable}, http://USER:PASSWORD@HOST:PORT, with special signs as %XX.",
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Reason(f"it cannot reach {host} ({status})", f"Check its own DNS and routes, {self._or_exempt}")
        return Reason(f"it does not allow calls to {host} ({status})", f"Let it allow {host}, {self._or_exempt}")

    @property
    def _or_exempt(self) -> str:
        return f"or exempt {self.route.host} with NO_PROXY."

    @property
    def _fix_proxy(self) -> str:
        return f"Correct {self.route.proxy_variable}, {self._or_exempt}"

    # --- connections -------------------------------------------------------------------------------------------

    def _silence(self) -> Reason:
        if self.connected:
            return Reason(f"no answer within {self.within:.0f} s, though a connection was made", FIX_SILENCE)
        if self.route.proxy:
            return Reason(f"no answer within {self.within:.0f} s", f"Check that it runs there, {self._or_exempt}")
        return Reason("no connection: nothing answers", FIX_ROUTE)

    def _no_connection(self, error: BaseException) -> Reason:
        number = getattr(error, "errno", None)
        cut = aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError | ConnectionResetError
        if isinstance(error, cut) or number in CUT:
            return Reason("the connection closed early", FIX_TEMPORARY)
        if isinstance(error, aiohttp.ClientResponseError):
            return Reason("the server does not speak HTTP", "Check host and port, and what listens there.")
        if number in UNROUTED and self.is_ipv6_only():
            return self._family(self.route.first_hop[0])
        why = os.strerror(number) if number and number > 0 else type(error).__name__
        return Reason(f"no connection ({why})", self._fix_proxy if self._is_at_proxy(error) else FIX_ROUTE)

    # --- who was called ----------------------------------------------------------------------------------------

    def _failure(self, step: FailedStep, reason: Reason, error: BaseException) -> TransportFailure:
        who = self._first if self._is_at_proxy(error) else self._last
        return TransportFailure(step, *self._sentence(who, reason))

    def _sentence(self, who: str, reason: Reason) -> tuple[str, str]:
        return f"{who}: {reason.what}.", reason.fix

    @property
    def _first(self) -> str:
        return f"The proxy {self.route.proxy_address}" if self.route.proxy else self.route.endpoint

    @property
    def _last(self) -> str:
        through = f", through the proxy {self.route.proxy_address}" if self.route.proxy else ""
        return f"{self.route.endpoint}{through}"

    def _called(self, error: BaseException) -> str:
        return self.route.first_hop[0] if self._is_at_proxy(error) else self.route.host

    def _is_at_proxy(self, error: BaseException) -> bool:
        if self.route.proxy is None:
            return False
        if isinstance(error, aiohttp.ClientProxyConnectionError):
            return True
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError):
            return (error.host, error.port) == self.route.first_hop  # TLS: with the proxy, or through it
        return not self.connected
