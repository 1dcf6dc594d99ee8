"""No client waits while the kernel makes room for another's connection: there is room from the start."""

import re
import subprocess
import sys

import pytest

from sidecar.http.limits import ROOM
from tests.waiting import HANGS_AFTER

SERVE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
from sidecar.http.limits import allow_open_files
allow_open_files()
print(open("/proc/self/status").read())
"""


@pytest.mark.parametrize(("open_files", "room"), [(4096, ROOM), (512, 512), (64, 64)])
def test_there_is_room_before_the_first_thread_for_as_many_as_are_allowed(open_files: int, room: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SERVE, str(open_files)], capture_output=True, text=True, check=True, timeout=HANGS_AFTER
    )
    found = re.search(r"^FDSize:\s+(\d+)$", ended.stdout, re.MULTILINE)
    assert found
    assert int(found[1]) >= room


WITHOUT_ROOM = """
import os, resource, sys
from sidecar.http.limits import allow_open_files
taken = [os.dup(0) for _ in range(61)]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
while True:
    try:
        taken.append(os.dup(0))
    except OSError:
        break
os.close(taken.pop(int(sys.argv[1])))
allow_open_files()
print(sorted(taken) == [fd for fd in taken if os.fstat(fd)])
"""


@pytest.mark.parametrize("free", [0, -1])
def test_without_any_room_nothing_fails_and_no_open_descriptor_is_lost(free: int) -> None:
    """Neither where one alone is free, nor where a device may not be opened, as in some sandboxes."""
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_ROOM, str(free)],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS_AFTER,
    )
    assert (ended.stdout, ended.stderr) == ("True\n", "")
