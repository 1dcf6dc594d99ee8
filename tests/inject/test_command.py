"""Files and pipes in, files and pipes out, and exit codes that scripts can rely on."""

import subprocess
import sys
from pathlib import Path

import pytest

from sidecar import __version__
from tests.inject.kit import ARGUMENTS, IMAGE, ROLE, Command

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: app
spec:
  serviceAccountName: app
  containers:
  - name: app
"""
OTHER = "kind:   ConfigMap\ndata: {}\n"
ACCOUNT = f"""\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: app
  annotations:
    eks.amazonaws.com/role-arn: {ROLE}
"""


def test_files_become_one_stream(tmp_path: Path, command: Command) -> None:
    names = []
    for name, text in {"a.yaml": OTHER.rstrip("\n"), "b.yaml": POD, "c.yaml": "---\n" + OTHER}.items():
        (tmp_path / name).write_text(text)
        names += ["-f", str(tmp_path / name)]
    code, out, err = command.of_files(*names, *ARGUMENTS)
    assert (code, err) == (0, "")
    assert out == f"{OTHER}---\n{command.injected(POD)}---\n{OTHER}"


def test_an_account_in_another_file_names_the_role(tmp_path: Path, command: Command) -> None:
    (tmp_path / "account.yaml").write_text(ACCOUNT)
    (tmp_path / "pod.yaml").write_text(POD)
    files = ("-f", str(tmp_path / "account.yaml"), "-f", str(tmp_path / "pod.yaml"))
    code, out, err = command.of_files(*files, "--region", "eu-west-1", "--image", IMAGE)
    assert code == 0
    assert out.startswith(ACCOUNT)
    assert f"value: {ROLE}" in out
    assert err.startswith(f"{tmp_path}/pod.yaml:6: warning: Pod/app: ServiceAccount app has the annotation ")


def test_a_complaint_names_file_line_and_container(command: Command) -> None:
    text = (
        f"---\n{OTHER}---\n{POD}    env:\n    - name: HOME\n      value: /\n    - name: AWS_PROFILE\n      value: x\n"
    )
    code, _, err = command.run(text, *ARGUMENTS)
    assert code == 0
    assert err.startswith("<stdin>:16: warning: Pod/app, container app, env AWS_PROFILE: ")


def test_one_error_and_nothing_is_printed(command: Command) -> None:
    taken = POD + "    ports:\n    - containerPort: 9911\n"
    code, out, err = command.run(f"{POD}---\n{taken}", *ARGUMENTS)
    assert (code, out) == (1, "")
    assert "error: Pod/app, container app, ports: the sidecar listens on port 9911 too" in err


def test_no_workload_is_2_and_the_documents_pass(command: Command) -> None:
    code, out, err = command.run(OTHER, *ARGUMENTS)
    assert (code, out) == (2, OTHER)
    assert err == "irsa-sidecar inject: no workload in these files; they are printed unchanged.\n"


def test_only_the_named_workload_is_changed(command: Command) -> None:
    other = POD.replace("name: app\nspec", "name: other\nspec")
    result = command.injected(f"{other}---\n{POD}", "--only", "Pod/app")
    assert result == f"{other}---\n{command.injected(POD)}"
    code, out, err = command.run(other, *ARGUMENTS, "--only", "Pod/app")
    assert (code, out) == (2, other)
    assert "no workload called Pod/app" in err


def test_a_kind_of_another_api_group_passes(command: Command) -> None:
    another = POD.replace("apiVersion: v1", "apiVersion: example.com/v1")
    assert command.run(another, *ARGUMENTS)[:2] == (2, another)


def test_removing_what_is_not_there_changes_nothing(command: Command) -> None:
    assert command.run(POD, "--remove") == (0, POD, "")


def test_a_document_that_does_not_matter_need_not_be_yaml(command: Command) -> None:
    assert command.injected(f"a: b: c\n---\n{POD}").startswith("a: b: c\n---\n")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            OTHER + "---\n" + POD + "  a: b: c\n",
            "<stdin>:12: error: not YAML: mapping values are not allowed in this context.",
        ),
        (POD + "    image: {{ .Values.image }}\n", "Render a Helm template first: helm template CHART | irsa-sidecar"),
        (POD + "    env: *nothing\n", "<stdin>:9: error: not YAML: *nothing refers to nothing above it."),
        (POD + "    image: \x01\n", "<stdin>:9: error: not YAML: control characters are not allowed."),
        (POD.encode("utf-16"), "irsa-sidecar inject: <stdin>: not UTF-8; convert it with iconv."),
    ],
)
def test_a_file_that_cannot_be_read_is_2_with_its_line(text: str | bytes, complaint: str, command: Command) -> None:
    code, out, err = command.run(text, *ARGUMENTS)
    assert (code, out) == (2, "")
    assert complaint in err


def test_a_file_that_is_not_there_is_2(command: Command) -> None:
    code, out, err = command.of_files("-f", "/no/such/file", *ARGUMENTS)
    assert (code, out, err) == (
        2,
        "",
        "irsa-sidecar inject: -f: /no/such/file cannot be read (No such file or directory).\n",
    )


def test_an_image_without_a_registry_is_warned_of(command: Command) -> None:
    code, out, err = command.run(POD, "--role-arn", ROLE, "--region", "eu-west-1")
    assert (code, f"image: irsa-sidecar:{__version__}\n" in out) == (0, True)
    assert err.startswith(f"irsa-sidecar inject: warning: --image: irsa-sidecar:{__version__} names no registry, ")
    assert err.endswith(f"pass --image REGISTRY/irsa-sidecar:{__version__}.\n")
    assert command.run(out, "--remove") == (0, POD, "")
    assert command.run(OTHER, "--role-arn", ROLE, "--region", "eu-west-1")[2].count("\n") == 1


@pytest.mark.parametrize("name", ["sts-token", "irsa-sidecar-role-db"])
def test_a_claim_that_takes_a_volumes_name_is_named_with_its_line(command: Command, name: str) -> None:
    head = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n"
    template = "  template:\n    spec: {serviceAccountName: db, containers: [{name: db}]}\n"
    claims = "  volumeClaimTemplates:\n  - metadata: {name: data}\n  - metadata: {name: " + name + "}\n"
    code, out, err = command.run(f"{head}{template}{claims}", *ARGUMENTS)
    assert (code, out) == (1, "")
    why = "the sidecar's volume has this name; rename yours"
    assert err == f"<stdin>:9: error: StatefulSet/db, volumeClaimTemplates {name}: {why}.\n"


def test_options_that_cannot_be_are_2_and_all_named(command: Command) -> None:
    code, out, err = command.run(POD, "--role-arn", ROLE, "--image", "?", "--set", "NO=1")
    assert (code, out) == (2, "")
    assert [line.split(":")[0] for line in err.splitlines()] == ["irsa-sidecar inject"] * 3
    assert command.run(POD, *ARGUMENTS, "--set", "SIDECAR_GRACE")[2].endswith("write --set NAME=VALUE.\n")


def test_it_works_in_a_pipe() -> None:
    argv = [sys.executable, "-m", "sidecar", "inject", "-f", "-", *ARGUMENTS]
    once = subprocess.run(argv, input=POD, capture_output=True, text=True, check=True, env={}).stdout
    assert subprocess.run(argv, input=once, capture_output=True, text=True, check=True, env={}).stdout == once


def test_the_serving_process_imports_none_of_it() -> None:
    show = "import sys, sidecar.serve; print([m for m in sys.modules if 'yaml' in m or 'sidecar.inject' in m])"
    loaded = subprocess.run([sys.executable, "-c", show], capture_output=True, check=True, text=True).stdout
    assert loaded == "[]\n"


def test_without_its_library_it_says_what_to_install() -> None:
    hide = "import sys; sys.modules['yaml'] = None; sys.argv = ['irsa-sidecar', 'inject', '--help']; "
    hidden = hide + "from sidecar.cli import main; sys.exit(main())"
    ended = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.endswith("In a checkout: pip install -e '.[inject]'\n")
