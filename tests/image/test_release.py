"""The release workflow, as far as it can be judged without running it."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.image.dockerfile import ROOT, arguments

TEXT = (ROOT / ".github/workflows/release.yml").read_text()
WORKFLOW: dict[str, Any] = yaml.safe_load(TEXT)
JOB, TESTS = WORKFLOW["jobs"]["image"], WORKFLOW["jobs"]["test"]
USED = re.findall(r"uses: (\S+)(.*)", TEXT)


def step(action: str) -> dict[str, Any]:
    (found,) = (each for each in JOB["steps"] if each.get("uses", "").startswith(f"{action}@"))
    return dict(found["with"])


def test_every_action_is_named_by_commit_with_its_version_beside_it() -> None:
    assert USED
    for action, comment in USED:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)


def test_it_may_do_nothing_but_push_the_image_and_sign_it() -> None:
    assert WORKFLOW["permissions"] == {}
    assert JOB["permissions"] == {"contents": "read", "packages": "write", "id-token": "write"}


def test_it_builds_both_architectures_with_sbom_and_provenance_from_the_dockerfiles_base() -> None:
    build = step("docker/build-push-action")
    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert (build["sbom"], build["provenance"]) == (True, "mode=max")
    given = {line.partition("=")[0] for line in build["build-args"].splitlines()}
    assert given == arguments((ROOT / "Dockerfile").read_text()).keys()
    assert WORKFLOW["env"]["BASE"] == arguments((ROOT / "Dockerfile").read_text())["BASE"]


def test_nothing_from_outside_is_written_into_a_script() -> None:
    assert not [each for each in (*TESTS["steps"], *JOB["steps"]) if "${{" in each.get("run", "")]


def test_nothing_is_pushed_before_the_tests_have_passed_without_any_right_to_push() -> None:
    assert JOB["needs"] == "test"
    assert TESTS["permissions"] == {"contents": "read"}
    said = "\n".join(each.get("run", "") for each in TESTS["steps"])
    assert all(command in said for command in ("make check", "make test"))


def test_an_owner_with_capitals_gets_a_name_that_a_registry_takes(tmp_path: Path) -> None:
    (naming,) = (each["run"] for each in JOB["steps"] if "IMAGE=" in each.get("run", ""))
    told = tmp_path / "env"
    environment = {"GITHUB_REPOSITORY": "Some-Owner/irsa-sidecar", "GITHUB_ENV": str(told)}
    subprocess.run(["/bin/bash", "-e", "-c", naming], env=environment, check=True)
    assert told.read_text() == "IMAGE=ghcr.io/some-owner/irsa-sidecar\n"
