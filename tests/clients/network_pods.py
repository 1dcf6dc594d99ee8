"""A pod without Kubernetes: a network namespace with AWS's link-local addresses, in it the lab and the sidecar.

Both are run as a user runs them: commands and environment. The ports are the same in every pod.
"""

import asyncio
import os
import re
import secrets
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import NamedTuple

import aiohttp

from sidecar.admin.shared_pages import PAGE_LASTS
from sidecar.demo import two_roles
from tests.clients.processes import process
from tests.waiting import HANGS_AFTER

ROLE = two_roles.BASE
WHO = "arn:aws:sts::111122223333:assumed-role/demo/"
REGION = "us-east-1"
STS = "http://127.0.0.1:9922"
"""The lab's own default."""
IMDS_ADDRESS, ECS_ADDRESS = LINK_LOCAL = "169.254.169.254", "169.254.170.2"
IRSA_SIDECAR = str(Path(sys.executable).with_name("irsa-sidecar"))
_REQUESTS = re.compile(
    r'^irsa_sidecar_client_requests_total\{face="([^"]+)",major="([^"]+)",sdk="([^"]+)"\} ([0-9.e+]+)$', re.MULTILINE
)
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Scenario:
    """How the world is set up. `session_lifetime` in seconds, instead of what the sidecar asks for; None: an hour.

    `link_local`: the namespace has AWS's two addresses, and the sidecar listens on these instead of loopback.
    """

    name: str
    link_local: bool
    imds_v1: bool = False
    session_lifetime: int | None = None
    named_roles: bool = False
    """The sidecar serves the demo's two roles too, each for its token alone."""


class NotReady(Exception):
    """The network, the lab or the sidecar did not come up. The text is what they said."""


class Kind(NamedTuple):
    """What the sidecar tells apart: the face asked, and the SDK and major version that the User-Agent names."""

    face: str
    sdk: str
    major: str


@dataclass(frozen=True, slots=True)
class Pod:
    """One that runs. `home` is what its containers share."""

    namespace: str
    home: Path
    admin: aiohttp.ClientSession = field(repr=False)

    def inside(self, *command: str) -> tuple[str, ...]:
        """`command`, in this pod's network."""
        return ("ip", "netns", "exec", self.namespace, *command)

    @property
    def token_file(self) -> Path:
        return self.home / "authorization-token"

    @property
    def config_file(self) -> Path:
        return self.home / "config"

    @property
    def credentials_file(self) -> Path:
        return self.home / "shared" / "credentials"

    @property
    def roles(self) -> Path:
        """The directory of the named roles' profiles and tokens."""
        return self.home / "roles"

    async def requests(self) -> Counter[Kind]:
        """Requests that reached the sidecar so far, from its metrics page."""
        await asyncio.sleep(2 * PAGE_LASTS)  # the page may be that old
        async with self.admin.get("http://localhost/metrics") as answer:
            found = _REQUESTS.findall(await answer.text())
        return Counter({Kind(face, sdk, major): int(float(value)) for face, major, sdk, value in found})

    async def is_ready(self) -> bool:
        """As the startup probe asks: can a credential be served?"""
        try:
            async with self.admin.get("http://localhost/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False


def bare(home: Path) -> dict[str, str]:
    """An environment without the developer's AWS settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "JAVA_HOME") if name in os.environ}
    return kept | {"HOME": str(home)}


@asynccontextmanager
async def running(scenario: Scenario, directory: Path) -> AsyncIterator[Pod]:
    """A pod that is ready, with a home of its own in `directory`. Raises `NotReady`."""
    async with AsyncExitStack() as stack:
        namespace = await stack.enter_async_context(_network(LINK_LOCAL if scenario.link_local else ()))
        home = directory / namespace
        (home / "shared").mkdir(parents=True)
        connector = aiohttp.UnixConnector(str(home / "admin.sock"))
        admin = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        pod = Pod(namespace, home, admin)
        pod.token_file.touch(mode=0o600)
        pod.token_file.write_text(secrets.token_urlsafe())
        pod.config_file.write_text(f"[default]\ncredential_process = {IRSA_SIDECAR} credential-process\n")
        await stack.enter_async_context(process(_lab(pod, scenario), bare(home), home / "lab.log"))
        await _until(lambda: _exists(home / "lab" / "running.json"), home)
        settings = bare(home) | _settings(pod, scenario)
        if scenario.named_roles:
            two_roles.write_profiles(pod.roles)
            two_roles.add_to_iam(home / "lab" / "iam.yaml")
            settings |= two_roles.variables(pod.roles)
        serve = pod.inside(IRSA_SIDECAR, "serve")
        await stack.enter_async_context(process(serve, settings, home / "sidecar.log"))
        await _until(pod.is_ready, home)
        yield pod


def _lab(pod: Pod, scenario: Scenario) -> tuple[str, ...]:
    lives = () if scenario.session_lifetime is None else ("--session-lifetime", str(scenario.session_lifetime))
    return pod.inside(IRSA_SIDECAR, "lab", "--state", str(pod.home / "lab"), "--region", REGION, *lives)


def _settings(pod: Pod, scenario: Scenario) -> dict[str, str]:
    if scenario.link_local:
        listen = {"SIDECAR_IMDS_LISTEN": f"{IMDS_ADDRESS}:80", "SIDECAR_ECS_LISTEN": f"{ECS_ADDRESS}:80"}
    else:
        listen = {"SIDECAR_IMDS_LISTEN": "127.0.0.1:9913"}
    return listen | {
        "AWS_ROLE_ARN": ROLE,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(pod.home / "lab/projected/default/app/token"),
        "AWS_ENDPOINT_URL_STS": STS,
        "SIDECAR_ADMIN_LISTEN": f"unix:{pod.home}/admin.sock",
        "SIDECAR_AUTH_TOKEN_FILE": str(pod.token_file),
        "SIDECAR_IMDS_V1": "true" if scenario.imds_v1 else "false",
        "SIDECAR_CREDENTIALS_FILE": str(pod.credentials_file),
        "SIDECAR_GRACE": "0",
    }


@asynccontextmanager
async def _network(addresses: Sequence[str]) -> AsyncIterator[str]:
    name = f"irsa-clients-{os.getpid()}-{next(_numbers)}"
    await _ip("netns", "add", name)
    try:
        await _ip("-n", name, "link", "set", "lo", "up")
        for address in addresses:
            await _ip("-n", name, "address", "add", f"{address}/32", "dev", "lo")
        yield name
    finally:
        await _ip("netns", "delete", name)


async def _ip(*arguments: str) -> None:
    child = await asyncio.create_subprocess_exec("ip", *arguments)
    if await child.wait():
        raise NotReady(f"`ip {' '.join(arguments)}` failed: this needs root and the right to make network namespaces.")


async def _exists(path: Path) -> bool:
    return path.exists()


async def _until(condition: Callable[[], Awaitable[bool]], home: Path) -> None:
    try:
        async with asyncio.timeout(HANGS_AFTER):
            while not await condition():
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise NotReady("\n".join(log.read_text(errors="replace") for log in home.glob("*.log"))) from error
