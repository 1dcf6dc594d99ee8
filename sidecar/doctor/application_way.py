"""By which way an application is meant to get its credentials: what its variables name, and what the sidecar offers."""

import enum
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import SplitResult, urlsplit

from sidecar.core.variables import CREDENTIALS_FILE, FULL_URI, METADATA_ENDPOINT, RELATIVE_URI
from sidecar.doctor.pod import Pod
from sidecar.faces.registry import CONTAINER, ECS, IMDS, FaceSpec
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
    if pod.config.listen[IMDS]:
        return Way.METADATA
    return Way.RELATIVE_URI if pod.config.listen[ECS] and not pod.config.listen[CONTAINER] else Way.FULL_URI


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
    return any(address.host in METADATA_HOSTS and address.port == HTTP_PORT for address in _all(pod, IMDS))


def serves_ecs_address(pod: Pod) -> bool:
    return TcpAddress(ECS_HOST, HTTP_PORT) in _all(pod, ECS)


def tcp(pod: Pod, face: FaceSpec) -> list[TcpAddress]:
    """Where the face shows all roles."""
    return _of_tcp(pod.config.listen[face] if pod.config else ())


def leads_to(pod: Pod, face: FaceSpec, url: SplitResult) -> bool:
    """Whether a connection for this URL gets to the face, be it that of one role alone."""
    return _reached(_all(pod, face), url)


def role_alone_at(pod: Pod, url: SplitResult, *faces: FaceSpec) -> RoleSettings | None:
    """The role that one of these faces shows there at an address of the role's own; None where it shows several."""
    for role in pod.config.roles.served if pod.config else ():
        if any(_reached(_of_tcp(role.listen.get(face, ())), url) for face in faces):
            return role
    return None


def where(pod: Pod, face: FaceSpec) -> str:
    """Where the face listens, for a message."""
    listened = pod.config.listen[face] if pod.config else ()
    shown = f"listens on {', '.join(map(str, listened))}" if listened else "is off"
    return f"The sidecar's {face.title} {shown} ({face.setting})."


def parsed(value: str) -> SplitResult | None:
    """None for what is no URL with a host."""
    try:
        url = urlsplit(value)
        usable = bool(url.hostname) and url.port != 0
    except ValueError:
        return None
    return url if usable else None


def _of_tcp(addresses: Iterable[Address]) -> list[TcpAddress]:
    return [address for address in addresses if isinstance(address, TcpAddress)]


def _all(pod: Pod, face: FaceSpec) -> list[TcpAddress]:
    """Also those where only one role is shown."""
    served = pod.config.roles.served if pod.config else ()
    return tcp(pod, face) + _of_tcp(address for role in served for address in role.listen.get(face, ()))


def _reached(addresses: Iterable[TcpAddress], url: SplitResult) -> bool:
    port, host = url.port or HTTP_PORT, url.hostname or ""
    return any(address.port == port and _same_host(address.host, host) for address in addresses)


def _same_host(listened: str, asked: str) -> bool:
    """Whether a connection gets there. `localhost` is both families; an address is only itself."""
    both = {listened, canonical_host(asked)}
    return len(both) == 1 or listened in WILDCARDS or ("localhost" in both and both <= LOOPBACK_NAMES)
