"""Findings about a place in a workload."""

from sidecar.core.findings import Finding, Level, Where
from sidecar.inject.workloads import Workload


def error(workload: Workload, path: Where, message: str) -> Finding:
    return _finding(Level.ERROR, workload, path, message)


def warning(workload: Workload, path: Where, message: str) -> Finding:
    return _finding(Level.WARNING, workload, path, message)


def _finding(level: Level, workload: Workload, path: Where, message: str) -> Finding:
    where = workload.path + path
    return Finding(level=level, where=where, message=f"{workload}, {_place(path)}: {message}.")


def _place(path: Where) -> str:
    match path:
        case ("spec", "containers" | "initContainers" as kind, name, *below):
            return ", ".join([f"{kind.removesuffix('s')} {name}", *([" ".join(map(str, below))] if below else [])])
        case ("spec", *below) if below:
            return " ".join(map(str, below))
    return " ".join(map(str, path))
