"""Ends the process at a time that was promised, whatever still hangs: a disk, a client, a library's thread."""

import contextlib
import os
import threading


def end_process_after(seconds: float, exit_code: int = 0) -> None:
    """Once this much time has passed, without another word: orderly ends come first."""
    timer = threading.Timer(seconds, os._exit, (exit_code,))
    timer.daemon = True
    with contextlib.suppress(RuntimeError):  # no thread to be had: SIGKILL will end what hangs
        timer.start()
