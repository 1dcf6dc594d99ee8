"""What the checks look at, gathered once: settings, token, the application's variables, who we are."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sidecar.core.errors import TokenUnreadable
from sidecar.core.model import Seconds, Token, UnixTime
from sidecar.core.variables import AUTHORIZATION_FILE, FULL_URI
from sidecar.doctor.pod_document import Application
from sidecar.explain import PolicyText
from sidecar.explain.jwt_parts import NotAJwt, UnverifiedToken, take_apart
from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import Config, load
from sidecar.settings.roles import ContainerSettings, WebIdentitySettings
from sidecar.sources.token_file import TokenFile

TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE"  # noqa: S105 (a variable's name)
MOUNTINFO = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True)
class User:
    """Whom the kernel takes us for."""

    uid: int
    gid: int
    groups: tuple[int, ...]

    def __str__(self) -> str:
        return f"uid {self.uid}, gid {self.gid}, groups {', '.join(map(str, self.groups)) or 'none'}"


def this_user() -> User:
    return User(os.getuid(), os.getgid(), tuple(sorted(os.getgroups())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A snapshot. `app` is the application's environment, None where nobody gave it. Environments hold secrets."""

    environ: Mapping[str, str] = field(repr=False)
    app: Mapping[str, str] | None = field(repr=False)
    now: UnixTime
    user: User
    mountinfo: Path
    trust_policy: PolicyText | None
    config: Config | None
    complaints: tuple[str, ...]
    """Why there is no config."""
    token: Token | None
    trouble: TokenUnreadable | None
    """Why there is no token, though there is a path."""
    container: str = ""
    """The application's container, where it is known."""
    hidden: Mapping[str, str] = field(default_factory=dict)
    """Variables of the application whose values we do not see, and where they are."""
    sources: tuple[str, ...] = ()
    """Whence the application may have variables that we do not see at all."""
    read_at: Seconds = field(default_factory=time.monotonic)
    """When `now` was read, by a clock that nobody sets."""

    def later(self) -> UnixTime:
        """What the clock that `now` was read from shows at this moment."""
        return self.now + time.monotonic() - self.read_at

    def has(self, variable: str) -> bool:
        """Whether the application has it, and not empty, whether or not we see its value."""
        return bool((self.app or {}).get(variable)) or variable in self.hidden

    def without(self, *variables: str) -> str:
        """The command that takes variables away from the application."""
        return f"kubectl set env WORKLOAD -c {self.container or 'APP'} {' '.join(f'{name}-' for name in variables)}"

    def of(self, application: Application) -> "Pod":
        """The same pod, with another application to look at."""
        return replace(
            self,
            app=application.variables,
            container=application.name,
            hidden=application.hidden,
            sources=application.sources,
        )

    @property
    def web_identity(self) -> WebIdentitySettings | None:
        """The default role, where it is assumed with the projected token."""
        source = self.config.roles.default_role.source if self.config else None
        return source if isinstance(source, WebIdentitySettings) else None

    @property
    def container_endpoint(self) -> ContainerSettings | None:
        """Whence the default role's credentials come, where it is another container endpoint."""
        source = self.config.roles.default_role.source if self.config else None
        return source if isinstance(source, ContainerSettings) else None

    @property
    def token_path(self) -> Path | None:
        """Where the token should be, even if other settings are wrong."""
        if self.config:
            return self.config.roles.default_role.token_file
        path = self.environ.get(TOKEN_FILE, "")
        return Path(path) if path.startswith("/") else None

    @property
    def token_key(self) -> str:
        """The variable, or the profile's key, that names that place."""
        if self.web_identity:
            return self.web_identity.token_file_key
        return TOKEN_FILE if self.container_endpoint is None else AUTHORIZATION_FILE

    @property
    def unverified(self) -> UnverifiedToken | None:
        """The token taken apart; None if there is none, or it is no JWT."""
        try:
            return take_apart(self.token.raw) if self.token else None
        except NotAJwt:
            return None


async def inspect_pod(
    environ: Mapping[str, str],
    *,
    app: Mapping[str, str] | None,
    now: UnixTime,
    trust_policy: PolicyText | None = None,
    user: User | None = None,
    mountinfo: Path = MOUNTINFO,
) -> Pod:
    """Read the settings and the token file. Never raises: what is wrong becomes part of the snapshot."""
    config, complaints = _config(environ)
    pod = Pod(
        environ=environ,
        app=app if app is not None else _our_own(environ, config),
        now=now,
        user=user or this_user(),
        mountinfo=mountinfo,
        trust_policy=trust_policy,
        config=config,
        complaints=complaints,
        token=None,
        trouble=None,
    )
    return pod if pod.token_path is None else await _with_token(pod, pod.token_path)


def _our_own(environ: Mapping[str, str], config: Config | None) -> Mapping[str, str] | None:
    """Our environment is an application's only if it names a credentials endpoint, as in a shell or on a laptop, and
    that is not where the sidecar itself takes credentials from.
    """
    asked = config is not None and any(isinstance(role.source, ContainerSettings) for role in config.roles)
    return environ if FULL_URI in environ and not asked else None


def _config(environ: Mapping[str, str]) -> tuple[Config | None, tuple[str, ...]]:
    try:
        return load(environ, []), ()
    except BadConfig as error:
        return None, tuple(map(str, error.complaints))


async def _with_token(pod: Pod, path: Path) -> Pod:
    try:
        return replace(pod, token=await TokenFile(path, pod.token_key).read())
    except TokenUnreadable as trouble:
        return replace(pod, trouble=trouble)
