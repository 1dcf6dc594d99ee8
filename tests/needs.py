"""Programs that some tests drive and a machine may lack."""

import os
import shutil
import socket
import sys
from typing import NoReturn

import pytest

PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "etcd": "etcd-server",
    "npm": "npm",
    "openssl": "openssl",
    "bwrap": "bubblewrap",
    "ldd": "libc-bin",
    "ldconfig": "libc-bin",
    "dpkg-query": "dpkg",
    "unshare": "util-linux",
    "git": "git",
    "ip": "iproute2",
    "cc": "gcc libc6-dev",
    "go": "golang-go",
}
"""Debian's package for each program."""

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
"""For a test that is about the kernel in a pod: /proc, namespaces, setresuid."""


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


on_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="needs ::1, which a container without IPv6 lacks")
"""Skipped in CI too, where it is so: no package brings it. What the sidecar does without it, other tests say."""


def needs(*programs: str) -> None:
    """Skip the test, with the way to get what is missing; in CI nothing may be missing, so there the test fails."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        without(f"needs {', '.join(missing)}: apt-get install {' '.join(PACKAGES[program] for program in missing)}")


def without(reason: str) -> NoReturn:
    """Skip the test; in CI, where nothing may be missing, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
