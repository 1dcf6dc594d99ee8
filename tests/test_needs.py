"""What the tests drive is installed where they must not skip."""

import re
from pathlib import Path

from tests.conftest import make_our_own
from tests.needs import PACKAGES

CI = Path(__file__).parent.parent / ".ci" / "run"
GO = "go"
"""The machine's own: Debian's is too old."""


def test_ci_installs_the_package_of_each_program_that_a_test_needs() -> None:
    (listed,) = re.findall(r"packages=\((.*?)\n\)", CI.read_text(), re.DOTALL)
    installed = {program: packages.strip('"') for program, packages in re.findall(r'\[(\S+)\]=("[^"]*"|\S+)', listed)}

    assert {program: installed.get(program) for program in PACKAGES if program != GO} == {
        program: packages for program, packages in PACKAGES.items() if program != GO
    }


def test_ci_has_a_second_try_for_whatever_a_test_would_download() -> None:
    tests = CI.parent.parent / "tests"
    steps = re.findall(r"^twice \S+ -m (tests\.[\w.]*build)\b", CI.read_text(), re.MULTILINE)
    built = "".join(tests.parent.joinpath(*step.split(".")).with_suffix(".py").read_text() for step in steps)
    sources = "".join(path.read_text() for path in tests.rglob("*.py"))
    programs = set(re.findall(r"^(\w+) = GoProgram\(", sources, re.MULTILINE))
    locks = set(re.findall(r'install\(ROOT / "(requirements/\w+.txt)"', sources))
    assert min(len(programs), len(locks)) > 1
    assert {name for name in (*programs, *locks, "axe.source()") if name not in built} == set()


def test_what_is_set_on_this_machine_reaches_no_test_but_its_proxy() -> None:
    environ = {"PATH": "/bin", "AWS_PROFILE": "x", "SIDECAR_LISTEN": "x", "PYTHONHASHSEED": "0", "HTTPS_PROXY": "p"}
    make_our_own(environ)
    loopback = "127.0.0.1,localhost,::1,"
    assert environ == {"PATH": "/bin", "HTTPS_PROXY": "p", "NO_PROXY": loopback, "no_proxy": loopback}
