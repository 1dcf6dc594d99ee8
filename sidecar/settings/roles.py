"""The roles that one sidecar serves: where the credentials of each come from, and who is given them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sidecar.core.arns import RoleArn
from sidecar.core.session_request import ChainedSessionRequest, SessionRequest
from sidecar.faces.registry import CONTAINER, ECS, FaceSpec
from sidecar.http.addresses import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackRegion:
    """Another region of the same partition, whose STS is asked while the first one's is down."""

    region: str
    endpoint: str
    proxy: str | None = field(default=None, repr=False)
    """None to go direct. It may hold a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StsConnection:
    """Which STS a role is asked for, by which way, and whom to trust there."""

    endpoint: str
    region: str | None
    """None where an endpoint of one's own choosing needs none; a signed call needs one."""
    proxy: str | None = field(default=None, repr=False)
    """None to go direct. It may hold a password."""
    ca_bundle: Path | None = None
    """None for the system's CAs."""
    fallbacks: tuple[FallbackRegion, ...] = ()
    """In the order in which they are asked. Where there are any, `region` is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebIdentitySettings:
    """AssumeRoleWithWebIdentity with the projected token in `token_file`."""

    role_arn: RoleArn
    token_file: Path
    session: SessionRequest
    sts: StsConnection
    token_file_key: str = field(default="AWS_WEB_IDENTITY_TOKEN_FILE", compare=False)
    """The variable, or the profile's key, that names `token_file`: what to change where the file is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSettings:
    """AssumeRole, signed with the credentials of the role that is named `base`, which is in the same `RoleSet`."""

    role_arn: RoleArn
    base: str
    session: ChainedSessionRequest
    sts: StsConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSettings:
    """Another container-credentials endpoint, such as the EKS Pod Identity agent's."""

    url: str
    token: str | None = field(default=None, repr=False)
    """What to send as `Authorization`, where it is in a variable."""
    token_file: Path | None = None
    """The file that holds it; read at each call."""
    ca_bundle: Path | None = None
    """Of an https endpoint; None for the system's CAs."""

    @property
    def is_encrypted(self) -> bool:
        return self.url.startswith("https:")

    @property
    def origin(self) -> str:
        """The URL as it is shown: without its path, which tells an ECS task from others."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


SourceSettings = WebIdentitySettings | ChainSettings | ContainerSettings
"""Where one role's credentials come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsFileSettings:
    """A section of a shared credentials file. Several roles may have sections of one file."""

    path: Path
    profile: str
    """The section's name; no two roles share one in the same file."""


AUTH_TOKEN_MODE = 0o640
"""For the file's owner and its group: the pod's `fsGroup`, where it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSettings:
    """One role. Two of them are equal when nothing about the role has changed."""

    name: str
    """The profile's, or `default` for the role that plain variables describe: 1 to 64 of A-Z a-z 0-9 _ . @ + = -"""
    source: SourceSettings
    served: bool = True
    """False where nobody asked for it: it is only the base of another, and no application is given it."""
    required: bool = False
    """Whether `/readyz` waits for it. The default role is always required."""
    auth_token_file: Path | None = None
    """Applications get this role only with the token in this file; where there is none, the sidecar makes one."""
    auth_token_mode: int = AUTH_TOKEN_MODE
    """The permissions of a file that the sidecar makes there."""
    listen: Mapping[FaceSpec, tuple[Address, ...]] = field(default_factory=dict)
    """Addresses of its own, by face, where only this role is served; none for `off`. A face that is not there shows it
    where all roles are shown, at the addresses in `Config.listen`.
    """
    credentials_file: CredentialsFileSettings | None = None

    def is_shown_among_others(self, face: FaceSpec) -> bool:
        """Whether it is served at the addresses of this face that roles share.

        A role with a container endpoint of its own is on no other where programs ask by name: its address may be what
        keeps others away from it.
        """
        own = {CONTAINER, face} if face is ECS else {face}
        return not own & self.listen.keys()

    @property
    def role_arn(self) -> RoleArn | None:
        """The role that is assumed; None where a container endpoint decides which it is."""
        return None if isinstance(self.source, ContainerSettings) else self.source.role_arn

    @property
    def sts(self) -> StsConnection | None:
        """None where no STS is asked."""
        return None if isinstance(self.source, ContainerSettings) else self.source.sts

    @property
    def ca_bundle(self) -> Path | None:
        """None for the system's CAs."""
        return self.source.ca_bundle if isinstance(self.source, ContainerSettings) else self.source.sts.ca_bundle

    @property
    def regions(self) -> tuple[str, ...]:
        """Those whose STS may issue the credentials, where there are several."""
        sts = self.sts
        return (sts.region or "", *(each.region for each in sts.fallbacks)) if sts and sts.fallbacks else ()

    @property
    def token_file(self) -> Path | None:
        """Of the token that is presented, where a file holds it."""
        return None if isinstance(self.source, ChainSettings) else self.source.token_file


@dataclass(frozen=True, slots=True)
class RoleSet:
    """All roles of a sidecar at one moment. `by_name`: each base stands before the roles that stand on it."""

    default: str
    """The role that is served where no name is given."""
    by_name: Mapping[str, RoleSettings]
    files: tuple[Path, ...] = field(default=(), compare=False)
    """What was read for them beside the config file: session policies."""
    warnings: tuple[str, ...] = ()
    """What works otherwise than the file says: a line each, for the log."""

    @property
    def default_role(self) -> RoleSettings:
        return self.by_name[self.default]

    @property
    def served(self) -> tuple[RoleSettings, ...]:
        """Those that applications may ask for, the default first."""
        rest = (role for role in self if role.served and role.name != self.default)
        return (self.default_role, *rest)

    def __iter__(self) -> Iterator[RoleSettings]:
        return iter(self.by_name.values())

    def __len__(self) -> int:
        return len(self.by_name)
