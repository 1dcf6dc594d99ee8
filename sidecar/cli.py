"""argv into one call. Each command's module is imported inside that command: none pays for another's libraries."""

import gc
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

USAGE = 2
NOT_IN_THE_IMAGE = frozenset(
    {"boto3", "cryptography", "jwt", "sidecar.demo", "sidecar.inject", "sidecar.lab", "sidecar.positioned_yaml", "yaml"}
)
"""Modules that the image does without. The extra that brings them has the command's name: lab, demo, inject."""


def serve(argv: Sequence[str]) -> int:
    """keep one role's credentials fresh and serve them"""
    # What is imported stays. Looking for garbage in it often costs a part of the start, and later 8 ms at a time; not
    # looking at all would keep what importing leaves behind, 0.6 MiB.
    usual = gc.get_threshold()
    gc.set_threshold(20_000)
    from sidecar import serve as command

    gc.freeze()
    gc.set_threshold(*usual)
    return command.main(argv)


def demo(argv: Sequence[str]) -> int:
    """the main job, offline: a lab, the sidecar, and a real SDK using it"""
    from sidecar.demo import commands

    return commands.main(argv)


def lab(argv: Sequence[str]) -> int:
    """an offline issuer, kubelet, IAM and strict STS, to learn and rehearse on"""
    from sidecar.lab.cli import commands

    return commands.main(argv)


def doctor(argv: Sequence[str]) -> int:
    """walk the chain from token to identity, and say of each link what to mend"""
    from sidecar.doctor import commands

    return commands.main(argv)


def explain(argv: Sequence[str]) -> int:
    """say offline why STS would refuse a token for a trust policy"""
    from sidecar.explain import command

    return command.main(argv)


def inject(argv: Sequence[str]) -> int:
    """print manifests with the sidecar added to their pods, or taken out again"""
    from sidecar.inject import commands

    return commands.main(argv)


def credential_process(argv: Sequence[str]) -> int:
    """print credentials as an SDK's `credential_process` setting wants them"""
    from sidecar.client import credential_process as command

    return command.main(argv)


def execute(argv: Sequence[str]) -> int:
    """run a program with credentials in its environment: exec -- COMMAND"""
    from sidecar.client import exec as command

    return command.main(argv)


def healthcheck(argv: Sequence[str]) -> int:
    """ask a running sidecar how it is: exit 0 for ready (an exec probe without curl)"""
    from sidecar.client import healthcheck as check

    return check.main(argv)


def version(argv: Sequence[str]) -> int:  # noqa: ARG001 (every command takes its arguments)
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
    "inject": inject,
    "credential-process": credential_process,
    "exec": execute,
    "healthcheck": healthcheck,
    "version": version,
}


def main() -> int:
    """Run the command named first. Returns its exit code, or 2 when there is no such command."""
    name, *argv = sys.argv[1:] or ["--help"]
    if name in {"--version", "-V"}:
        return version(argv)
    if name in COMMANDS:
        return _run(name, argv)
    asked = name in {"--help", "-h", "help"}
    _usage(sys.stdout if asked else sys.stderr, unknown="" if asked else name)
    return 0 if asked else USAGE


def _run(name: str, argv: Sequence[str]) -> int:
    try:
        return COMMANDS[name](argv)
    except ModuleNotFoundError as missing:
        if missing.name not in NOT_IN_THE_IMAGE:
            raise
        needs = f"irsa-sidecar {name} needs more than the image holds; in a checkout: pip install -e '.[{name}]'"
        print(needs, file=sys.stderr)
        return USAGE


def _usage(out: TextIO, unknown: str) -> None:
    if unknown:
        print(f"irsa-sidecar: no such command: {unknown!r}", file=out)
    print("usage: irsa-sidecar COMMAND [--help]\n", file=out)
    for name, command in COMMANDS.items():
        print(f"  {name:<20} {command.__doc__}", file=out)
