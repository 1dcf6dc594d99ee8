"""`irsa-sidecar exec`: runs a program with credentials in its environment, for programs that read nothing else.

A process's environment cannot be renewed from outside: such a program must end before its credentials do.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sidecar.client import signals
from sidecar.client.role_argument import role_and_rest
from sidecar.client.running_sidecar import CHECK_LISTENER, NotServed, SessionCredentials
from sidecar.client.session import session_credentials
from sidecar.client.signals import ReceivedSignal
from sidecar.core.errors import SidecarError
from sidecar.core.model import Seconds, UnixTime
from sidecar.terminal.complaints import complain

USAGE_TEXT = (
    "usage: irsa-sidecar exec [--role NAME] -- COMMAND [ARGUMENT ...]\n\n"
    "Run COMMAND with credentials in its environment: those of the role NAME, or else of the default one."
)
WITHOUT_CREDENTIALS, NOT_EXECUTABLE, NOT_FOUND, BY_SIGNAL = 125, 126, 127, 128
"""Exit codes that are not the program's own: those of env(1) and of shells."""
FORWARDED = frozenset(
    {
        *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM),
        *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH),
    }
)
WATCHED = FORWARDED | {signal.SIGCHLD}
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
MAXIMUM_WAIT: Seconds = 30
OUTRANKING = frozenset({"AWS_PROFILE", "AWS_DEFAULT_PROFILE"})
"""Where one of these is set, JavaScript v3 does not look at the keys in the environment."""


def main(argv: Sequence[str]) -> int:
    """Run the program to its end. Returns its exit code, 128 + n when signal n ended it, 125 without credentials."""
    role, rest = role_and_rest(argv)
    command = rest[1:] if rest[:1] == ["--"] else rest
    if not command or command[0].startswith("-"):
        print(USAGE_TEXT, file=sys.stdout if command in (["-h"], ["--help"]) else sys.stderr)
        return 0 if command in (["-h"], ["--help"]) else 2
    try:
        held = session_credentials(os.environ, role)
        expires_at = ends_at(held)
    except SidecarError as error:
        return _say(str(error), WITHOUT_CREDENTIALS)
    return run(command, environment(os.environ, held), expires_at)


def environment(environ: Mapping[str, str], held: SessionCredentials) -> dict[str, str]:
    """`environ` with the credentials. boto 2 reads AWS_SECURITY_TOKEN, botocore AWS_CREDENTIAL_EXPIRATION."""
    kept = {name: text for name, text in environ.items() if name not in OUTRANKING}
    return kept | {
        "AWS_ACCESS_KEY_ID": held.access_key_id,
        "AWS_SECRET_ACCESS_KEY": held.secret_access_key,
        "AWS_SESSION_TOKEN": held.session_token,
        "AWS_SECURITY_TOKEN": held.session_token,
        "AWS_CREDENTIAL_EXPIRATION": held.expiration,
    }


def ends_at(held: SessionCredentials) -> UnixTime:
    """When the credentials expire. Raises `NotServed` for what is no time: another server may have written it."""
    try:
        found = datetime.fromisoformat(held.expiration)
    except ValueError:
        cause = f"The credentials have an invalid Expiration: {held.expiration[:40]!r}."
        raise NotServed(cause, fix=CHECK_LISTENER) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def run(command: list[str], environ: Mapping[str, str], expires_at: UnixTime) -> int:
    """Run `command` with `environ` as its child, pass signals on, and say so when it outlives its credentials."""
    try:
        with signals.blocked(WATCHED) as mask:  # with which the program starts
            child = os.posix_spawnp(command[0], command, environ, setsigmask=mask, setsigdef=IGNORED_BY_PYTHON)
            return _wait(child, command[0], expires_at)
    except FileNotFoundError:
        return _say(f"{command[0]}: not found.", NOT_FOUND)
    except OSError as error:
        return _say(f"{command[0]}: {error.strerror}.", NOT_EXECUTABLE)


def _wait(child: int, name: str, expires_at: UnixTime) -> int:
    outlived = False
    while True:
        left = expires_at - time.time()
        if left <= 0 and not outlived:
            outlived = True
            _say(f"{name} still runs, but its credentials have expired: restart it, or let it use the endpoint.", 0)
        caught = signals.wait(WATCHED, MAXIMUM_WAIT if outlived else min(MAXIMUM_WAIT, left))
        if caught is not None and caught.number != signal.SIGCHLD:
            _forward(child, caught)
        elif (status := _ended(child)) is not None:
            return status


def _forward(child: int, caught: ReceivedSignal) -> None:
    """A signal of the terminal has reached the program already."""
    if not caught.from_terminal:
        os.kill(child, caught.number)


def _ended(child: int) -> int | None:
    """The program's exit code once it has one. As process 1 of a container we inherit orphans: reap those."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return None
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else BY_SIGNAL - code


def _say(text: str, code: int) -> int:
    complain(f"irsa-sidecar exec: {text}")
    return code
