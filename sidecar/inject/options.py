"""The options of an injection, checked first with the parsers of the sidecar's own settings."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sidecar import __version__
from sidecar.core import audiences
from sidecar.faces.registry import CONTAINER, IMDS
from sidecar.http.addresses import WILDCARDS, Address, TcpAddress
from sidecar.inject import asking
from sidecar.inject.container_roles import ContainerRoles
from sidecar.inject.names import TOKEN_DIRECTORY
from sidecar.inject.resources import Resources
from sidecar.inject.surroundings import Surroundings
from sidecar.settings import parsers
from sidecar.settings.catalogue import FROM_ENVIRONMENT, SETTINGS
from sidecar.settings.complaints import BadConfig, BadSetting
from sidecar.settings.config import Config, load

MINIMUM_EXPIRATION, MAXIMUM_EXPIRATION = 600, 86_400
"""Seconds of a projected token's life: Kubernetes' minimum, and what the EKS webhook asks for at most."""

USUAL_EXPIRATION = 3600

_SET_OTHERWISE = {
    "AWS_ROLE_ARN": "use --role-arn",
    "AWS_REGION": "use --region",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "inject mounts the token and sets this",
    "SIDECAR_AUTH_TOKEN": "inject sets it from the pod's UID; a token on a command line is no secret",
    "AWS_CONFIG_FILE": "use --profiles",
    "SIDECAR_PROFILES": "use --profiles and --container-role",
    "SIDECAR_DEFAULT_PROFILE": "--role-arn is the default role",
    "SIDECAR_AUTH_TOKEN_FILE": "inject sets SIDECAR_AUTH_TOKEN from the pod's UID",
}
_FILE = "SIDECAR_CREDENTIALS_FILE"
_NEEDS_A_VOLUME = "it needs a volume that both containers mount; write that pod manually (see docs/ways.md)."
_CA_BUNDLE = "AWS_CA_BUNDLE"
"""The settings' parser opens this file, which is in the pod and not here."""
_ALLOWED = [setting.variable for setting in SETTINGS] + [name for name, _ in FROM_ENVIRONMENT]
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
"""A name of an object, as DNS takes it."""
_IMAGE = re.compile(r"[a-z0-9][\w./:-]*(@sha256:[0-9a-f]{64})?", re.ASCII)
_AUDIENCE = re.compile(r"[!-~]{1,1024}")


class BadOptions(ValueError):
    """Options that no sidecar could run with. One complaint on each line."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to inject, and where. Raises `BadOptions` with all complaints."""

    role_arn: str = ""
    region: str = ""
    image: str = f"irsa-sidecar:{__version__}"
    audience: str = audiences.STS
    token_expiration: int = USUAL_EXPIRATION
    settings: Mapping[str, str] = field(default_factory=dict)
    classic: bool = False
    containers: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    surroundings: Surroundings = field(default_factory=Surroundings)
    resources: Resources = field(default_factory=Resources)
    image_pull_policy: str = ""
    image_pull_secrets: tuple[str, ...] = ()
    priority_class: str = ""
    roles: ContainerRoles = field(default_factory=ContainerRoles)
    pod_identity: bool = False
    """The source is EKS Pod Identity: no role and no token for STS."""
    config: Config = field(init=False, repr=False)

    def __post_init__(self) -> None:
        complaints = [*_own(self), *_not_settable(self.settings)]
        if not complaints:
            try:
                object.__setattr__(self, "config", _config(self))
            except BadConfig as bad:
                complaints += map(str, bad.complaints)
        if not complaints:
            complaints += _unreachable(self)
        if complaints:
            raise BadOptions(complaints)

    def cautions(self) -> Iterator[str]:
        """Warnings that hold for all pods: what may be intended, but works in few clusters."""
        if not _names_registry(self.image):
            yield (
                f"--image: {self.image} names no registry, so a node that does not hold it asks Docker Hub; push it to "
                f"a registry of yours and pass --image REGISTRY/{self.image}."
            )
        if bundle := self.settings.get(_CA_BUNDLE):
            yield (
                f"--set {_CA_BUNDLE}: inject mounts no file at {bundle}, and the sidecar does not start without it. "
                "Add it to the image, or write that pod manually with a volume for it."
            )
        yield from self.resources.cautions()

    def environment(self) -> dict[str, str]:
        """The sidecar's variables that are the same in every pod."""
        # Kubernetes stops a native sidecar after the application, so there is nothing to wait for.
        grace = {} if self.classic else {"SIDECAR_GRACE": "0"}
        return grace | dict(self.settings)

    @property
    def port(self) -> int | None:
        """The port of the container-credentials endpoint; None if credentials are served in other ways only."""
        return next((port for _, port in _tcp(self.config.listen[CONTAINER])), None)

    @property
    def admin_port(self) -> int:
        return _for_the_kubelet(self.config)[0]

    @property
    def metadata_port(self) -> int | None:
        """The port of the IMDS endpoint on loopback, which an application must be told; None if there is none."""
        return next((port for host, port in _tcp(self.config.listen[IMDS]) if host in {"127.0.0.1", "localhost"}), None)


def _own(options: Options) -> Iterator[str]:
    if options.pod_identity and options.role_arn:
        yield "--pod-identity: not with --role-arn; the association names the role."
    if options.pod_identity and options.roles.arns:
        yield f"--container-role: {asking.NO_WEB_IDENTITY}."
    if not options.region and "AWS_ENDPOINT_URL_STS" not in options.settings:
        yield "--region: required, to call that region's STS; or --set AWS_ENDPOINT_URL_STS=URL."
    if not _IMAGE.fullmatch(options.image):
        yield f"--image: {options.image!r} is not an image; use registry/name:tag or name@sha256:digest."
    if not _AUDIENCE.fullmatch(options.audience):
        yield f"--audience: {options.audience!r} is not an audience; STS expects {audiences.STS}."
    if not MINIMUM_EXPIRATION <= options.token_expiration <= MAXIMUM_EXPIRATION:
        yield (
            f"--token-expiration: {options.token_expiration} is not allowed; "
            f"{MINIMUM_EXPIRATION} to {MAXIMUM_EXPIRATION} (seconds) is, "
            "and 3600 or more leaves time to repair a failure."
        )
    yield from options.resources.complaints()
    yield from options.roles.complaints(options.settings.get("AWS_ENDPOINT_URL_STS"))
    yield from _misnamed(options)


def _misnamed(options: Options) -> Iterator[str]:
    if options.image_pull_policy not in {"", *PULL_POLICIES}:
        yield f"--image-pull-policy: {options.image_pull_policy!r} is none; {', '.join(PULL_POLICIES)} are."
    for secret in options.image_pull_secrets:
        if not _NAME.fullmatch(secret):
            yield f"--image-pull-secret: {secret!r} is not the name of a Secret."
    if options.priority_class and not _NAME.fullmatch(options.priority_class):
        yield f"--priority-class: {options.priority_class!r} is not the name of a PriorityClass."


def _names_registry(image: str) -> bool:
    """By the rule of container runtimes: what precedes the first slash looks like a host."""
    host, slash, _ = image.partition("/")
    return bool(slash) and ("." in host or ":" in host or host == "localhost")


def _not_settable(settings: Mapping[str, str]) -> Iterator[str]:
    for name, text in settings.items():
        if name in _SET_OTHERWISE:
            yield f"--set {name}: {_SET_OTHERWISE[name]}."
        elif name.startswith(_FILE):
            yield f"--set {name}: {_NEEDS_A_VOLUME}"
        elif name.endswith("_LISTEN") and any(part.strip().startswith("unix:") for part in text.split(",")):
            yield f"--set {name}: {text!r} has a Unix socket: {_NEEDS_A_VOLUME}"
        elif name not in _ALLOWED:
            near = difflib.get_close_matches(name, _ALLOWED, n=1)
            yield f"--set {name}: unknown setting" + (
                f"; did you mean {near[0]}?" if near else "; see docs/settings.md."
            )
        elif name.endswith("_PROXY") and "@" in text:
            yield f"--set {name}: a password does not belong on a command line or into a manifest; use a Secret."


_OF_EKS = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/token",
}
"""What EKS adds to a container of a pod that has a Pod Identity association."""


def _config(options: Options) -> Config:
    """What the sidecar would run with in a pod. Raises `BadConfig`."""
    flags = [f"--role-arn={options.role_arn or 'arn:aws:iam::111122223333:role/named-later'}"]
    if options.pod_identity:
        flags = []
    flags += [f"--region={options.region}"] if options.region else []
    environ = options.environment() | {
        "AWS_WEB_IDENTITY_TOKEN_FILE": f"{TOKEN_DIRECTORY}/token",
        "SIDECAR_AUTH_TOKEN": "the-uid-of-the-pod",
    }
    if options.pod_identity:
        environ.pop("AWS_WEB_IDENTITY_TOKEN_FILE")
        environ |= _OF_EKS
    if bundle := environ.pop(_CA_BUNDLE, None):
        try:
            parsers.file_path(bundle)
        except ValueError as error:
            raise BadConfig([BadSetting(_CA_BUNDLE, f"{error}.", value=repr(bundle))]) from None
    return load(environ, flags)


def _unreachable(options: Options) -> Iterator[str]:
    if not _for_the_kubelet(options.config):
        yield "SIDECAR_ADMIN_LISTEN: the kubelet calls the pod's own address; listen on 0.0.0.0:PORT or [::]:PORT."
    hosts = {host for host, _ in _tcp(options.config.listen[CONTAINER])}
    if hosts and not hosts & {"127.0.0.1", "localhost", *WILDCARDS}:
        yield "SIDECAR_LISTEN: 127.0.0.1 is the one address that every SDK accepts; listen there."
    if options.roles.by_container and not hosts:
        yield f"--container-role: {asking.NO_ENDPOINT}."


def _for_the_kubelet(config: Config) -> list[int]:
    return [port for host, port in _tcp(config.admin_listen) if host in WILDCARDS]


def _tcp(addresses: tuple[Address, ...]) -> list[tuple[str, int]]:
    return [(address.host, address.port) for address in addresses if isinstance(address, TcpAddress)]
