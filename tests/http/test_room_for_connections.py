"""No client waits while the kernel makes room for another's connection: there is room from the start."""

import re
import subprocess
import sys

import pytest

from sidecar.http.limits import ROOM

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
        [sys.executable, "-c", SERVE, str(open_files)], capture_output=True, text=True, check=True, timeout=60
    )
    found = re.search(r"^FDSize:\s+(\d+)$", ended.stdout, re.MULTILINE)
    assert found
    assert int(found[1]) >= room
