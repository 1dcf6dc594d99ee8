"""Answers signals that come before the command itself can.

Importing a command takes up to half a second, and much longer with little CPU. The kernel drops a signal to a
container's first process for which there is no handler: the pod would stay until the end of its grace period.
"""

import os
import signal
from collections.abc import Callable
from types import FrameType

ASKING_TO_END = (signal.SIGTERM, signal.SIGINT)
MEANINGLESS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def end_when_told(exit_code: Callable[[int], int]) -> None:
    """Until there are other handlers, SIGTERM and SIGINT end the process at once, with the `exit_code` of the signal.

    To be called where nothing has been begun that would have to be undone. What is ignored already stays so.
    """

    def end(number: int, _: FrameType | None) -> None:
        os._exit(exit_code(number))

    for number in ASKING_TO_END:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


def leave_no_zombies() -> None:
    """A container's first process inherits the orphans of `kubectl exec`: those whose end it ignores leave nothing."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def ignore_meaningless() -> None:
    """Each of them would end the process otherwise, unless it is a container's first."""
    for number in MEANINGLESS:
        signal.signal(number, signal.SIG_IGN)
