"""A real API server over a real etcd, on loopback, with nothing behind them: no scheduler, no controllers, no nodes.

As much of Kubernetes as judges manifests and issues tokens. Flags: kube-apiserver's reference, etcd's reference.
"""

import asyncio
import os
import secrets
import ssl
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.free_ports import free_ports
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.bucket import LOOPBACK, Bucket, as_pem
from tests.waiting import HANGS_AFTER

"""Seconds, on a machine that is busy with other tests."""
KEY, PUBLIC_KEY = "sa-signer.key", "sa-signer.pub"


@dataclass(frozen=True, slots=True)
class Cluster:
    """An API server that answers. Its issuer is `bucket`; the first of `public_keys` verifies what it signs now.

    `directory` is its own; `tokens` holds who may do what, `etcd` is an address.
    """

    program: Path
    directory: Path
    etcd: str
    port: int
    bucket: Bucket
    public_keys: tuple[Path, ...]
    tokens: Path
    administrator: str = field(repr=False)
    flags: tuple[str, ...] = ()
    """More of them."""

    @asynccontextmanager
    async def api(self) -> AsyncIterator[Api]:
        """The API, for an administrator."""
        async with self._session({"Authorization": f"Bearer {self.administrator}"}) as http:
            yield Api(http)

    @asynccontextmanager
    async def anonymous(self) -> AsyncIterator[Api]:
        """The API, for somebody who shows nothing."""
        async with self._session({}) as http:
            yield Api(http)

    def _session(self, headers: dict[str, str]) -> aiohttp.ClientSession:
        """The server makes itself a certificate when it starts."""
        context = ssl.create_default_context(cafile=self.directory / "apiserver.crt")
        connector = aiohttp.TCPConnector(ssl=context)
        return aiohttp.ClientSession(f"https://{LOOPBACK}:{self.port}", connector=connector, headers=headers)

    @property
    def command(self) -> tuple[str, ...]:
        """The issuer's flags are those of a self-hosted cluster whose documents lie in a bucket."""
        flags = [
            ("etcd-servers", self.etcd),
            ("bind-address", LOOPBACK),
            ("secure-port", str(self.port)),
            ("cert-dir", str(self.directory)),
            ("token-auth-file", str(self.tokens)),
            ("authorization-mode", "RBAC"),
            ("service-account-issuer", self.bucket.url),
            ("service-account-jwks-uri", f"{self.bucket.url}/openid/v1/jwks"),
            ("service-account-signing-key-file", f"{self.directory}/{KEY}"),
            *(("service-account-key-file", str(path)) for path in self.public_keys),
            ("api-audiences", "https://kubernetes.default.svc"),
            # An address for documentation (RFC 5737), and nobody who would announce it.
            ("advertise-address", "192.0.2.1"),
            ("endpoint-reconciler-type", "none"),
            # On this machine, so that what listens at a ClusterIP is asked; each cluster has a range of its own.
            ("service-cluster-ip-range", f"127.{self.port >> 8}.{self.port & 255}.0/24"),
        ]
        return (str(self.program), *(f"--{name}={value}" for name, value in flags), *self.flags)


@asynccontextmanager
async def a_cluster(program: Path, directory: Path, bucket: Bucket, *flags: str) -> AsyncIterator[Cluster]:
    """etcd and the kube-apiserver `program`, until the block ends."""
    client, peer, port = free_ports(3)
    etcd = f"http://{LOOPBACK}:{client}"
    administrator, tokens = secrets.token_urlsafe(), directory / "tokens.csv"
    _write(tokens, f"{administrator},administrator,administrator,system:masters\n".encode())
    keys = (_new_key(directory),)
    cluster = Cluster(program, directory, etcd, port, bucket, keys, tokens, administrator, flags)
    command = _etcd(directory / "etcd", etcd, f"http://{LOOPBACK}:{peer}")
    async with _process(directory / "etcd.log", command), _serving(cluster):
        yield cluster


@asynccontextmanager
async def with_a_new_key(old: Cluster, directory: Path) -> AsyncIterator[Cluster]:
    """Another API server of the same cluster, which signs with a new key and still accepts the old one.

    So a signing key is rotated: the API servers are replaced, one by one.
    """
    (port,) = free_ports(1)
    directory.mkdir()
    keys = (_new_key(directory), *old.public_keys)
    new = Cluster(old.program, directory, old.etcd, port, old.bucket, keys, old.tokens, old.administrator)
    async with _serving(new):
        yield new


def _new_key(directory: Path) -> Path:
    """Gives the public one; the private one lies beside it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write(directory / KEY, as_pem(key))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    public = directory / PUBLIC_KEY
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, spki))
    return public


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _etcd(data: Path, client: str, peer: str) -> tuple[str, ...]:
    return (
        *("etcd", "--data-dir", str(data), "--unsafe-no-fsync", "--log-level", "error"),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"),
    )


@asynccontextmanager
async def _serving(cluster: Cluster) -> AsyncIterator[None]:
    log = cluster.directory / "apiserver.log"
    async with _process(log, cluster.command) as server:
        async with asyncio.timeout(HANGS_AFTER):
            while not await _is_ready(cluster):
                assert server.returncode is None, log.read_text()[-3000:]
                await asyncio.sleep(0.1)
        yield


@asynccontextmanager
async def _process(log: Path, command: tuple[str, ...]) -> AsyncIterator[Process]:
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            *command, env={"PATH": os.environ["PATH"]}, stdin=DEVNULL, stdout=output, stderr=output
        )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()  # nothing here is worth a farewell
        await child.wait()


async def _is_ready(cluster: Cluster) -> bool:
    """Also False while the server has not even written its certificate."""
    try:
        async with cluster.api() as api:
            await api.text("/readyz")
    except (FileNotFoundError, ssl.SSLError, aiohttp.ClientError, Refused):
        return False
    return True
