"""The manifests as a cluster gets them: pod.yaml as it is, each example through the real kustomize.

kustomize is built once through the Go module proxy, at the version of `kustomize/go.mod`, and kept in `.cache`.
"""

import functools
import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.built_once import one_process_at_a_time
from tests.go_programs import GoProgram
from tests.needs import needs, without

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
MANIFESTS = ROOT / "manifests"
CACHE = ROOT / ".cache"
KUSTOMIZE = GoProgram("kustomize", HERE / "kustomize", "kustomize", "sigs.k8s.io/kustomize/kustomize/v5")
EXAMPLES = sorted(path.parent.name for path in (MANIFESTS / "examples").glob("*/kustomization.yaml"))
NAMES = ("pod.yaml", *EXAMPLES)
"""All that can be applied."""
WORKLOADS = {"Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"}
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Applied:
    """What one `kubectl apply` sends."""

    name: str
    documents: tuple[Document, ...]

    def of_kind(self, *kinds: str) -> list[Document]:
        return [document for document in self.documents if document["kind"] in kinds]

    @property
    def workload(self) -> Document:
        (found,) = self.of_kind(*WORKLOADS)
        return found

    @property
    def template(self) -> Document:
        """The pod with its metadata, wherever the workload keeps it."""
        found = self.workload
        if found["kind"] == "Pod":
            return found
        job = found["spec"]["jobTemplate"] if found["kind"] == "CronJob" else found
        template: Document = job["spec"]["template"]
        return template

    @property
    def pod(self) -> Document:
        spec: Document = self.template["spec"]
        return spec


@functools.cache
def applied(name: str) -> Applied:
    """`name` is one of `NAMES`."""
    text = (MANIFESTS / name).read_text() if name == "pod.yaml" else rendered(MANIFESTS / "examples" / name)
    return Applied(name, tuple(yaml.safe_load_all(text)))


def rendered(directory: Path) -> str:
    """What `kubectl kustomize` prints for the directory."""
    command = [str(kustomize()), "build", str(directory)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@functools.cache
def kustomize() -> Path:
    """The program, built if need be."""
    needs("go")
    if not KUSTOMIZE.build():
        without("kustomize could not be built: the reason is printed above")
    return KUSTOMIZE.binary


def files() -> list[Path]:
    """All that is written by hand under manifests/, but for the chart: Helm reads that (tests/chart)."""
    return [path for path in sorted(MANIFESTS.rglob("*.yaml")) if not path.is_relative_to(MANIFESTS / "chart")]


def install(requirements: Path, program: str) -> Path:
    """A program of a Python package that cannot live beside ours, in an environment of its own; gives its path."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    home = CACHE / requirements.stem / digest
    with one_process_at_a_time(home):
        if not (home / ".done").exists():
            _install(requirements, home)
    return home / "bin" / program


def _install(requirements: Path, home: Path) -> None:
    uv = str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)], check=True)
    into = ["--quiet", "--python", str(home / "bin/python")]
    locked = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)]
    subprocess.run([uv, "pip", "install", *into, *locked], check=True)
    subprocess.run([uv, "pip", "check", *into], check=True)
    (home / ".done").touch()


def load(name: str) -> Document:
    """One file of manifests/ with one document."""
    document: Document = yaml.safe_load((MANIFESTS / name).read_text())
    return document
