"""Labs for tests: each on free ports, with keys made once for all, and real clients to ask them."""

import asyncio
import atexit
import json
import math
import shutil
import time
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import aiohttp
import boto3
from botocore import UNSIGNED
from botocore.client import BaseClient
from botocore.config import Config

from sidecar.lab.app import Lab, running
from sidecar.lab.cluster.accounts import ServiceAccount
from sidecar.lab.cluster.issuer import claims
from sidecar.lab.cluster.key_ring import KeyRing
from sidecar.lab.cluster.keys import SigningKey
from sidecar.lab.events import Answered, LabEvent
from sidecar.lab.settings import LabSettings
from sidecar.lab.state import StateDirectory
from tests.waiting import HANGS_AFTER

ROLE = "arn:aws:iam::111122223333:role/demo"
FREE = ("127.0.0.1", 0)
NAMESPACE = "{https://sts.amazonaws.com/doc/2011-06-15/}"


@cache
def made_keys() -> Path:
    """A directory with one signing key and one spare: making RSA keys is the slowest thing here."""
    state = StateDirectory(_a_directory())
    state.create()
    ring = KeyRing(state)
    ring.ensure(0.0)
    ring.spare()
    return state.keys


@cache
def strangers_key() -> SigningKey:
    """A key that no issuer publishes."""
    state = StateDirectory(_a_directory())
    state.create()
    ring = KeyRing(state)
    return ring.key(ring.new_kid())


def _a_directory() -> Path:
    """One that lasts as long as the tests run."""
    directory = Path(mkdtemp(prefix="irsa-lab-"))
    atexit.register(shutil.rmtree, directory)
    return directory


def with_keys(directory: Path) -> Path:
    shutil.copytree(made_keys(), directory / "keys", dirs_exist_ok=True)
    (directory / "keys" / "spare.pem").unlink()
    return directory


def with_spare(directory: Path) -> None:
    shutil.copy(made_keys() / "spare.pem", directory / "keys")


@dataclass(frozen=True)
class World:
    """A running lab and what it told."""

    lab: Lab
    events: list[LabEvent]
    client: Callable[..., BaseClient]
    clock: Callable[[], float]

    @property
    def answers(self) -> list[Answered]:
        return [event for event in self.events if isinstance(event, Answered)]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """A good token's claims, changed; None removes one."""
        found = claims(self.lab.issuer_url, ServiceAccount(), "sts.amazonaws.com", 3600, self.clock()) | changes
        return {name: value for name, value in found.items() if value is not None}

    def token(self, **changes: Any) -> str:
        return self.lab.issuer.signer(self.clock()).sign(self.claims(**changes))

    def policy(self, **changes: Any) -> dict[str, Any]:
        """The demo role's only statement, changed."""
        host = self.lab.issuer_url.removeprefix("http://")
        found = {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{host}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{host}:sub": "system:serviceaccount:default:app"}},
        }
        return {"Version": "2012-10-17", "Statement": found | changes}

    async def exchange(self, token: str | None = None, **parameters: Any) -> dict[str, Any]:
        """botocore's own AssumeRoleWithWebIdentity, unsigned, one attempt."""
        asked = {"RoleArn": ROLE, "RoleSessionName": "s1", "WebIdentityToken": token or self.token()} | parameters
        sts = self.client(signature_version=UNSIGNED)
        answer: dict[str, Any] = await asyncio.to_thread(sts.assume_role_with_web_identity, **asked)
        return answer

    async def identity(self, credentials: Mapping[str, Any], **config: Any) -> dict[str, Any]:
        """boto3's GetCallerIdentity with these credentials."""
        sts = self.client(credentials, **config)
        answer: dict[str, Any] = await asyncio.to_thread(sts.get_caller_identity)
        return answer


@asynccontextmanager
async def a_lab(directory: Path, clock: Callable[[], float] = time.time, **settings: Any) -> AsyncIterator[World]:
    """A lab in this directory. STS fetches the issuer's keys anew for each call, so that a fault shows at once."""
    wanted: dict[str, Any] = {
        "issuer": FREE,
        "sts": FREE,
        "control": FREE,
        "keep_jwks": 0.0,
        "key_period": math.inf,
    } | settings
    events: list[LabEvent] = []
    async with running(LabSettings(with_keys(directory), **wanted), events.append, clock) as lab:
        yield World(
            lab, events, lambda credentials=None, **config: sts_client(lab.sts_url, credentials, **config), clock
        )


def sts_client(url: str, credentials: Mapping[str, Any] | None = None, **config: Any) -> BaseClient:
    found = credentials or {}
    region = config.pop("region_name", "us-east-1")
    return _session().client(
        "sts",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=found.get("AccessKeyId"),
        aws_secret_access_key=found.get("SecretAccessKey"),
        aws_session_token=found.get("SessionToken"),
        config=Config(
            **{"retries": {"total_max_attempts": 1}, "connect_timeout": HANGS_AFTER, "read_timeout": HANGS_AFTER}
            | config
        ),
    )


@cache
def _session() -> boto3.Session:
    return boto3.Session()


@dataclass(frozen=True)
class Reply:
    """An answer as it came over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: str

    def find(self, name: str) -> str:
        """The text of the first element of that name; empty if there is none."""
        return ET.fromstring(self.body).findtext(f".//{NAMESPACE}{name}") or ""


async def post(url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Reply:
    async with aiohttp.ClientSession() as http, http.post(url, data=form, headers=headers) as answer:
        return Reply(answer.status, dict(answer.headers), await answer.text())


async def web_identity(world: World, token: str | None = None, **others: str) -> Reply:
    """AssumeRoleWithWebIdentity as a bare form, for what botocore itself would not send or not show."""
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "s1",
        "WebIdentityToken": token or world.token(),
    }
    return await post(world.lab.sts_url, form | others)


def as_json(document: Any) -> str:
    return json.dumps(document)


async def soon(condition: Callable[[], bool]) -> None:
    """Waits until it holds: for what another task does after it looks at the state directory."""
    async with asyncio.timeout(HANGS_AFTER):
        while not condition():
            await asyncio.sleep(0.02)
