"""Keeps what is in this process's memory from its neighbours: other processes of the same user, and core dumps."""

import contextlib
import os
import resource

from sidecar.core.variables import SIDECAR_AUTHORIZATION

SET_DUMPABLE = 4
"""prctl(2), PR_SET_DUMPABLE: with 0, nobody of the same user may trace this process, or read its memory and environ."""


def keep_private() -> None:
    """As far as the system can."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.pop(SIDECAR_AUTHORIZATION, None)  # the settings have it, and nothing that is started needs it
    import ctypes  # noqa: PLC0415 (commands that hold no secret for long do without)

    with contextlib.suppress(AttributeError, OSError):  # macOS has no prctl
        ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0)
