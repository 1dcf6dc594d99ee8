"""Calls the command that argv names. Each imports its module itself, so that none loads another's libraries."""

import gc
import os
import sys
from collections.abc import Callable, Sequence

from sidecar.terminal.complaints import (
    OutputLost,
    complain,
    discard_output,
    discard_unread_output,
    open_standard_streams,
    printed,
)
from sidecar.terminal.harmless import write_harmlessly

TYPE_CHECKING = False  # as a type checker takes it; importing typing would be a fifth of a probe's cost
if TYPE_CHECKING:
    from typing import TextIO

BAD_USAGE = 2
EXACT = frozenset({"inject", "serve", "webhook"})
"""Commands whose output is a document, or none: the others may show what strangers wrote."""
OUTPUT_UNREAD = 141
"""What a shell tells of a program that SIGPIPE ended, such as `git log | head`."""
OUTPUT_LOST = 2
"""Neither done nor a finding: scripts take 1 for an answer."""
NOT_IN_THE_IMAGE = frozenset(
    {"boto3", "cryptography", "jwt", "sidecar.demo", "sidecar.lab", "sidecar.positioned_yaml", "yaml"}
)
"""Modules that the image does without. The extra that brings them has the command's name: lab, demo, inject."""


def serve(argv: Sequence[str]) -> int:
    """keep one role's credentials fresh and serve them to the pod"""
    from sidecar.terminal import early_signals

    early_signals.end_when_told(lambda _: 0)
    early_signals.ignore_meaningless()
    early_signals.leave_no_zombies()
    import_serve()
    from sidecar import serve as command

    return command.main(argv)


def import_serve() -> None:
    """Import what serves so that the process stays small."""
    for library in ("AIOHTTP", "FROZENLIST"):
        # A parser in C, and the C++ library that comes with the other one, for one answer in half an hour: 1.7 MiB.
        os.environ.setdefault(f"{library}_NO_EXTENSIONS", "1")
    # aiohttp reads the system's CAs when it is imported: 20 ms for nothing, since every call brings its own.
    authorities = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = os.devnull
    # Imported modules are not garbage. Searching them often slows the start, and each later search takes 8 ms; with no
    # search at all, 0.6 MiB of what importing leaves behind would stay.
    usual = gc.get_threshold()
    gc.set_threshold(20_000)
    import sidecar.serve  # noqa: F401 (for the command to find)

    if authorities is None:
        del os.environ["SSL_CERT_FILE"]
    else:
        os.environ["SSL_CERT_FILE"] = authorities
    gc.freeze()
    gc.set_threshold(*usual)


def demo(argv: Sequence[str]) -> int:
    """run the whole chain offline: a lab, the sidecar, and a real SDK that uses it"""
    from sidecar.demo import commands

    return commands.main(argv)


def lab(argv: Sequence[str]) -> int:
    """run an offline issuer, kubelet, IAM and strict STS, to learn and rehearse with"""
    from sidecar.lab.cli import commands

    return commands.main(argv)


def doctor(argv: Sequence[str]) -> int:
    """check each step from token to identity, and print how to fix what fails"""
    from sidecar.doctor import commands

    return commands.main(argv)


def explain(argv: Sequence[str]) -> int:
    """tell offline why STS would refuse a token for a role's trust policy"""
    from sidecar.explain import commands

    return commands.main(argv)


def audit(argv: Sequence[str]) -> int:
    """tell offline which service accounts of whole clusters can assume which roles, and why not"""
    from sidecar.audit import commands

    return commands.main(argv)


def inject(argv: Sequence[str]) -> int:
    """print manifests with the sidecar added to their pods, or removed again"""
    from sidecar.inject import commands

    return commands.main(argv)


def webhook(argv: Sequence[str]) -> int:
    """add the sidecar to pods as they are created (Kubernetes before 1.36)"""
    from sidecar.terminal import early_signals

    early_signals.end_when_told(lambda _: 0)
    early_signals.ignore_meaningless()
    early_signals.leave_no_zombies()
    from sidecar.webhook import commands

    return commands.main(argv)


def credential_process(argv: Sequence[str]) -> int:
    """print credentials for an SDK's `credential_process` setting"""
    from sidecar.client import credential_process as command

    return command.main(argv)


def execute(argv: Sequence[str]) -> int:
    """run a program with credentials in its environment: exec -- COMMAND"""
    from sidecar.terminal import early_signals

    early_signals.end_when_told(lambda number: 128 + number)  # as the program itself would end
    from sidecar.client import exec as command

    return command.main(argv)


def healthcheck(argv: Sequence[str]) -> int:
    """ask the running sidecar whether it is ready; exit code 0 means yes"""
    from sidecar.client import healthcheck as check

    return check.main(argv)


def completion(argv: Sequence[str]) -> int:
    """print a script that completes commands and flags: bash, zsh or fish"""
    from sidecar.terminal import completion as scripts

    return scripts.main(argv, tuple(COMMANDS))


def version(argv: Sequence[str]) -> int:  # noqa: ARG001 (all commands have this signature)
    """print the version"""
    from sidecar import __version__

    print(f"irsa-sidecar {__version__}")
    return 0


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "serve": serve,
    "demo": demo,
    "lab": lab,
    "doctor": doctor,
    "explain": explain,
    "audit": audit,
    "inject": inject,
    "webhook": webhook,
    "credential-process": credential_process,
    "exec": execute,
    "healthcheck": healthcheck,
    "completion": completion,
    "version": version,
}
GROUPS = {
    "In the pod": ("serve", "healthcheck", "credential-process", "exec"),
    "Finding out what is wrong": ("doctor", "explain", "audit"),
    "Adding it to pods": ("inject", "webhook"),
    "Learning and rehearsing": ("demo", "lab"),
    "More": ("completion", "version"),
}
"""The commands as the help shows them."""


def main() -> int:
    """Run the command named first. Returns its exit code, 2 when there is no such command or the output's disk is full,
    or 141 when nobody reads on. Ctrl-C ends the process as it ends others, so that a script ends with it.

    Python ignores SIGPIPE, so that a peer who hangs up cannot end `serve`: what a print raises instead ends here.
    """
    open_standard_streams()
    try:
        return _command()
    except* BrokenPipeError:
        if not discard_unread_output():
            raise  # it was a connection
        return_code = OUTPUT_UNREAD
    except* OutputLost as lost:
        discard_output()
        complain(f"irsa-sidecar: the output could not be written ({lost.exceptions[0]}); part of it is missing.")
        return_code = OUTPUT_LOST
    except* KeyboardInterrupt:
        return_code = _interrupted()
    return return_code


def _interrupted() -> int:
    """Ends the process by the signal itself; what returns is for a container's first process, which it does not end."""
    import signal  # only who is interrupted needs it

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
    return 128 + signal.SIGINT


def _command() -> int:
    try:
        name, *argv = sys.argv[1:] or ["--help"]
        return _named(name, argv)
    finally:
        printed(sys.stdout.flush)  # at exit nothing could catch the error any more


def _named(name: str, argv: Sequence[str]) -> int:
    if name not in EXACT:
        write_harmlessly()
    if name in {"--version", "-V"}:
        return version(argv)
    if name in COMMANDS:
        return _run(name, argv)
    asked = name in {"--help", "-h", "help"}
    _usage(sys.stdout if asked else sys.stderr, unknown="" if asked else name)
    return 0 if asked else BAD_USAGE


def _run(name: str, argv: Sequence[str]) -> int:
    try:
        return COMMANDS[name](argv)
    except ModuleNotFoundError as missing:
        if missing.name not in NOT_IN_THE_IMAGE:
            raise
        needs = (
            f"irsa-sidecar {name} needs packages that are not installed here. In a checkout: pip install -e '.[{name}]'"
        )
        complain(needs)
        return BAD_USAGE


def _usage(out: "TextIO", unknown: str) -> None:
    if unknown:
        print(f"irsa-sidecar: unknown command: {unknown!r}{_nearest(unknown)}", file=out)
    print("usage: irsa-sidecar COMMAND [--help]", file=out)
    for title, names in GROUPS.items():
        print(f"\n{title}:", file=out)
        for name in names:
            print(f"  {name:<20} {COMMANDS[name].__doc__}", file=out)


def _nearest(name: str) -> str:
    import difflib  # only a mistake needs it

    near = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"; did you mean {near[0]}?" if near else ""
