"""The Python that the benchmark measures runs as the image's does."""

from bench import python
from tests.image.dockerfile import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_flags_and_variables_are_the_images() -> None:
    assert f"#!/app/bin/python {python.FLAGS}" in DOCKERFILE
    for name, value in python.VARIABLES.items():
        assert f"{name}={value}" in DOCKERFILE


def test_it_runs_this_checkout_with_the_libraries_of_the_tests() -> None:
    assert python.under_test().version.startswith("3.")
    assert "irsa-sidecar" in python._output(python.under_test().running("sidecar.cli", "version"))
