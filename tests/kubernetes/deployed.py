"""The pods of a Deployment that the API server keeps, as processes, and the Service in front of them.

What a pod is comes from the API server alone: it was admitted there, so it has its token's volume too. Each one has a
network and a file system of its own: arguments, environment, mounts, ports and probes of the manifest count as they
are. Users and limits do not.

There is no kube-proxy. But the API server calls a Service of a webhook at its ClusterIP, and the clusters of these
tests have theirs in 127.0.0.0/8, which is this machine: what listens there is kube-proxy's stand-in.
"""

import asyncio
import base64
import itertools
import os
import re
import secrets
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.kubernetes.api import Api
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.documents import ROOT, Manifest, pod_of
from tests.kubernetes.kubelet.node import image_of
from tests.kubernetes.piping import piped
from tests.needs import needs
from tests.own_network import PUBLIC, inside, new_network
from tests.waiting import HANGS_AFTER

STARTS_WITHIN = 60
"""Seconds: by the startup probe of manifests/webhook."""
EMPTY = ("/etc", "/run")
"""Directories of which an image has nothing that these pods need: what is mounted in them is all."""


def what_it_needs() -> None:
    """Skip the test where it cannot run; where it should, in CI, fail."""
    needs("bwrap", "ip")
    if os.geteuid():
        pytest.skip("a network for each pod, and port 443, need root")


@dataclass(frozen=True, slots=True)
class DeployedPod:
    """One that runs, with one container. `network` is a descriptor."""

    manifest: Manifest
    network: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def container(self) -> Manifest:
        (found,) = self.manifest["spec"]["containers"]
        return dict(found)

    def port(self, name: str) -> int:
        return int(next(port["containerPort"] for port in self.container["ports"] if port["name"] == name))

    def socket(self, _: object = None) -> socket.socket:
        """A new one, inside the pod."""
        with inside(self.network):
            return socket.socket()

    def send(self, *numbers: signal.Signals) -> None:
        """To the program: its parent is bwrap."""
        if self.process.poll() is None:
            parent = self.process.pid
            (program,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
            for number in numbers:
                os.kill(int(program), number)

    async def page(self, port: str, path: str) -> tuple[int, str]:
        """As the kubelet and Prometheus ask: at the pod's address. Raises `ClientConnectionError`."""
        connector = aiohttp.TCPConnector(socket_factory=self.socket)
        url = f"http://{PUBLIC}:{self.port(port)}{path}"
        async with aiohttp.ClientSession(connector=connector) as http, http.get(url) as answer:
            return answer.status, await answer.text()

    async def passes(self, probe: str) -> bool:
        """One of the manifest's probes."""
        asked = self.container[probe]["httpGet"]
        with suppress(aiohttp.ClientConnectionError):
            return (await self.page(asked["port"], asked["path"]))[0] < 400
        return False

    async def connected(self, port: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises `OSError`."""
        there = self.socket()
        there.setblocking(False)
        await asyncio.get_running_loop().sock_connect(there, (PUBLIC, self.port(port)))
        return await asyncio.open_connection(sock=there)


@dataclass(slots=True)
class Service:
    """Each new connection to its ClusterIP goes to the next of the ready pods."""

    manifest: Manifest
    pods: list[DeployedPod] = field(default_factory=list)
    turn: Iterator[int] = field(default_factory=itertools.count)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        address, (port,) = self.manifest["spec"]["clusterIP"], self.manifest["spec"]["ports"]
        async with await asyncio.start_server(self._connected, address, port["port"]):
            yield

    @property
    def endpoints(self) -> list[DeployedPod]:
        wanted = self.manifest["spec"]["selector"].items()
        return [pod for pod in self.pods if wanted <= pod.manifest["metadata"]["labels"].items()]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (port,) = self.manifest["spec"]["ports"]
        with suppress(OSError):
            if found := self.endpoints:
                there = await found[next(self.turn) % len(found)].connected(port["targetPort"])
                await piped((reader, writer), there)
        writer.close()


class Deployment:
    """The Deployment controller, the kubelet and kube-proxy of one Deployment and its Service, as far as needed."""

    def __init__(self, api: Api, cluster: Cluster, directory: Path, name: str, namespace: str) -> None:
        self._api = api
        self._cluster = cluster
        self._directory = directory
        self._path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
        self._namespace = namespace
        self._lives = AsyncExitStack()
        self.service = Service({})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Its pods as the API server has it now, and its Service, until the block ends."""
        name = self._path.rpartition("/")[2]
        self.service.manifest = await self._api.get(f"/api/v1/namespaces/{self._namespace}/services/{name}")
        async with self._lives, self.service.serving():
            await self.roll_out()
            yield

    async def roll_out(self) -> None:
        """Replace the pods: each new one is ready before an old one is told to end (maxUnavailable: 0)."""
        wanted, old = await self._api.get(self._path), list(self.service.pods)
        assert wanted["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        for _ in range(wanted["spec"]["replicas"]):
            self.service.pods.append(await self._lives.enter_async_context(self._pod(wanted)))
            if old:
                await self.end(old.pop())
        for pod in old:
            await self.end(pod)

    async def end(self, pod: DeployedPod) -> None:
        """As the kubelet does, once its endpoint is gone. The second signal, a person's, saves its grace."""
        self.service.pods.remove(pod)
        pod.send(signal.SIGCONT, signal.SIGTERM, signal.SIGINT)
        assert await asyncio.to_thread(pod.process.wait, HANGS_AFTER) == 0, pod.log.read_text()[-2000:]

    @asynccontextmanager
    async def _pod(self, deployment: Manifest) -> AsyncIterator[DeployedPod]:
        made = pod_of(deployment)
        assert made
        made["metadata"]["name"] = f"{deployment['metadata']['name']}-{secrets.token_hex(5)}"
        admitted = await self._api.create(made, self._namespace)
        directory = self._directory / made["metadata"]["name"]
        mounts = [(place, await self._volume(volume, admitted, directory)) for place, volume in _mounts(admitted)]
        where = (await self._api.get("/api/v1/namespaces/default/services/kubernetes"))["spec"]["clusterIP"]
        environment = {"KUBERNETES_SERVICE_HOST": where, "KUBERNETES_SERVICE_PORT": "443"}
        log = directory / "log"
        with new_network() as network:
            with inside(network):
                gate = socket.create_server((where, 443))
                process = _start(admitted, mounts, environment, log)
            pod = DeployedPod(admitted, network, process, log)
            try:
                async with await asyncio.start_server(self._to_the_api_server, sock=gate):
                    await _ready(pod)
                    yield pod
            finally:
                process.kill()
                process.wait()
                await self._api.delete(admitted)

    async def _to_the_api_server(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there = await asyncio.open_connection("127.0.0.1", self._cluster.port)
            await piped((reader, writer), there)
        writer.close()

    async def _volume(self, volume: Manifest, pod: Manifest, directory: Path) -> Path:
        """Its directory. Raises `KeyError` for a kind that is not modelled."""
        place = directory / str(volume["name"])
        place.mkdir(parents=True)
        if "secret" in volume:
            path = f"/api/v1/namespaces/{self._namespace}/secrets/{volume['secret']['secretName']}"
            for name, content in (await self._api.get(path))["data"].items():
                (place / name).write_bytes(base64.b64decode(content))
            return place
        for source in volume["projected"]["sources"]:
            await self._project(source, pod, place)
        return place

    async def _project(self, source: Manifest, pod: Manifest, place: Path) -> None:
        if "serviceAccountToken" in source:
            wanted = source["serviceAccountToken"]
            (place / wanted["path"]).write_text(await self._token(pod, wanted["expirationSeconds"]))
        elif "configMap" in source:
            assert source["configMap"]["name"] == "kube-root-ca.crt"  # which a controller makes, and none is here
            (place / "ca.crt").write_bytes((self._cluster.directory / "apiserver.crt").read_bytes())
        else:
            (item,) = source["downwardAPI"]["items"]
            (place / item["path"]).write_text(self._namespace)

    async def _token(self, pod: Manifest, seconds: int) -> str:
        bound = {"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
        wanted = {"expirationSeconds": seconds, "boundObjectRef": bound}
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": wanted}
        path = f"/api/v1/namespaces/{self._namespace}/serviceaccounts/{pod['spec']['serviceAccountName']}/token"
        return str((await self._api.post(path, asked))["status"]["token"])


def _mounts(pod: Manifest) -> Iterator[tuple[str, Manifest]]:
    """Each place in the container, with its volume."""
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    (container,) = pod["spec"]["containers"]
    for mount in container["volumeMounts"]:
        yield mount["mountPath"], volumes[mount["name"]]


def _start(
    pod: Manifest, mounts: list[tuple[str, Path]], environment: dict[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """In this thread's network, with nothing writable."""
    (container,) = pod["spec"]["containers"]
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    entrypoint, *more = image_of(ROOT / "Dockerfile").entrypoint
    command = [entrypoint, *more, *(_expanded(argument, variables) for argument in container["args"])]
    sandbox = ["bwrap", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for place in EMPTY:
        sandbox += ["--tmpfs", place]
    for place, source in mounts:
        sandbox += ["--ro-bind", str(source), str(Path(place).resolve())]
    environ = {"PATH": f"{ROOT / '.venv' / 'bin'}:/usr/bin:/bin", **environment, **variables}
    with log.open("wb") as output:
        return subprocess.Popen(
            [*sandbox, "--", *command], env=environ, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )


def _expanded(argument: str, variables: dict[str, str]) -> str:
    """As the kubelet does it: what is unknown stays."""
    return re.sub(r"\$\(([A-Z_]+)\)", lambda found: variables.get(found[1], found[0]), argument)


async def _ready(pod: DeployedPod) -> None:
    async with asyncio.timeout(HANGS_AFTER):
        while not await pod.passes("readinessProbe"):
            assert pod.process.poll() is None, pod.log.read_text()[-2000:]
            await asyncio.sleep(0.05)
    assert await pod.passes("startupProbe")
    assert await pod.passes("livenessProbe")
