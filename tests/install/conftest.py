"""One checkout for all tests of a file: a .venv takes seconds."""

import pytest

from tests.install.project import LOCKED, Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout whose locks are the first releases."""
    made = Project(tmp_path_factory.mktemp("project"))
    made.lock("demo", *LOCKED)
    made.lock("dev", *LOCKED)
    return made
