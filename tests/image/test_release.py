"""The workflows, as far as they can be judged without running them: what they may do, in which order, and with what."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.image.dockerfile import ROOT, arguments
from tests.manifests.rendering import install
from tools import release_files

FOLDER = ROOT / ".github/workflows"
TEXTS = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.yml"))}
WORKFLOWS: dict[str, dict[Any, Any]] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
RELEASE, CI, REBUILD = WORKFLOWS["release"], WORKFLOWS["ci"], WORKFLOWS["rebuild"]
IMAGE = RELEASE["jobs"]["image"]
STEPS = [step for each in WORKFLOWS.values() for job in each["jobs"].values() for step in job.get("steps", ())]
DIGEST = r"@sha256:[0-9a-f]{64}"


def step(action: str) -> dict[str, Any]:
    (found,) = (each for each in IMAGE["steps"] if each.get("uses", "").startswith(f"{action}@"))
    return dict(found["with"])


def place(words: str) -> int:
    """Where in the image's job this is run, or this action used."""
    (found,) = (number for number, each in enumerate(IMAGE["steps"]) if words in each.get("run", each.get("uses", "")))
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_every_action_is_named_by_commit_with_its_version_beside_it(name: str) -> None:
    used = re.findall(r"uses: (\S+)(.*)", TEXTS[name])
    assert used
    for action, comment in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)


@pytest.mark.parametrize("name", TEXTS)
def test_every_image_that_a_workflow_runs_is_named_by_digest(name: str) -> None:
    jobs = WORKFLOWS[name]["jobs"].values()
    named = [
        *WORKFLOWS[name].get("env", {}).values(),
        *(value for job in jobs for value in job.get("env", {}).values()),
    ]
    assert [image for image in named if not re.search(f"{DIGEST}$", image)] == []
    assert re.findall(r"\S+/\S+:(?:latest|stable|v?\d+(?:\.\d+)*)(?![\w.@-])", TEXTS[name]) == []


def test_qemu_buildkit_and_the_sbom_generator_are_those_that_are_named() -> None:
    assert step("docker/setup-qemu-action")["image"] == "${{ env.QEMU }}"
    assert step("docker/setup-buildx-action")["driver-opts"] == "image=${{ env.BUILDKIT }}"
    assert step("docker/build-push-action")["sbom"] == "generator=${{ env.SBOM_GENERATOR }}"


def test_no_job_runs_on_a_moving_machine_or_without_an_end() -> None:
    jobs = [job for each in WORKFLOWS.values() for job in each["jobs"].values() if "uses" not in job]
    assert {job["runs-on"] for job in jobs} == {"ubuntu-24.04"}
    assert all(job["timeout-minutes"] for job in jobs)


def test_each_job_may_do_what_it_is_for_and_nothing_else() -> None:
    assert all(each["permissions"] == {} for each in WORKFLOWS.values())
    assert {name: job["permissions"] for name, job in RELEASE["jobs"].items()} == {
        "test": {"contents": "read"},
        "image": {"contents": "read", "packages": "write", "id-token": "write"},
        "files": {"contents": "read", "id-token": "write", "attestations": "write"},
        "page": {"contents": "write"},
    }
    assert all(job["permissions"] == {"contents": "read"} for job in CI["jobs"].values())
    assert all("write" not in job["permissions"].values() for job in REBUILD["jobs"].values())


def test_it_builds_both_architectures_with_sbom_and_provenance_on_the_dockerfiles_base() -> None:
    build = step("docker/build-push-action")
    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert build["provenance"] == "mode=max"
    given = {line.partition("=")[0] for line in build["build-args"].splitlines()}
    assert given == arguments((ROOT / "Dockerfile").read_text()).keys() - {"BASE"}


def test_what_was_pushed_is_run_and_scanned_and_signed_before_it_has_a_tag() -> None:
    build = step("docker/build-push-action")
    assert "push-by-digest=true" in build["outputs"]
    assert "tags" not in build
    order = ["docker/build-push-action", "tests.image.published", '"$GRYPE"', "cosign sign", "imagetools create --tag"]
    assert [place(words) for words in order] == sorted(place(words) for words in order)
    tested = IMAGE["steps"][place("tests.image.published")]["run"]
    assert all(f'"$IMAGE@$DIGEST" {platform}' in tested for platform in build["platforms"].split(","))


def test_nothing_from_outside_is_written_into_a_script() -> None:
    assert not [each for each in STEPS if "${{" in each.get("run", "")]


def test_what_pull_requests_build_is_what_ci_builds(tmp_path: Path) -> None:
    (building,) = (each["run"] for each in CI["jobs"]["test"]["steps"] if ".ci/run" in each.get("run", ""))
    run = (ROOT / ".ci/run").read_text()
    for path, text in {".ci/run": run, ".venv/bin/python": f'#!/bin/sh\necho "$2" >> {tmp_path}/built\n'}.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    (tmp_path / ".venv/bin/python").chmod(0o755)
    subprocess.run(["/bin/bash", "-e", "-c", building], cwd=tmp_path, check=True)
    assert (tmp_path / "built").read_text().split() == re.findall(r"tests\.[\w.]*build\b", run)


def test_what_only_root_can_do_is_tested_too(tmp_path: Path) -> None:
    """In CI a test that cannot run fails. `sudo` passes on no variable by itself."""
    (testing,) = (each["run"] for each in CI["jobs"]["test"]["steps"] if "make test" in each.get("run", ""))
    programs = {
        "sudo": 'exec env -i PATH=/usr/bin:/bin BY=root "$@"',
        "make": f'echo "$BY $CI $*" >> {tmp_path}/made',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)

    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CI": "true"}
    subprocess.run(["/bin/bash", "-e", "-c", testing], env=environ, check=True)

    assert (tmp_path / "made").read_text() == "root true test\n"


def test_nothing_is_published_before_the_tests_have_passed() -> None:
    assert RELEASE["jobs"]["test"]["uses"] == "./.github/workflows/ci.yml"
    assert RELEASE["jobs"]["image"]["needs"] == RELEASE["jobs"]["files"]["needs"] == "test"
    assert RELEASE["jobs"]["page"]["needs"] == ["image", "files"]
    commands = "\n".join(each.get("run", "") for each in CI["jobs"]["test"]["steps"])
    assert all(command in commands for command in ("make check", "make test"))


def test_pull_requests_are_tested_and_every_week_what_is_released() -> None:
    assert {"pull_request", "workflow_call"} <= CI[True].keys()  # YAML 1.1 reads `on` as yes
    assert "schedule" in REBUILD[True]


INSTALLING = [*FOLDER.glob("*.yml"), ROOT / "Dockerfile", ROOT / "Makefile"]


@pytest.mark.parametrize("path", INSTALLING, ids=lambda path: path.name)
def test_what_pip_installs_has_known_hashes_and_is_checked(path: Path) -> None:
    code = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    commands = re.findall(r"pip\"? (?:--python \S+ )?install.*", code)
    ours = ("--no-index", "--no-build-isolation")  # a file of this checkout, which asks nobody for anything
    assert [each for each in commands if not any(word in each for word in ("--require-hashes", *ours))] == []
    assert not commands or re.search(r"pip\"? (--python \S+ )?check", code)


def test_zizmor_finds_nothing() -> None:
    program = install(ROOT / "requirements/zizmor.txt", "zizmor")
    command = [str(program), "--offline", "--persona=pedantic", "--format=json", str(ROOT / ".github")]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert [(each["ident"], each["desc"]) for each in json.loads(found.stdout)] == []
    assert found.returncode == 0


def test_zizmor_would_find_a_tag_in_place_of_a_commit(tmp_path: Path) -> None:
    program = install(ROOT / "requirements/zizmor.txt", "zizmor")
    (tmp_path / "ci.yml").write_text(re.sub(r"checkout@\w+", "checkout@v7", TEXTS["ci"]))
    found = subprocess.run([program, "--offline", tmp_path / "ci.yml"], check=False, capture_output=True, text=True)
    assert "unpinned-uses" in found.stdout


def script(words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A step of the image's job, run here."""
    (found,) = (each["run"] for each in IMAGE["steps"] if words in each.get("run", ""))
    environment = {"PATH": "/usr/bin:/bin", **variables}
    command = ["/bin/bash", "-e", "-c", found]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)


def test_an_owner_with_capitals_gets_a_name_that_a_registry_takes(tmp_path: Path) -> None:
    told = tmp_path / "env"
    script("IMAGE=", GITHUB_REPOSITORY="Some-Owner/irsa-sidecar", GITHUB_ENV=str(told))
    assert told.read_text() == "IMAGE=ghcr.io/some-owner/irsa-sidecar\n"


def test_a_tag_that_is_not_the_codes_version_releases_nothing(tmp_path: Path) -> None:
    told = tmp_path / "env"
    assert script("VERSION=", GITHUB_REF_NAME="v0.0.9", GITHUB_ENV=str(told)).returncode != 0
    assert not told.exists()


def test_the_files_of_a_release_are_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        subprocess.run([sys.executable, "-m", "tools.release_files", tmp_path / name], cwd=ROOT, check=True)
    made = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert [name for name in made if name.endswith(".whl")]


def test_a_chart_is_packed_as_one_folder_with_its_name() -> None:
    packed = release_files.chart("manifests/policy", 1700000000)
    listed = subprocess.run(["tar", "tz"], input=packed, check=True, capture_output=True).stdout.decode().split()
    assert listed == ["irsa-sidecar/kustomization.yaml", "irsa-sidecar/policy.yaml"]
