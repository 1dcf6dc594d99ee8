"""There is a specimen for each finding of inject's checks, so that no judge can lack one unnoticed."""

import ast
import inspect
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from sidecar.inject import (
    asked_roles,
    checks,
    container_role_checks,
    mount_checks,
    node_checks,
    shadows,
    workload_findings,
)
from sidecar.inject import inject as add
from tests.inject.specimens import SPECIMENS

MODULES = [asked_roles, checks, container_role_checks, mount_checks, node_checks, shadows]
LEVELS = ("error", "warning")


def written(module: ModuleType) -> Iterator[tuple[str, int]]:
    """Where a finding is made: module and line."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in LEVELS:
            yield module.__name__, node.lineno


def test_each_finding_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made = set()

    def recording(level: str) -> object:
        def record(*arguments: object) -> object:
            frame = sys._getframe(1)
            made.add((frame.f_globals["__name__"], frame.f_lineno))
            return getattr(workload_findings, level)(*arguments)

        return record

    for module in MODULES:
        for level in (level for level in LEVELS if hasattr(module, level)):
            monkeypatch.setattr(module, level, recording(level))
    for specimen in SPECIMENS:
        add(specimen.pod, specimen.options)

    assert {place for module in MODULES for place in written(module)} - made == set()


def test_every_module_that_makes_findings_is_looked_at() -> None:
    users = {name for name, module in sys.modules.items() if getattr(module, "error", None) is workload_findings.error}

    assert {name for name in users if name.startswith("sidecar.inject.")} <= {
        workload_findings.__name__, "sidecar.inject.shape", *(module.__name__ for module in MODULES),
    }  # fmt: skip


def test_the_names_are_different() -> None:
    names = [specimen.name for specimen in SPECIMENS]
    assert len(names) == len(set(names))
