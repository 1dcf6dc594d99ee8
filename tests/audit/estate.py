"""A small estate: one cluster, one account, and the files that kubectl and the AWS CLI would print of them."""

import json
from typing import Any

from sidecar.audit import Audit, Cluster, audit, cluster_from, roles_from
from sidecar.explain.question import provider
from tests.explain.asking import ACCOUNT, CLUSTER, NOW, policy

ISSUER = f"https://{CLUSTER}"
AUDIENCE = "sts.amazonaws.com"


def arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def service_account(name: str, role_arn: str = "", **annotations: str) -> dict[str, Any]:
    """`namespace/name`, with its annotation."""
    namespace, _, short = name.partition("/")
    known = {"eks.amazonaws.com/role-arn": role_arn} if role_arn else {}
    known |= {f"eks.amazonaws.com/{key}": value for key, value in annotations.items()}
    metadata = {"namespace": namespace, "name": short, "annotations": known}
    return {"kind": "ServiceAccount", "metadata": metadata}


def pod(name: str, account: str, role_arn: str = "", audience: str = "", **parts: Any) -> dict[str, Any]:
    """`namespace/name` of a service account; `parts` are members of its only container."""
    namespace, _, short = name.partition("/")
    env = [{"name": "AWS_ROLE_ARN", "value": role_arn}] if role_arn else []
    source = {"serviceAccountToken": {"path": "token"} | ({"audience": audience} if audience else {})}
    return {
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": short},
        "spec": {
            "serviceAccountName": account,
            "containers": [{"name": "app", "env": env} | parts],
            "volumes": [{"name": "token", "projected": {"sources": [source]}}],
        },
        "status": {"phase": "Running"},
    }


def kubectl(*items: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(items)})


def details(**documents: str) -> str:
    """`get-account-authorization-details`: a role for each trust policy."""
    roles = [
        {"RoleName": name, "Arn": arn(name), "AssumeRolePolicyDocument": json.loads(text)}
        for name, text in documents.items()
    ]
    return json.dumps({"UserDetailList": [], "RoleDetailList": roles, "Policies": []})


def cluster(*items: dict[str, Any], name: str = "prod", issuer: str = ISSUER) -> Cluster:
    return cluster_from([kubectl(*items)], name=name, issuer=issuer)


def audited(*items: dict[str, Any], providers: tuple[str, ...] = (), **documents: str) -> Audit:
    """One cluster with these objects, one account with these roles."""
    known = tuple(provider(text) for text in providers)
    return audit([cluster(*items)], roles_from([details(**documents or {"api": policy()})]), now=NOW, providers=known)


def codes(found: Audit) -> list[str]:
    """What is remarked, in order."""
    return [remark.finding.code for remark in found.remarks]
