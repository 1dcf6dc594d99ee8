"""Everything that users give to `kubectl apply`, as the tests see it, and the pods in it."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.manifests.rendering import EXAMPLES, MANIFESTS, applied, rendered

Manifest = dict[str, Any]

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Document:
    """One object, and where it comes from: a test's id."""

    source: str
    content: Manifest

    def __str__(self) -> str:
        return f"{self.source}:{self.content['kind']}"


def documents() -> list[Document]:
    """All objects that the project hands out.

    Whoever adds a way to make some (an overlay rendered, a command's output) adds its line here.
    """
    golden = ROOT / "tests" / "inject" / "golden"
    installed = [*together("monitoring"), *together("policy"), *together("webhook"), *together("webhook-cert-manager")]
    return [*plain_files(MANIFESTS), *examples(), *installed, *plain_files(golden)]


def examples() -> list[Document]:
    """What `kubectl apply -k` sends for each example."""
    return [Document(f"examples/{name}", content) for name in EXAMPLES for content in applied(name).documents]


def together(directory: str) -> list[Document]:
    """What `kubectl apply -k` sends for a directory: for prometheus-operator, or for the API server itself."""
    return [Document(directory, content) for content in yaml.safe_load_all(rendered(MANIFESTS / directory))]


def plain_files(directory: Path) -> list[Document]:
    """The YAML files that can be applied as they are: what stands beside a kustomization is only an ingredient.

    So is what belongs to the chart, which tests/chart and test_chart judge.
    """
    return [
        Document(str(path.relative_to(directory)), content)
        for path in sorted(directory.rglob("*.yaml"))
        if not (path.parent / "kustomization.yaml").exists() and not path.is_relative_to(MANIFESTS / "chart")
        for found in yaml.safe_load_all(path.read_text())
        for content in (found["items"] if found["kind"] == "List" else [found])
    ]


def pod_of(content: Manifest) -> Manifest | None:
    """The pod that an object is, or that a workload would make; None if it makes none."""
    if content["kind"] == "Pod":
        return content
    spec = content.get("spec", {})
    template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
    if template is None:
        return None
    name = {"name": f"{content['metadata'].get('name', content['kind'].lower())}-x7k2p"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": template.get("metadata", {}) | name,
        "spec": template["spec"],
    }


@functools.cache
def service_accounts() -> frozenset[str]:
    """The names of those that the pods run as."""
    pods = filter(None, (pod_of(document.content) for document in documents()))
    return frozenset(pod["spec"].get("serviceAccountName", "default") for pod in pods)


def link_local() -> Manifest:
    """The init container of docs/ways.md for programs that cannot be told another address than 169.254.169.254."""
    block = re.search(r"<!-- link-local -->\n```yaml\n(.*?)```", (ROOT / "docs" / "ways.md").read_text(), re.DOTALL)
    assert block
    (container,) = yaml.safe_load(block[1])["initContainers"]
    found: Manifest = container
    return found
