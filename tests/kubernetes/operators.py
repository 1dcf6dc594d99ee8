"""The definitions of the operators' kinds that our manifests have, as their authors publish them: in Go modules.

`python -m tests.kubernetes.build` fetches them too; they take a second.
"""

# ruff: noqa: T201 (they are fetched from a command line, which prints)

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.built_once import one_process_at_a_time
from tests.go_programs import CACHE
from tests.kubernetes.api import Api, Refused
from tests.waiting import HANGS_AFTER


@dataclass(frozen=True, slots=True)
class Module:
    """`checksum`: as go.sum has it; `files`: what we need of it."""

    name: str
    version: str
    checksum: str
    files: tuple[str, ...]


MODULES = (
    Module(
        "github.com/cert-manager/cert-manager",
        "v1.21.2",
        "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=",
        ("deploy/crds/cert-manager.io_certificates.yaml", "deploy/crds/cert-manager.io_issuers.yaml"),
    ),
    Module(
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        (
            "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
            "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        ),
    ),
)
PLACE = CACHE / "operators" / hashlib.sha256(repr(MODULES).encode()).hexdigest()[:16]


def fetch() -> bool:
    """Have the definitions in `PLACE`. False if they cannot be had; what is wrong is printed."""
    with one_process_at_a_time(CACHE / "operators"):
        return PLACE.exists() or _fetched()


def _fetched() -> bool:
    if shutil.which("go") is None:
        print("the operators' definitions are fetched with Go: install it (https://go.dev/dl).", file=sys.stderr)
        return False
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=PLACE.parent) as directory:
        draft = Path(directory) / "draft"
        draft.mkdir()
        for module in MODULES:
            source = _downloaded(module, Path(directory) / "modules")
            for file in module.files:
                shutil.copy(source / file, draft)
        draft.rename(PLACE)
    return True


def _downloaded(module: Module, cache: Path) -> Path:
    """Its directory. The checksum is compared here, so that no other server is asked for it."""
    go = {"GOMODCACHE": str(cache), "GOFLAGS": "-modcacherw", "GONOSUMDB": "*"}
    command = ["go", "mod", "download", "-json", f"{module.name}@{module.version}"]
    told = subprocess.run(
        command, cwd=cache.parent, env=os.environ | go, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    found = json.loads(told)
    assert found["Sum"] == module.checksum, f"{module.name} is not what it was: {found['Sum']}"
    return Path(found["Dir"])


async def define(api: Api) -> None:
    """Tell the API server of the kinds, and wait until it takes objects of them."""
    kinds = [yaml.safe_load(file.read_text()) for file in sorted(PLACE.iterdir())]
    for kind in kinds:
        await api.apply(kind)
    async with asyncio.timeout(HANGS_AFTER):
        for kind in kinds:
            while not await _is_served(api, kind["spec"]):
                await asyncio.sleep(0.1)


async def _is_served(api: Api, kind: dict[str, Any]) -> bool:
    """Every version, as the API server's discovery has it: it takes over new kinds a moment after they are kept."""
    for version in kind["versions"]:
        try:
            served = await api.get(f"/apis/{kind['group']}/{version['name']}")
        except Refused:
            return False
        if kind["names"]["plural"] not in {each["name"] for each in served["resources"]}:
            return False
    return True
