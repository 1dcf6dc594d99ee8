"""What a container's process gets of its manifest: command, variables, files, each as it is on this machine."""

from pathlib import Path

from tests.kubernetes.documents import ROOT
from tests.kubernetes.kubelet.node import Image, Node, image_of, process_of
from tests.kubernetes.live_pods import the_pod

CONTAINER = {"name": "app", "image": "registry:5000/app:1.0"}


def a_node(directory: Path) -> Node:
    config_maps = {"settings": {"COLOUR": "blue", "SIZE": "large"}}
    images = {"registry:5000/app": Image(("run",), ("slowly",)), "irsa-sidecar": image_of(ROOT / "Dockerfile")}
    return Node(directory, images, directory / "tokens", {9911: 4711}, config_maps, {"WHERE": "here"})


def a_pod() -> dict[str, object]:
    pod = the_pod()
    return pod | {"metadata": {"name": "app-0", "namespace": "payments", "uid": "an-uid"}}


def test_an_image_says_what_runs_and_the_manifest_may_say_otherwise(tmp_path: Path) -> None:
    node = a_node(tmp_path)

    assert process_of(CONTAINER, a_pod(), node).command == ("run", "slowly")
    assert process_of(CONTAINER | {"args": ["fast"]}, a_pod(), node).command == ("run", "fast")
    assert process_of(CONTAINER | {"command": ["sh"]}, a_pod(), node).command == ("sh",)


def test_the_projects_image_runs_the_service(tmp_path: Path) -> None:
    sidecar = the_pod()["spec"]["initContainers"][0]

    assert process_of(sidecar, a_pod(), a_node(tmp_path)).command == ("irsa-sidecar", "serve")


def test_a_containers_own_variables_count_more_than_a_config_maps(tmp_path: Path) -> None:
    container = CONTAINER | {
        "envFrom": [{"configMapRef": {"name": "settings"}}],
        "env": [
            {"name": "COLOUR", "value": "red"},
            {"name": "PAINT", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "COLOUR"}}},
        ],
    }

    environment = process_of(container, a_pod(), a_node(tmp_path)).environment

    assert (environment["COLOUR"], environment["PAINT"], environment["SIZE"]) == ("red", "blue", "large")
    assert environment["WHERE"] == "here"


def test_ports_and_mounted_files_are_this_machines(tmp_path: Path) -> None:
    (application,) = the_pod()["spec"]["containers"]

    process = process_of(application | {"image": CONTAINER["image"]}, a_pod(), a_node(tmp_path))

    assert process.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:4711/v1/credentials"
    file = Path(process.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
    assert file.is_relative_to(tmp_path)
    assert file.read_text() == process.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == "an-uid"
