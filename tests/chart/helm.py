"""Helm itself, driven as users drive it."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.chart.build import HELMS
from tests.needs import without

Manifest = dict[str, Any]
ROOT = Path(__file__).parents[2]
CHART = ROOT / "manifests" / "chart" / "irsa-sidecar"
EVERYTHING = CHART / "ci" / "everything.yaml"
RELEASE, NAMESPACE = "irsa-sidecar", "irsa-sidecar"
KUBERNETES = "1.37.0"
VERSIONS = tuple(HELMS)


class HelmRefused(Exception):
    """What Helm printed."""


@dataclass(frozen=True, slots=True)
class Helm:
    """The program, which keeps what it knows in `home`; `cluster`: the variables that name an API server."""

    program: Path
    home: Path
    cluster: Mapping[str, str] = field(default_factory=dict, repr=False)

    def run(self, *arguments: str) -> str:
        """Raises `HelmRefused`."""
        return self._output([str(self.program), *arguments])

    def shell(self, commands: str) -> str:
        """What a page shows, from the checkout's root. Raises `HelmRefused`."""
        return self._output(["sh", "-ec", commands])

    def render(self, *flags: str, kubernetes: str = KUBERNETES) -> list[Manifest]:
        """What would be installed."""
        where = ("--namespace", NAMESPACE, "--kube-version", kubernetes)
        return list(filter(None, yaml.safe_load_all(self.run("template", RELEASE, str(CHART), *where, *flags))))

    def _output(self, command: Sequence[str]) -> str:
        environ = {"PATH": f"{self.program.parent}:{os.environ['PATH']}", "HOME": str(self.home), **self.cluster}
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise HelmRefused(done.stdout + done.stderr)
        return done.stdout


def a_helm(home: Path, version: int, cluster: Mapping[str, str] | None = None) -> Helm:
    """Skips the test, or fails it in CI, if the program was not built."""
    built = HELMS[version].binary
    if not built.exists():
        without(f"there is no Helm {version} yet: make helm")
    program = home / "bin" / "helm"
    program.parent.mkdir()
    program.symlink_to(built)
    return Helm(program, home, cluster or {})
