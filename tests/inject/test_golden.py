"""One manifest of each kind as a person would write it, and what comes of it: for reading, and for Kubernetes.

A golden file is made with `irsa-sidecar inject -f X.yaml ARGUMENTS > X.injected.yaml`, those of the kit; read the
difference before it is committed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from sidecar.inject.workloads import TEMPLATE
from tests.inject.kit import ARGUMENTS, Command

GOLDEN = Path(__file__).parent / "golden"
RESULTS = sorted([*GOLDEN.glob("*.injected.*"), *GOLDEN.glob("*.classic.*")])
VERSIONS = [f"1.{minor}" for minor in range(28, 38)]
EXTRA = {".classic": ("--classic",)}

for_every_result = pytest.mark.parametrize("result", RESULTS, ids=lambda path: path.name)


def before(result: Path) -> Path:
    return result.with_name(result.name.replace(".injected", "").replace(".classic", ""))


def objects(result: Path) -> Iterator[dict[str, Any]]:
    for document in yaml.safe_load_all(result.read_text()):
        yield from document["items"] if document["kind"] == "List" else [document]


def pods(result: Path) -> Iterator[dict[str, Any]]:
    for document in objects(result):
        if document["kind"] in TEMPLATE:
            for key in TEMPLATE[document["kind"]]:
                document = document[str(key)]  # noqa: PLW2901 (the way down)
            yield document["spec"]


def test_there_is_one_for_every_kind() -> None:
    assert {document["kind"] for result in RESULTS for document in objects(result)} >= set(TEMPLATE)


@for_every_result
def test_it_is_what_the_command_prints(result: Path, command: Command) -> None:
    extra = EXTRA.get(Path(result.stem).suffix, ())
    code, out, err = command.of_files("-f", str(before(result)), *ARGUMENTS, *extra)
    assert (code, err) == (0, "")
    assert out == result.read_text()


@for_every_result
def test_it_can_be_taken_out_again(result: Path, command: Command) -> None:
    assert command.of_files("-f", str(result), "--remove") == (0, before(result).read_text(), "")


@pytest.mark.parametrize("version", VERSIONS)
@for_every_result
def test_kubernetes_knows_every_field(result: Path, version: str) -> None:
    for document in objects(result):
        kubernetes_validate.validate(document, version, strict=True)


def effective(pod: dict[str, Any], container: dict[str, Any], key: str) -> Any:
    """A setting of a container's security context, or the pod's that stands in for it."""
    return container.get("securityContext", {}).get(key, pod.get("securityContext", {}).get(key))


@for_every_result
def test_it_passes_the_restricted_pod_security_standard(result: Path) -> None:
    for pod in pods(result):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all(set(volume) - {"name"} <= {"projected", "emptyDir"} for volume in pod.get("volumes", []))
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert effective(pod, container, "runAsNonRoot") is True
            assert effective(pod, container, "runAsUser") != 0
            assert effective(pod, container, "seccompProfile") == {"type": "RuntimeDefault"}
            assert not {"privileged", "procMount", "seLinuxOptions"} & own.keys()
