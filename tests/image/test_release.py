"""The release workflow, as far as it can be judged without running it."""

import re
from typing import Any

import yaml

from tests.image.dockerfile import ROOT, arguments

TEXT = (ROOT / ".github/workflows/release.yml").read_text()
WORKFLOW: dict[str, Any] = yaml.safe_load(TEXT)
(JOB,) = WORKFLOW["jobs"].values()
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
    assert not [each for each in JOB["steps"] if "${{" in each.get("run", "")]
