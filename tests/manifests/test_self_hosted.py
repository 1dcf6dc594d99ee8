"""A self-hosted cluster: kubeadm's flags and `irsa-sidecar lab export` speak of the same issuer and the same files."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.manifests.pod_spec import applications_of, environment_of, settings_of
from tests.manifests.rendering import Applied, applied, load


def test_the_flags_name_the_issuer_and_the_keys_that_the_exported_files_name(tmp_path: Path) -> None:
    flags = {
        each["name"]: each["value"] for each in load("examples/self-hosted/kubeadm.yaml")["apiServer"]["extraArgs"]
    }
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "sa.pub").write_bytes(key.public_bytes(*form))
    command = [sys.executable, "-m", "sidecar", "lab", "export", "--key", "sa.pub", "--out", "oidc"]
    subprocess.run(
        [*command, "--issuer", flags["service-account-issuer"]], cwd=tmp_path, check=True, capture_output=True
    )
    discovery = json.loads((tmp_path / "oidc/.well-known/openid-configuration").read_text())
    assert discovery["issuer"] == flags["service-account-issuer"]
    assert discovery["jwks_uri"] == flags["service-account-jwks-uri"]


def proxy_of(sent: Applied) -> str | None:
    sts = settings_of(sent).roles.default_role.sts
    return sts.proxy if sts else None


def leaves_the_node(rule: dict[str, Any]) -> bool:
    """Unlike one for the EKS Pod Identity agent, whose addresses are on the pod's own node."""
    destinations = [peer.get("ipBlock", {}).get("cidr") for peer in rule.get("to", [])]
    return destinations != ["169.254.170.23/32", "fd00:ec2::23/128"]


def test_the_call_to_sts_goes_through_the_proxy_and_only_there() -> None:
    assert proxy_of(applied("self-hosted")) == "http://proxy.example.org:3128"
    policies = applied("self-hosted").of_kind("NetworkPolicy")
    rules = [rule for policy in policies for rule in policy["spec"]["egress"] if leaves_the_node(rule)]
    ports = {port["port"] for rule in rules for port in rule["ports"]}
    assert ports == {53, 3128}


def test_the_application_goes_there_too_but_not_for_what_is_in_its_own_pod() -> None:
    sent = applied("self-hosted")
    (application,) = applications_of(sent.pod)
    environment = environment_of(application, sent)
    assert environment["HTTPS_PROXY"] == proxy_of(sent)
    assert environment["NO_PROXY"].split(",") == ["127.0.0.1", "localhost"]
