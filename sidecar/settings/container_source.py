"""A container-credentials endpoint as the source of a role: which may be named, and that it is not ourselves."""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from sidecar.core.authorization_token import checked_token
from sidecar.core.variables import AUTHORIZATION, AUTHORIZATION_FILE, FULL_URI
from sidecar.http.addresses import (
    LOOPBACK_NAMES,
    WILDCARDS,
    Address,
    TcpAddress,
    canonical_host,
    is_host,
    is_loopback,
)
from sidecar.settings.complaints import BadSetting
from sidecar.settings.roles import ContainerSettings, RoleSettings

AGENT_HOSTS = frozenset({"169.254.170.23", "fd00:ec2::23"})
"""Where the EKS Pod Identity agent listens on each node."""
ECS_HOST = "169.254.170.2"
PORTS = {"http": 80, "https": 443}


def is_agent(url: str) -> bool:
    """Whether this is the EKS Pod Identity agent's, by its address."""
    return canonical_host(urlsplit(url).hostname or "") in AGENT_HOSTS


def unusable_endpoint(role: RoleSettings, listeners: Iterable[tuple[str, Address]]) -> Iterator[BadSetting]:
    """Complaints about an endpoint that cannot be asked, or is one of our own `listeners`, each with its setting."""
    if isinstance(role.source, ContainerSettings):
        yield from _unusable(role.source, listeners)


def _unusable(source: ContainerSettings, listeners: Iterable[tuple[str, Address]]) -> Iterator[BadSetting]:
    if not _is_url(source.url):
        problem = "is not an endpoint; use http(s)://host[:port]/path, without user."
        yield BadSetting(FULL_URI, problem, value="the value (not shown)")
        return
    if problem := _host_problem(source.url) or _loop(source.url, listeners):
        yield BadSetting(FULL_URI, problem, value=repr(source.origin))
    yield from _unusable_token(source)


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        known = parts.scheme in PORTS and is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return known and plain and not (parts.username or parts.password or parts.fragment)


def _host_problem(url: str) -> str:
    """SDKs send the token unencrypted to no other host."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or is_loopback(host) or canonical_host(host) in AGENT_HOSTS | {ECS_HOST}:
        return ""
    return (
        "would send the token unencrypted over a network; use https, a loopback host, 169.254.170.2 (Amazon ECS), or "
        "169.254.170.23 or [fd00:ec2::23] (EKS Pod Identity)."
    )


def _loop(url: str, listeners: Iterable[tuple[str, Address]]) -> str:
    """The sidecar would ask itself for what it is asked for."""
    parts = urlsplit(url)
    port = parts.port or PORTS[parts.scheme]
    for setting, address in listeners:
        if isinstance(address, TcpAddress) and address.port == port and _reaches(parts.hostname or "", address):
            return (
                f"is the sidecar's own address ({setting}): it would ask itself. This variable is for the "
                "program; in the sidecar's container set AWS_ROLE_ARN, or the URL of another endpoint."
            )
    return ""


def _reaches(host: str, listener: TcpAddress) -> bool:
    """Does a request to `host` arrive at the listener? A name under localhost may mean either loopback address."""
    if listener.host in WILDCARDS:
        return is_loopback(host) or canonical_host(host) in AGENT_HOSTS | {ECS_HOST}
    asked = canonical_host(host)
    if asked == "localhost" or not asked:
        return is_loopback(host) and (is_loopback(listener.host) or listener.host in LOOPBACK_NAMES)
    mine = canonical_host(listener.host)
    return asked == mine or (mine == "localhost" and asked in {"127.0.0.1", "::1"})


def _unusable_token(source: ContainerSettings) -> Iterator[BadSetting]:
    if source.token_file is not None and not source.token_file.is_absolute():
        yield BadSetting(AUTHORIZATION_FILE, "is not an absolute path.", value=repr(str(source.token_file)))
    if source.token_file is None and source.token is not None:
        try:
            checked_token(source.token)
        except ValueError as error:
            yield BadSetting(AUTHORIZATION, f"is not usable: {error}.", value="the value (not shown)")
    if source.token_file is None and source.token is None and is_agent(source.url):
        problem = "required: the EKS Pod Identity agent gives nothing without the pod's token. EKS sets both variables."
        yield BadSetting(AUTHORIZATION_FILE, problem)
