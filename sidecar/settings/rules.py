"""What settings mean only together: STS's URL, the proxy on the way there, and who could reach what is served.

`values` holds each setting's value by its variable; one that was refused is missing, and has its complaint already.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from os.path import normpath
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sidecar.core.arns import role_arn_parser
from sidecar.faces.registry import CONTAINER, FACES
from sidecar.http.addresses import WILDCARDS, Address, TcpAddress, UnixAddress, is_loopback
from sidecar.settings.complaints import BadSetting
from sidecar.settings.roles import RoleSet
from sidecar.sts.endpoints import BadProxy, proxy_for, sts_endpoint

T = TypeVar("T")
Values = Mapping[str, Any]
Named = tuple[str, T]
"""Something, by the setting that asks for it."""
LISTENERS = (*(face.setting for face in FACES), "SIDECAR_ADMIN_LISTEN")
"""The settings of all that listens."""
_REGION = re.compile(r"[a-z]+(-[a-z]+)+-[0-9]+")
_PSEUDO_REGION = re.compile(r"aws(-[a-z-]+)?-global")
"""Means the global endpoint, which is refused with words of its own."""
_ZONE = re.compile(rf"{_REGION.pattern}[a-z]")
_NEAR_REGION = re.compile(r"(?P<place>[a-z]+(-[a-z]+)+)-?(?P<number>[0-9]+)[a-z]?")
PATHS = (
    "AWS_CONFIG_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "SIDECAR_AUTH_TOKEN_FILE",
    "AWS_CA_BUNDLE",
    "SIDECAR_CREDENTIALS_FILE",
)


def foreign_role(values: Values) -> Iterator[BadSetting]:
    """A complaint about a role's ARN in another server's form, where AWS's own STS would be asked."""
    role, url = values.get("AWS_ROLE_ARN"), values.get("AWS_ENDPOINT_URL_STS")
    if role is None:
        return
    try:
        role_arn_parser(url)(str(role))
    except ValueError as error:
        problem = f"{error}, other forms only for an STS server named by AWS_ENDPOINT_URL_STS."
        yield BadSetting("AWS_ROLE_ARN", problem, value=repr(str(role)))


def endpoint(values: Values) -> str:
    """STS's URL. Never the global endpoint, which a private subnet cannot reach. Raises `BadSetting`."""
    url, region = values.get("AWS_ENDPOINT_URL_STS"), values.get("AWS_REGION")
    fips, dualstack = bool(values.get("AWS_USE_FIPS_ENDPOINT")), bool(values.get("AWS_USE_DUALSTACK_ENDPOINT"))
    if url:
        if fips or dualstack:
            problem = "cannot be combined with FIPS or dual-stack; set only one of them."
            raise BadSetting("AWS_ENDPOINT_URL_STS", problem, value=repr(url))
        return str(url)
    if region:
        refuse_misspelt(str(region))
        try:
            return sts_endpoint(str(region), fips=fips, dualstack=dualstack)
        except ValueError as error:
            raise BadSetting("AWS_REGION", str(error)) from None
    if "AWS_REGION" in values:
        raise BadSetting(
            "AWS_REGION",
            "required, to call that region's STS (the global endpoint is never used); or set AWS_ENDPOINT_URL_STS.",
        )
    return ""


def refuse_misspelt(region: str, variable: str = "AWS_REGION") -> None:
    """AWS's regions all have one form; any other would only fail as a host name that does not resolve.

    Raises `BadSetting`, of `variable`.
    """
    if _REGION.fullmatch(region) or _PSEUDO_REGION.fullmatch(region):
        return
    near = _NEAR_REGION.fullmatch(region.lower())
    zone = "is an availability zone, not a region" if near and _ZONE.fullmatch(region) else "is not a region of AWS"
    meant = f"; did you mean {near['place']}-{near['number']}?" if near else "; use a name such as eu-central-1."
    raise BadSetting(variable, f"{zone}{meant}", value=repr(region))


def proxy(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy on the way to `url`; None to go direct. Raises `BadSetting`."""
    try:
        return proxy_for(url, environ)
    except BadProxy as error:
        raise BadSetting(error.variable, f"{error}.", value="the value (not shown)") from None


def exposed(values: Values) -> Iterator[BadSetting]:
    """Complaints about addresses that others can reach where nothing would protect the credentials."""
    has_token = bool(values.get("SIDECAR_AUTH_TOKEN") or values.get("SIDECAR_AUTH_TOKEN_FILE"))
    for face in FACES:
        if face.protected and has_token:
            continue
        for address in values.get(face.setting, ()):
            if not address.private:
                yield BadSetting(face.setting, _how_to_protect(protected=face.protected), value=repr(str(address)))


def unencrypted(values: Values) -> Iterator[BadSetting]:
    """A complaint about an STS endpoint to which the token would go in clear text over a network."""
    url = values.get("AWS_ENDPOINT_URL_STS")
    if url is None or values.get("SIDECAR_STS_HTTP"):
        return
    parts = urlsplit(str(url))
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        problem = (
            "would send the token unencrypted, for everybody on the way to use; use an https endpoint, or set "
            "SIDECAR_STS_HTTP=true to accept that."
        )
        yield BadSetting("AWS_ENDPOINT_URL_STS", problem, value=repr(str(url)))


def colliding(paths: Iterable[Named[str]]) -> Iterator[BadSetting]:
    """Complaints about one path for two things: one of them would overwrite the other, or be read for it."""
    used: dict[str, str] = {}
    for name, path in paths:
        place = normpath(path)
        if place in used and used[place] != name:
            yield BadSetting(name, f"is also the path of {used[place]}; give each its own.", value=repr(path))
        used.setdefault(place, name)


def paths(values: Values) -> Iterator[Named[str]]:
    """Each path in the variables."""
    for variable in PATHS:
        if values.get(variable) is not None:
            yield variable, str(values[variable])
    yield from sockets(addresses(values))


def sockets(named: Iterable[Named[Address]]) -> Iterator[Named[str]]:
    """The paths among the addresses."""
    for name, address in named:
        if isinstance(address, UnixAddress):
            yield name, str(address.path)


def addresses(values: Values) -> Iterator[Named[Address]]:
    """Each address in the variables."""
    for variable in LISTENERS:
        for address in values.get(variable, ()):
            yield variable, address


def _how_to_protect(*, protected: bool) -> str:
    if protected:
        return (
            "can be reached from outside the pod; "
            "set SIDECAR_AUTH_TOKEN or SIDECAR_AUTH_TOKEN_FILE, or listen on 127.0.0.1."
        )
    return (
        "can be reached from outside the pod, and its clients send no authorization token; "
        "listen on a loopback or link-local address."
    )


def socket_access(values: Values) -> dict[str, tuple[Address, ...]]:
    """The addresses of each listener again, the Unix sockets with who may connect to them."""
    return {name: with_access(values[name], values) for name in LISTENERS if name in values}


def with_access(addresses: Iterable[Address], values: Values) -> tuple[Address, ...]:
    """The same addresses, the Unix sockets with their permissions, their group and their owner."""
    mode, group, owner = (values.get(f"SIDECAR_SOCKET_{name}") for name in ("MODE", "GROUP", "OWNER"))
    return tuple(
        address._replace(mode=mode, group=group, owner=owner) if isinstance(address, UnixAddress) else address
        for address in addresses
    )


def serves_no_one(values: Values, roles: RoleSet | None) -> Iterator[BadSetting]:
    """A complaint if every way to the credentials is off, those of single roles too. `roles`: None if unusable."""
    ways = [face.setting for face in FACES] + ["SIDECAR_CREDENTIALS_FILE"]
    of_roles = any(role.credentials_file or any(role.listen.values()) for role in (roles.served if roles else ()))
    if not of_roles and all(way in values and not values[way] for way in ways):
        yield BadSetting(
            CONTAINER.setting, "off, and all other endpoints are off too: no client could get credentials."
        )


def taken_twice(named: Iterable[Named[Address]]) -> Iterator[BadSetting]:
    """A complaint for each address that two of our own listeners would want."""
    wanted = [(name, address) for name, address in named if isinstance(address, TcpAddress)]
    for (first, one), (second, other) in combinations(wanted, 2):
        if _collide(one, other):
            problem = f"is taken by {first} ({one}) already; choose another port."
            yield BadSetting(second, problem, value=repr(str(other)))


def _collide(one: TcpAddress, other: TcpAddress) -> bool:
    return one.port == other.port != 0 and any(_same(mine, yours) for mine in _hosts(one) for yours in _hosts(other))


def _hosts(address: TcpAddress) -> tuple[str, ...]:
    return ("127.0.0.1", "::1") if address.host == "localhost" else (address.host,)


def _same(mine: str, yours: str) -> bool:
    """A wildcard has every address of its family."""
    return mine == yours or ((":" in mine) == (":" in yours) and bool({mine, yours} & WILDCARDS))
