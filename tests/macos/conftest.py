"""An interpreter without what only Linux has, for processes and for the children that these start."""

import shutil
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of that interpreter."""
    home = tmp_path_factory.mktemp("macos")
    shutil.copy(Path(__file__).parent / "shim/sitecustomize.py", home)
    program = home / "python"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{home}" exec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    return str(program)
