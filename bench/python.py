"""The Python under test: built as the image's is, with profile-guided optimisation, where this machine has one.

Docker's official image builds it so, and so does Debian. It runs our checkout with the libraries of the `.venv`, and
with the flags of the image.
"""

import functools
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIBRARIES = [sysconfig.get_path("purelib"), str(ROOT)]
FLAGS = "-IBSu"
IMPORTED = """
from sidecar import cli
cli.import_serve()
from sidecar.client import credential_process, healthcheck
from sidecar.settings import profile_roles
import bench.served
"""
VARIABLES = {"MALLOC_TRIM_THRESHOLD_": "131072"}
"""Both as in the image. The C library then gives back what a call over TLS needed: 300 KiB, which would else stay."""
DESCRIBE = """
import platform, sysconfig
optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
debians = "deb_system" in sysconfig.get_scheme_names()
print(platform.python_version(), optimised or debians)
"""


@dataclass(frozen=True, slots=True)
class Python:
    """`optimised`: built with profile-guided optimisation, as the image's."""

    path: str
    version: str
    optimised: bool

    def __str__(self) -> str:
        return f"{self.version}, built {'with' if self.optimised else 'without'} profile-guided optimisation"

    def running(self, module: str, *arguments: str) -> tuple[str, ...]:
        """The command that runs `main()` of a module, and ends with what it returns."""
        return (*self.executing(f"from {module} import main; sys.exit(main())"), *arguments)

    def executing(self, code: str) -> tuple[str, ...]:
        return (self.path, FLAGS, "-c", f"import sys; sys.path += {LIBRARIES!r}\n{code}")


@functools.cache
def under_test() -> Python:
    """The first that is optimised, or else the one that runs this. It must be able to load the `.venv`'s libraries."""
    same = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    found = [_described(path) for path in (sys.executable, same) if Path(path).exists()]
    return next((python for python in found if python.optimised), found[0])


def _described(path: str) -> Python:
    version, optimised = _output((path, "-I", "-c", DESCRIBE)).split()
    return Python(path, version, optimised == "True")


def compile_imported() -> None:
    """What the commands import, once, as the image's build compiles it: with its flags, Python writes nothing."""
    code = f"import sys; sys.path += {LIBRARIES!r}\n{IMPORTED}"
    _output((under_test().path, FLAGS.replace("B", ""), "-c", code))


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout
