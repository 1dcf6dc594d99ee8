"""The pods of `manifests/`, alive: on a simulated node, beside a lab that is their cluster's issuer and their AWS."""

import shlex
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import yaml

from sidecar.lab.app import Lab, running
from sidecar.lab.aws import iam
from sidecar.lab.events import Answered, LabEvent
from sidecar.lab.settings import LabSettings
from sidecar.lab.state import PUBLIC, StateDirectory, write
from tests.free_ports import free_ports
from tests.kubernetes.documents import ROOT, Manifest, pod_of
from tests.kubernetes.kubelet.node import ConfigMaps, Image, Node, image_of, variables
from tests.lab.worlds import FREE, with_keys
from tests.manifests.pod_spec import sidecar_of

SIDECAR = "irsa-sidecar"
CREDENTIALS, ADMIN = 9911, 9912
"""The sidecar's ports in manifests; on this machine each pod has its own."""
APPLICATION = (sys.executable, str(Path(__file__).with_name("application.py")))
NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class World:
    """A node, and the lab that it asks."""

    lab: Lab
    node: Node
    events: list[LabEvent]

    @property
    def exchanges(self) -> list[Answered]:
        """What STS answered to AssumeRoleWithWebIdentity."""
        answers = (event for event in self.events if isinstance(event, Answered))
        return [answer for answer in answers if answer.action == "AssumeRoleWithWebIdentity"]


def the_pod(file: str = "pod.yaml", **changed: object) -> Manifest:
    """The one pod of a file in `manifests/`, with entries of its spec changed."""
    found = [pod_of(document) for document in yaml.safe_load_all((ROOT / "manifests" / file).read_text())]
    (pod,) = filter(None, found)
    pod["spec"] |= changed
    return pod


def as_service(pod: Manifest) -> Manifest:
    """The same with an application that works until it is told to stop."""
    changed = deepcopy(pod)
    changed["spec"]["containers"][0] |= {"command": ["aws"], "args": ["work"]}
    return changed


def with_init_container(pod: Manifest, place: int) -> Manifest:
    """The same with the application also as an init container, `migrate`: above the sidecar (0), or below it (1)."""
    changed = deepcopy(pod)
    changed["spec"]["initContainers"].insert(place, pod["spec"]["containers"][0] | {"name": "migrate"})
    return changed


def as_classic(pod: Manifest, grace: str) -> Manifest:
    """The same with the sidecar among the ordinary containers, as before Kubernetes 1.29."""
    changed = deepcopy(pod)
    (sidecar,) = changed["spec"].pop("initContainers")
    del sidecar["restartPolicy"]
    sidecar["env"] = [entry for entry in sidecar["env"] if entry["name"] != "SIDECAR_GRACE"]
    sidecar["env"].append({"name": "SIDECAR_GRACE", "value": grace})
    changed["spec"]["containers"].insert(0, sidecar)
    return changed


@asynccontextmanager
async def a_world(directory: Path, pod: Manifest, applied: Iterable[Manifest] = ()) -> AsyncIterator[World]:
    """A lab that has heard of the pod's service account and role, and a node for the pod.

    `applied` is what else the user has applied: config maps count.
    """
    config_maps = {found["metadata"]["name"]: found["data"] for found in applied if found["kind"] == "ConfigMap"}
    settings = _settings(pod, config_maps)
    state = StateDirectory(with_keys(directory / "lab"))
    account = pod["spec"]["serviceAccountName"]
    write(state.cluster, _cluster(pod, account), PUBLIC)
    events: list[LabEvent] = []
    lab_settings = LabSettings(state.root, FREE, FREE, FREE, region=settings["AWS_REGION"])
    async with running(lab_settings, events.append) as lab:
        text = iam.default_text(lab.issuer_url, settings["AWS_ROLE_ARN"])
        write(state.iam, text.replace(":default:app", f":{NAMESPACE}:{account}").encode(), PUBLIC)
        yield World(lab, a_node(directory, lab, config_maps), events)


def _settings(pod: Manifest, config_maps: ConfigMaps) -> dict[str, str]:
    """What the sidecar is told, wherever it stands."""
    return variables(sidecar_of(pod["spec"]), {"metadata": {"uid": ""} | pod["metadata"]}, config_maps)


def _cluster(pod: Manifest, account: str) -> bytes:
    """The lab's service accounts, with the token that the manifest asks for."""
    sources = [source for volume in pod["spec"]["volumes"] for source in volume.get("projected", {}).get("sources", [])]
    (wanted,) = (source["serviceAccountToken"] for source in sources if "serviceAccountToken" in source)
    found = {"namespace": NAMESPACE, "name": account} | {key: wanted[key] for key in ("audience", "expirationSeconds")}
    return yaml.safe_dump({"serviceAccounts": [found]}).encode()


def a_node(directory: Path, lab: Lab, config_maps: ConfigMaps) -> Node:
    """One that runs the images of the manifests, beside the lab."""
    credentials, admin = free_ports(2)
    return Node(
        directory,
        images={"irsa-sidecar": image_of(ROOT / "Dockerfile"), "public.ecr.aws/aws-cli/aws-cli": Image(("aws",))},
        tokens=lab.state.root / "projected",
        ports={CREDENTIALS: credentials, ADMIN: admin},
        config_maps=config_maps,
        variables={
            "PATH": f"{programs(directory)}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "AWS_ENDPOINT_URL_STS": lab.sts_url,
            # The defaults, said aloud so that they are mapped; health on loopback, for this is no pod's own address.
            "SIDECAR_LISTEN": f"127.0.0.1:{credentials}",
            "SIDECAR_ADMIN_LISTEN": f"127.0.0.1:{admin}",
        },
    )


def programs(directory: Path) -> Path:
    """What the application's image has on its PATH: `aws`, which here is our own."""
    aws = directory / "bin" / "aws"
    aws.parent.mkdir()
    aws.write_text(f'#!/bin/sh\nexec {shlex.join(APPLICATION)} "$@"\n')
    aws.chmod(0o755)
    return aws.parent
