"""By which way an application is meant to get its credentials: what its variables name, and what the sidecar offers."""

import enum
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import SplitResult, urlsplit

from sidecar.core.variables import CREDENTIALS_FILE, FULL_URI, METADATA_ENDPOINT, RELATIVE_URI
from sidecar.doctor.pod import Pod
from sidecar.faces.registry import CONTAINER, ECS, IMDS, FaceSpec
from sidecar.faces.routes import role_named_by
from sidecar.http.addresses import LOOPBACK_NAMES, WILDCARDS, Address, TcpAddress, canonical_host
from sidecar.settings.roles import RoleSettings

HTTP_PORT = 80
METADATA_HOSTS = frozenset({"169.254.169.254", "fd00:ec2::254"})
"""Where SDKs look for EC2's metadata when no variable tells."""
ECS_HOST = "169.254.170.2"
"""Where SDKs look for what AWS_CONTAINER_CREDENTIALS_RELATIVE_URI names."""


class Way(enum.Enum):
    """The ways to the credentials, as docs/ways.md has them."""

    FULL_URI = "the container endpoint"
    RELATIVE_URI = "the ECS address"
    METADATA = "IMDS"
    FILE = "the credentials file"


_BY_VARIABLE = {FULL_URI: Way.FULL_URI, RELATIVE_URI: Way.RELATIVE_URI, METADATA_ENDPOINT: Way.METADATA}


def ways(pod: Pod) -> frozenset[Way]:
    """Those that lead to the sidecar or are meant to; where none is, the one whose variable is missing."""
    return _named(pod) or _unasked(pod) or frozenset({_offered(pod)})


def _named(pod: Pod) -> frozenset[Way]:
    named = {way for variable, way in _BY_VARIABLE.items() if pod.has(variable)}
    return frozenset(named | ({Way.FILE} if reads_our_file(pod) else set()))


def _unasked(pod: Pod) -> frozenset[Way]:
    """An SDK finds the metadata at AWS's own addresses without a variable."""
    return frozenset({Way.METADATA} if serves_metadata_address(pod) else ())


def _offered(pod: Pod) -> Way:
    """What somebody turned on comes before what is on by default."""
    if pod.config is None:
        return Way.FULL_URI
    if pod.config.credentials_file:
        return Way.FILE
    if addresses(pod, IMDS):
        return Way.METADATA
    return Way.RELATIVE_URI if addresses(pod, ECS) and not addresses(pod, CONTAINER) else Way.FULL_URI


def file_read(pod: Pod) -> str:
    """The credentials file that an SDK there reads; relative where the application's home is not known."""
    app = pod.app or {}
    return app.get(CREDENTIALS_FILE) or f"{app.get('HOME', '~')}/.aws/credentials"


def reads_our_file(pod: Pod) -> bool:
    """By the file's name: the application may have mounted the volume somewhere else."""
    written = pod.config.credentials_file if pod.config else None
    if written is None:
        return False
    read = PurePosixPath(file_read(pod))
    named = pod.app is not None and CREDENTIALS_FILE in pod.app
    return read.name == written.name if named else read.parts[-2:] == written.parts[-2:]


def serves_metadata_address(pod: Pod) -> bool:
    """Whether EC2's own metadata address is the sidecar's in this pod, so that the node's cannot be reached."""
    return any(address.host in METADATA_HOSTS and address.port == HTTP_PORT for address in tcp(addresses(pod, IMDS)))


def serves_ecs_address(pod: Pod) -> bool:
    return TcpAddress(ECS_HOST, HTTP_PORT) in addresses(pod, ECS)


def shared(pod: Pod, face: FaceSpec) -> tuple[Address, ...]:
    """Where the face shows several roles."""
    return pod.config.listen[face] if pod.config else ()


def addresses(pod: Pod, face: FaceSpec) -> tuple[Address, ...]:
    """Where the face listens: also where it shows one role alone."""
    return (*shared(pod, face), *(address for role in served(pod) for address in role.listen.get(face, ())))


def served(pod: Pod) -> tuple[RoleSettings, ...]:
    return pod.config.roles.served if pod.config else ()


def leads_to(pod: Pod, face: FaceSpec, url: SplitResult) -> bool:
    """Whether a connection for this URL gets to the face, be it that of one role alone."""
    return _reached(addresses(pod, face), url)


def role_alone_at(pod: Pod, url: SplitResult, *faces: FaceSpec) -> RoleSettings | None:
    """The role that one of these faces shows there at an address of the role's own; None where it shows several."""
    for role in served(pod):
        if any(_reached(role.listen.get(face, ()), url) for face in faces):
            return role
    return None


def roles_at(pod: Pod, url: SplitResult, *faces: FaceSpec) -> tuple[RoleSettings, ...]:
    """The roles that one of these faces shows there."""
    if alone := role_alone_at(pod, url, *faces):
        return (alone,)
    here = [face for face in faces if _reached(shared(pod, face), url)]
    return tuple(role for role in served(pod) if any(map(role.is_shown_among_others, here)))


def role_asked_for(pod: Pod, url: SplitResult, *faces: FaceSpec) -> RoleSettings | None:
    """The role that the path names, else the one that the address or the sidecar has for those that name none.

    None where no role has that name.
    """
    name = role_named_by(url.path)
    if not name and (alone := role_alone_at(pod, url, *faces)):
        return alone
    wanted = name or (pod.config.roles.default if pod.config else "")
    return next((role for role in served(pod) if role.name == wanted), None)


def where(pod: Pod, face: FaceSpec) -> str:
    """Where the face listens, for a message."""
    own = [f"{address} for {role.name} alone" for role in served(pod) for address in role.listen.get(face, ())]
    listened = [*map(str, shared(pod, face)), *own]
    shown = f"listens on {', '.join(listened)}" if listened else "is off"
    return f"The sidecar's {face.title} {shown} ({face.setting})."


def parsed(value: str) -> SplitResult | None:
    """None for what is no URL with a host."""
    try:
        url = urlsplit(value)
        usable = bool(url.hostname) and url.port != 0
    except ValueError:
        return None
    return url if usable else None


def tcp(found: Iterable[Address]) -> list[TcpAddress]:
    """Those that a URL can name."""
    return [address for address in found if isinstance(address, TcpAddress)]


def without_password(url: SplitResult) -> str:
    """Scheme and address, as a message may show them."""
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"


def _reached(found: Iterable[Address], url: SplitResult) -> bool:
    port, host = url.port or HTTP_PORT, url.hostname or ""
    return any(address.port == port and same_host(address.host, host) for address in tcp(found))


def same_host(listened: str, asked: str) -> bool:
    """Whether a connection gets there. `localhost` is both families; an address is only itself."""
    both = {listened, canonical_host(asked)}
    return len(both) == 1 or listened in WILDCARDS or ("localhost" in both and both <= LOOPBACK_NAMES)
