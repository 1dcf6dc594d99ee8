"""Keeps what is in this process's memory from its neighbours: other processes of the same user, and core dumps.

And from who could guess it: hashes of what clients send are keyed, by a key that nobody has chosen.
"""

import contextlib
import os
import resource
import sys

from sidecar.core.errors import SidecarError
from sidecar.core.variables import AUTHORIZATION, SIDECAR_AUTHORIZATION

SECRETS = (SIDECAR_AUTHORIZATION, AUTHORIZATION, "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Variables. The proxies' passwords stay: a reload of the roles reads them again."""
SET_DUMPABLE = 4
"""prctl(2), PR_SET_DUMPABLE: with 0, nobody of the same user may trace this process, or read its memory and environ."""


class PredictableHashes(SidecarError):
    """The key of Python's hashes is set from outside."""


def check_hashes_are_keyed() -> None:
    """Raises `PredictableHashes`. Requests are looked up by their hash, and that may tell nobody anything (see
    docs/design.md, "Recognised requests").
    """
    chosen = "" if sys.flags.ignore_environment else os.environ.get("PYTHONHASHSEED", "")
    if chosen not in {"", "random"}:
        raise PredictableHashes(
            "PYTHONHASHSEED is set, so that anybody can compute what requests are looked up by.",
            fix="Leave PYTHONHASHSEED out.",
        )


def keep_private() -> None:
    """As far as the system can."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in SECRETS:  # the settings have what is needed of them, and nothing that is started needs any
        os.environ.pop(name, None)
    import ctypes  # noqa: PLC0415 (commands that hold no secret for long do without)

    with contextlib.suppress(AttributeError, OSError):  # macOS has no prctl
        ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0)
