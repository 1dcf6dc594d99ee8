"""`irsa-sidecar webhook` as manifests/webhook installs it: its replicas, and a Service in front of them.

The replicas are real processes with the manifest's arguments, and with the token and the rights of its ServiceAccount.
There is no kube-proxy: `Service` stands in for it, and the MutatingWebhookConfiguration leads to that.
"""

import asyncio
import base64
import itertools
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from sidecar.inject.asking import MISSPELT
from tests.free_ports import free_ports
from tests.inject.kit import pod
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.documents import Manifest, together
from tests.kubernetes.namespaces import a_namespace
from tests.kubernetes.piping import piped
from tests.kubernetes.policies import labelled
from tests.tls import Issuer
from tests.waiting import HANGS_AFTER

NAME = "irsa-sidecar-webhook"
IRSA_SIDECAR = str(Path(sys.executable).with_name("irsa-sidecar"))
LOOPBACK = "127.0.0.1"
DENIED = 'admission webhook "inject.irsa-sidecar.dev" denied the request'


@dataclass(frozen=True, slots=True)
class Replica:
    """One that is ready, or was."""

    process: Process
    port: int
    admin: str

    async def page(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as http, http.get(f"{self.admin}{path}") as answer:
            return answer.status, await answer.text()

    async def metric(self, series: str) -> float:
        _, page = await self.page("/metrics")
        return next(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(f"{series} "))

    async def is_ready(self) -> bool:
        with suppress(aiohttp.ClientConnectionError):
            return (await self.page("/readyz"))[0] == 200
        return False

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@dataclass(slots=True)
class Service:
    """As kube-proxy: each new connection goes to the next of the ready replicas."""

    port: int = 0
    replicas: list[Replica] = field(default_factory=list)
    turn: Iterator[int] = field(default_factory=itertools.count)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._connected, LOOPBACK, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            if self.replicas:
                chosen = self.replicas[next(self.turn) % len(self.replicas)]
                there = await asyncio.open_connection(LOOPBACK, chosen.port)
                await piped((reader, writer), there)
        writer.close()


@dataclass(frozen=True, slots=True)
class Installation:
    """The webhook in a cluster. `directory` holds the certificate, and the token of the service account."""

    api: Api
    cluster: Cluster
    directory: Path
    documents: list[Manifest]
    service: Service
    issuer: Issuer
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def certificate(self) -> Path:
        return self.directory / "tls"

    def write_certificate(self, issuer: Issuer) -> None:
        """A new one for the Service, in place of the old one, file by file."""
        number = next(self.numbers)
        issuer.server(self.directory, subject=f"webhook-{number}")
        for suffix, name in ((".pem", "tls.crt"), (".key", "tls.key")):
            (self.directory / f"webhook-{number}{suffix}").replace(self.certificate / name)

    async def trust(self, *issuers: Issuer) -> None:
        """Put the CAs into the configuration, and so into force."""
        bundle = base64.b64encode(b"".join(issuer.pem for issuer in issuers)).decode()
        found = next(each for each in self.documents if each["kind"] == "MutatingWebhookConfiguration")
        leads_to = {"url": f"https://{LOOPBACK}:{self.service.port}/mutate", "caBundle": bundle}
        (webhook,) = found["webhooks"]
        await self.api.apply(found | {"webhooks": [webhook | {"clientConfig": leads_to}]})

    async def reviews(self) -> float:
        """How many pods the first replica was asked about."""
        return await self.service.replicas[0].metric("irsa_sidecar_webhook_review_duration_seconds_count")

    async def may(self, attributes: Manifest) -> bool:
        """Whether the API server lets the webhook's service account do this, in any namespace."""
        asked = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": f"system:serviceaccount:irsa-sidecar:{NAME}", "resourceAttributes": attributes},
        }
        answer = await self.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", asked)
        return bool(answer["status"]["allowed"])

    @asynccontextmanager
    async def replica(self, image: str, *arguments: str) -> AsyncIterator[Replica]:
        """One more behind the Service, until the block ends; it ends as the kubelet ends it."""
        port, admin = free_ports(2)
        own = ("--listen", f"{LOOPBACK}:{port}", "--admin-listen", f"{LOOPBACK}:{admin}", "--grace", "0.5")
        files = ("--certificate", str(self.certificate), "--service-account", str(self.directory))
        command = (IRSA_SIDECAR, *self._arguments(image), *own, *files, *arguments)
        environ = {"KUBERNETES_SERVICE_HOST": LOOPBACK, "KUBERNETES_SERVICE_PORT": str(self.cluster.port)}
        with (self.directory / "webhook.log").open("ab") as log:
            child = await asyncio.create_subprocess_exec(*command, env=environ, stdin=DEVNULL, stdout=log, stderr=log)
        replica = Replica(child, port, f"http://{LOOPBACK}:{admin}")
        try:
            await self._ready(replica)
            self.service.replicas.append(replica)
            yield replica
        finally:
            await self.end(replica)

    def _arguments(self, image: str) -> list[str]:
        """The manifest's, as the kubelet puts variables into them."""
        (deployment,) = (found for found in self.documents if found["kind"] == "Deployment")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        variables = {item["name"]: item["value"] for item in container["env"]} | {"IMAGE": image}
        found: list[str] = container["args"]
        for name, value in variables.items():
            found = [argument.replace(f"$({name})", value) for argument in found]
        return found

    async def _ready(self, replica: Replica) -> None:
        async with asyncio.timeout(HANGS_AFTER):
            while not await replica.is_ready():
                assert replica.process.returncode is None, (self.directory / "webhook.log").read_text()[-2000:]
                await asyncio.sleep(0.05)

    async def end(self, replica: Replica) -> None:
        if replica.process.returncode is None:
            replica.send(signal.SIGCONT)
            replica.send(signal.SIGTERM)
        if replica in self.service.replicas:
            self.service.replicas.remove(replica)
        await replica.process.wait()


@asynccontextmanager
async def installed(
    cluster: Cluster, directory: Path, image: str, arguments: Sequence[str] = (), replicas: int = 2
) -> AsyncIterator[Installation]:
    """manifests/webhook applied, with as many replicas; removed when the block ends."""
    service, issuer = Service(), Issuer("webhook-ca")
    documents = [document.content for document in together("webhook")]
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(cluster.api())
        await stack.enter_async_context(service.serving())
        found = Installation(api, cluster, directory, documents, service, issuer)
        found.certificate.mkdir()
        found.write_certificate(issuer)
        for document in documents:
            if document["kind"] != "MutatingWebhookConfiguration":
                await api.apply(document)
        await _give_account(found)
        for _ in range(replicas):
            await stack.enter_async_context(found.replica(image, *arguments))
        await found.trust(issuer)
        try:
            await until_in_force(api)
            yield found
        finally:
            await remove(found)


async def _give_account(found: Installation) -> None:
    """What the kubelet mounts: the token of the manifest's ServiceAccount, and the API server's CA."""
    path = f"/api/v1/namespaces/irsa-sidecar/serviceaccounts/{NAME}/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    (found.directory / "token").write_text((await found.api.post(path, asked))["status"]["token"])
    (found.directory / "ca.crt").write_bytes((found.cluster.directory / "apiserver.crt").read_bytes())


async def remove(found: Installation) -> None:
    """As docs/rollout.md does it, but for the namespace, which nothing here would empty."""
    for document in found.documents:
        if document["kind"] == "MutatingWebhookConfiguration":
            with suppress(Refused):
                await found.api.delete(document)
    await until_in_force(found.api, wanted=False)


async def until_in_force(api: Api, *, wanted: bool = True) -> None:
    """The API server looks for changes of its webhooks all the time, but not at once."""
    namespace = await a_namespace(api)
    async with asyncio.timeout(HANGS_AFTER):
        while await _is_asked(api, namespace) is not wanted:
            await asyncio.sleep(0.1)


async def _is_asked(api: Api, namespace: str) -> bool:
    """By a request that is misspelt: without the webhook it is a label like any other."""
    try:
        await api.dry_run(labelled(pod(), value="misspelt"), namespace)
    except Refused as refusal:
        return f"{DENIED}: {MISSPELT}" in str(refusal)
    return False


async def verdict(api: Api, asking: Manifest, namespace: str) -> str:
    """What becomes of a pod: `refused`, `warned` or `admitted`; else what the API server said."""
    try:
        warnings = await api.warnings(asking, namespace)
    except Refused as refusal:
        return "refused" if DENIED in str(refusal) else str(refusal)
    return "warned" if any(warning.startswith("Pod/") for warning in warnings) else "admitted"
