"""Programs that tests make and keep are made by one process, however many of them ask at once."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MAKE = """
import sys, time
from pathlib import Path
from tests.built_once import one_process_at_a_time

place = Path(sys.argv[1])
with one_process_at_a_time(place):
    print("holds", flush=True)
    sys.stdin.readline()
    if not place.exists():
        place.touch()
        print("made", flush=True)
"""


def maker(place: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MAKE, str(place)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> str:
    with process:
        return process.communicate("\n")[0]


def test_of_several_processes_that_ask_at_once_one_makes_it(tmp_path: Path) -> None:
    makers = [maker(tmp_path / "folder" / "program") for _ in range(4)]
    with ThreadPoolExecutor() as waiting:
        written = list(waiting.map(ended, makers))
    assert sorted(written) == ["holds\n", "holds\n", "holds\n", "holds\nmade\n"]


def test_who_dies_while_making_it_holds_up_nobody(tmp_path: Path) -> None:
    first = maker(tmp_path / "program")
    assert first.stdout is not None
    assert first.stdout.readline() == "holds\n"
    second = maker(tmp_path / "program")
    with first:
        os.kill(first.pid, signal.SIGKILL)
    assert ended(second) == "holds\nmade\n"
