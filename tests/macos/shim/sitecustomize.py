"""Makes this interpreter as poor as one on macOS: what only Linux has is taken away before anything else is imported.

It comes into a child, whatever environment that gets, because the children's interpreter is `python` beside this file.
"""

import os
import select
import signal
import socket
import sys
import time
import types
from pathlib import Path

LINUX_ONLY = {
    os: (
        *("O_DIRECT", "O_PATH", "O_TMPFILE", "accept4", "copy_file_range", "eventfd", "fdatasync", "getrandom"),
        *("memfd_create", "pidfd_open", "pipe2", "posix_fadvise", "posix_fallocate", "sched_getaffinity"),
        *("sched_setaffinity", "setns", "setresgid", "setresuid", "splice", "unshare", "waitid"),
    ),
    select: ("epoll",),
    signal: ("SIGPOLL", "SIGPWR", "SIGRTMAX", "SIGRTMIN", "SIGSTKFLT", "sigtimedwait", "sigwaitinfo", "struct_siginfo"),
    socket: (
        *("AF_NETLINK", "AF_PACKET", "MSG_CMSG_CLOEXEC", "MSG_MORE", "MSG_NOSIGNAL", "SOCK_CLOEXEC", "SOCK_NONBLOCK"),
        *("SO_BINDTODEVICE", "SO_PEERCRED", "TCP_CORK", "TCP_DEFER_ACCEPT", "TCP_QUICKACK", "TCP_USER_TIMEOUT"),
    ),
    time: ("CLOCK_BOOTTIME",),
}

for module, names in LINUX_ONLY.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)

proxies = types.ModuleType("_scproxy")  # which urllib asks on macOS, in C
proxies.__dict__.update(_get_proxies=dict, _get_proxy_settings=dict)
sys.modules["_scproxy"] = proxies
sys.platform = "darwin"
sys.executable = str(Path(__file__).parent / "python")
