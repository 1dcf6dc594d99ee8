"""Limits that are too low are named before anything is begun."""

import resource
import threading

import pytest

from sidecar.core.daemon_thread import in_daemon_thread
from sidecar.core.errors import OutOfThreads
from sidecar.core.process_limits import OPEN_FILES, THREADS, LimitTooLow, check_limits, startable_threads


def only(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no more than so many threads start from now on."""
    start, left = threading.Thread.start, [None] * threads

    def limited(thread: threading.Thread) -> None:
        if not left:
            raise RuntimeError("can't start new thread")
        left.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)


def test_where_there_is_room_nothing_is_left_behind() -> None:
    before = set(threading.enumerate())
    check_limits()
    assert startable_threads(3) == 3
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("threads", [0, THREADS - 1])
def test_too_few_threads_are_counted_and_named(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    only(threads, monkeypatch)
    with pytest.raises(LimitTooLow, match=rf"lets {threads} threads start.*{THREADS} are needed.*podPidsLimit"):
        check_limits()


def test_too_few_open_files_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (OPEN_FILES - 1, OPEN_FILES - 1))
    with pytest.raises(LimitTooLow, match=r"limit on open files is 25, and 26 are needed.*ulimit -n"):
        check_limits()


async def test_threads_that_run_out_later_are_an_error_with_a_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    only(0, monkeypatch)
    with pytest.raises(OutOfThreads, match="podPidsLimit"):
        await in_daemon_thread(int)
