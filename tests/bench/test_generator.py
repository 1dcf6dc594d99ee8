"""The load generator's own tests, which are in Go."""

import subprocess

from bench.install import HERE
from tests.needs import needs


def test_the_load_generator_passes_its_tests() -> None:
    needs("go")
    ended = subprocess.run(["go", "test", "./..."], cwd=HERE / "generator", capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
