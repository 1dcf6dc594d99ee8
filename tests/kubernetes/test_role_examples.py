"""The worked manifests of docs/roles.md, alive: what is written in them is enough for each container's own role."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from sidecar import __version__
from sidecar.inject import Options, inject
from sidecar.lab.app import Lab
from sidecar.lab.app import running as running_lab
from sidecar.lab.aws import iam
from sidecar.lab.settings import LabSettings
from sidecar.lab.state import PUBLIC, StateDirectory, write
from tests.inject.kit import pod
from tests.kubernetes.documents import Manifest, pod_of
from tests.kubernetes.kubelet.pod import Pod, running
from tests.kubernetes.live_pods import CREDENTIALS, NAMESPACE, SIDECAR, a_node
from tests.lab.worlds import FREE, with_keys
from tests.manifests.rendering import Applied, applied

ACCOUNT = "irsa-sidecar-example"
BASE = f"arn:aws:iam::111122223333:role/{ACCOUNT}"
PARTNER = "arn:aws:iam::444455556666:role/irsa-sidecar-example-partner"
REGION = "eu-west-1"
"""As the examples have it."""
AGENT_AUDIENCE = "pods.eks.amazonaws.com"


def allowing(statement: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement]}


def chained(target: str, condition: dict[str, Any], *actions: str) -> list[dict[str, Any]]:
    """Further fields of the base role's entry, and the target's entry."""
    may = {"Action": ["sts:AssumeRole", *actions]}
    trusted = allowing(may | {"Principal": {"AWS": BASE}, "Condition": condition})
    return [{"arn": BASE, "policies": [allowing(may | {"Resource": target})]}, {"arn": target, "trustPolicy": trusted}]


TAGGED = {"StringEquals": {"aws:RequestTag/tenant": ["acme", "globex"]}}
ROLES: dict[str, list[dict[str, Any]]] = {
    "role-per-container": [{"arn": f"{BASE}-web"}, {"arn": f"{BASE}-reports"}],
    "chain": chained(PARTNER, {"StringEquals": {"sts:ExternalId": "acme:42"}}),
    "role-per-tenant": chained(f"{BASE}-tenant", TAGGED, "sts:TagSession"),
    "pod-identity": [
        {
            "arn": BASE,
            "trustPolicy": allowing(
                {"Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
            ),
        }
    ],
}
"""What the accounts must hold for each example; roles without a trust policy trust the service account."""


@asynccontextmanager
async def a_cluster(directory: Path, example: str, sent: Applied) -> AsyncIterator[tuple[Lab, Pod]]:
    """A lab whose accounts hold the example's roles, and the example's pod as it lives there."""
    state = StateDirectory(with_keys(directory / "lab"))
    by_agent = example == "pod-identity"
    audience = AGENT_AUDIENCE if by_agent else "sts.amazonaws.com"
    account = {"namespace": NAMESPACE, "name": ACCOUNT, "audience": audience, "expirationSeconds": 3600}
    write(state.cluster, yaml.safe_dump({"serviceAccounts": [account]}).encode(), PUBLIC)
    association = {"namespace": NAMESPACE, "serviceAccount": ACCOUNT, "roleArn": BASE}
    write(state.associations, yaml.safe_dump({"associations": [association]}).encode(), PUBLIC)
    settings = LabSettings(state.root, FREE, FREE, FREE, region=REGION, agent=FREE if by_agent else None)
    async with running_lab(settings) as lab:
        _write_iam(lab, ROLES[example])
        bare = pod_of(sent.workload)
        assert bare is not None
        config_maps = {each["metadata"]["name"]: each["data"] for each in sent.of_kind("ConfigMap")}
        node = a_node(directory, lab, config_maps)
        async with running(as_eks_sends_it(bare, lab) if by_agent else bare, node) as living:
            yield lab, living


def _write_iam(lab: Lab, roles: list[dict[str, Any]]) -> None:
    document = yaml.safe_load(iam.default_text(lab.issuer_url, BASE).replace(":default:app", f":{NAMESPACE}:{ACCOUNT}"))
    (first,) = document.pop("roles")
    entries = [first, *({"trustPolicy": first["trustPolicy"]} | role for role in roles)]
    document["roles"] = list({role["arn"]: role for role in entries}.values())
    write(lab.state.iam, json.dumps(document).encode(), PUBLIC)


def as_eks_sends_it(sent: Manifest, lab: Lab) -> Manifest:
    """What EKS adds for an association: to each container that has no such variable of its own."""
    changed = deepcopy(sent)
    directory = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"
    added = [
        {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": lab.agent_url},
        {"name": "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "value": f"{directory}/token"},
    ]
    for container in (*changed["spec"]["initContainers"], *changed["spec"]["containers"]):
        if added[0]["name"] not in {entry["name"] for entry in container["env"]}:
            container["env"] += added
            mount = {"name": "eks-pod-identity-token", "mountPath": directory}
            container["volumeMounts"] = [*container.get("volumeMounts", []), mount]
    token = {"path": "token", "audience": AGENT_AUDIENCE, "expirationSeconds": 86400}
    source = {"projected": {"sources": [{"serviceAccountToken": token}]}}
    changed["spec"].setdefault("volumes", []).append({"name": "eks-pod-identity-token"} | source)
    return changed


WHO: dict[str, dict[str, list[str]]] = {
    "role-per-container": {"web": [f"{ACCOUNT}-web"], "reports": [f"{ACCOUNT}-reports"]},
    "chain": {"app": [f"{ACCOUNT}-partner"]},
    "pod-identity": {"app": [ACCOUNT]},
    "role-per-tenant": {"app": [f"{ACCOUNT}-tenant"] * 2},
}
"""As which roles each container calls AWS, one call after another."""


@pytest.mark.parametrize("example", WHO)
async def test_each_container_calls_aws_with_its_role(example: str, tmp_path: Path) -> None:
    async with a_cluster(tmp_path, example, applied(example)) as (_, living):
        await living.until(f"{SIDECAR} passes its startup probe")
        for name, roles in WHO[example].items():
            await living.until(f"{name} starts")
            lines = await living[name].lines(len(roles))
            assert [line.split(":assumed-role/")[1].split("/")[0] for line in lines] == roles


def asking() -> Applied:
    """A pod that names a role of one of its containers by the page's annotation, with the sidecar."""
    aws = {"image": "public.ecr.aws/aws-cli/aws-cli:2.37.0", "command": ["sh", "-c"]}
    calls = {"args": ["while aws sts get-caller-identity; do sleep 60; done"]}
    bare = pod(serviceAccountName=ACCOUNT, containers=[{"name": name} | aws | calls for name in ("web", "reports")])
    annotations = {"irsa-sidecar/role-arn": f"{BASE}-web", "irsa-sidecar/container-roles": f"reports={BASE}-reports"}
    bare["metadata"] |= {"annotations": annotations}
    outcome = inject(bare, Options(region=REGION, image=f"irsa-sidecar:{__version__}"))
    assert outcome.findings == ()
    return Applied("asking", (outcome.document,))


async def test_an_annotation_is_enough_for_a_containers_own_role(tmp_path: Path) -> None:
    async with a_cluster(tmp_path, "role-per-container", asking()) as (_, living):
        for name in ("web", "reports"):
            await living.until(f"{name} starts")
            (line,) = await living[name].lines(1)
            assert f":assumed-role/{ACCOUNT}-{name}/" in line
        statuses = await _statuses(living, ("", "/reports"))

    assert statuses == {("web", ""): 200, ("web", "/reports"): 401, ("reports", ""): 401, ("reports", "/reports"): 200}


async def test_the_roles_containers_have_tokens_that_differ_and_each_opens_one_role(tmp_path: Path) -> None:
    async with a_cluster(tmp_path, "role-per-container", applied("role-per-container")) as (_, living):
        await living.until("reports starts")
        answers = await _statuses(living, ("/web", "/reports", ""))
    own = {("web", "/web"), ("web", ""), ("reports", "/reports")}  # web's is the default too
    assert {key for key, status in answers.items() if status == 200} == own
    assert {answers[key] for key in answers if key not in own} == {401}


async def _statuses(living: Pod, paths: Sequence[str]) -> dict[tuple[str, str], int]:
    """What each container's token opens: of the credentials at these paths."""
    here = living[SIDECAR].local(f"http://127.0.0.1:{CREDENTIALS}/v1/credentials")
    answers = {}
    async with aiohttp.ClientSession() as http:
        for owner in WHO["role-per-container"]:
            token = Path(living[owner].local("/var/run/irsa-sidecar/authorization-token")).read_text()
            for path in paths:
                async with http.get(f"{here}{path}", headers={"Authorization": token}) as answer:
                    answers[owner, path] = answer.status
    return answers
