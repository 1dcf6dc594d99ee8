"""Limits that the process cannot work under: looked at before anything is begun, and named."""

import resource
import threading

from sidecar.core.errors import SidecarError

THREADS = 5
"""Beside the main one: the log, the watch on the token's directory (two), a file that is read, a name look-up."""
OPEN_FILES = 26
"""19 are open with every face while nothing happens. The call to STS, the token file and a client need the others."""


class LimitTooLow(SidecarError):
    """The process may have fewer threads or open files than it needs."""


def check_limits() -> None:
    """Raises `LimitTooLow`, naming the limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        raise LimitTooLow(
            f"The limit on open files is {soft}, and {OPEN_FILES} are needed.",
            fix="Raise it to 1024: ulimit -n, the container runtime's LimitNOFILE.",
        )
    threads = startable_threads(THREADS)
    if threads < THREADS:
        raise LimitTooLow(
            f"The limit on processes lets {threads} threads start beside the first, and {THREADS} are needed.",
            fix="Raise it to 16: the kubelet's podPidsLimit, the runtime's pids limit, ulimit -u.",
        )


def startable_threads(wanted: int) -> int:
    """How many of so many threads can run at once."""
    free = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(wanted):
            thread = threading.Thread(target=free.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError:  # as Python says it
        return len(started)
    finally:
        free.set()
        for thread in started:
            thread.join()
    return wanted
