"""`irsa-sidecar inject`: reads manifests, prints them with the sidecar in them, or without it."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from sidecar import __version__
from sidecar.core.findings import Level
from sidecar.inject import stream
from sidecar.inject.injection import inject, remove
from sidecar.inject.options import AUDIENCE, BadOptions, Options
from sidecar.inject.stream import BadManifest, Change, Part

DONE, REFUSED, USAGE = 0, 1, 2
_BOM = "\ufeff"
_DESCRIPTION = """\
Print manifests with the sidecar added to every Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, Job and CronJob
in them. All else stays as it is, comments and other documents included; a sidecar that is there is brought up to date.
"""
_EPILOG = f"""\
examples:
  irsa-sidecar inject -f pod.yaml --image REGISTRY/irsa-sidecar:{__version__} --role-arn ARN --region REGION
  helm template . | irsa-sidecar inject -f - --image REGISTRY/irsa-sidecar:{__version__} --role-arn ARN \\
    --region REGION | kubectl apply -f -
  irsa-sidecar inject -f pod.yaml --remove

exit code: 0 done, perhaps with warnings on standard error; 1 a workload cannot take the sidecar, nothing is printed;
2 unusable arguments or files, or no workload in them (then they are printed as they are)."""


class _BadArguments(Exception):
    """Arguments that nothing can be done with. The message names the fix."""


def main(argv: Sequence[str]) -> int:
    """Print the manifests changed. Returns 0, 1 when a workload cannot take the sidecar, 2 for unusable arguments."""
    given = _parser().parse_args(argv)
    try:
        options = _options(given)
        read = [stream.parts(name, content) for name, content in map(_content, given.file)]
    except (_BadArguments, BadManifest, BadOptions) as problem:
        for line in str(problem).splitlines():
            print(line if isinstance(problem, BadManifest) else f"irsa-sidecar inject: {line}", file=sys.stderr)
        return USAGE
    every = [part for parts in read for part in parts]
    if not stream.has_workload(every, frozenset(given.only)):
        return _nothing_to_do(read, given.only)
    without = partial(remove, only=frozenset(given.only))
    if options is None:
        return _change(read, without, without)
    for caution in options.cautions():
        print(f"irsa-sidecar inject: warning: {caution}", file=sys.stderr)
    return _change(read, partial(inject, options=replace(options, accounts=stream.accounts(every))), without)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="irsa-sidecar inject",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    _which(parser)
    _what(parser.add_argument_group("the sidecar"))
    return parser


def _which(parser: argparse.ArgumentParser) -> None:
    """Which manifests, and which way."""
    add = partial(parser.add_argument, action="append")
    add("-f", "--file", required=True, metavar="FILE", help="YAML or JSON; - is standard input; repeatable")
    add("--only", default=[], metavar="KIND/NAME", help="this workload alone, as Deployment/web; repeatable")
    parser.add_argument("--remove", action="store_true", help="take the sidecar out again, with all that came with it")


def _what(group: argparse._ArgumentGroup) -> None:
    """What is added, and to which containers."""
    add = group.add_argument
    role = "the role; left out: the service account's eks.amazonaws.com/role-arn"
    add("--role-arn", default="", metavar="ARN", help=role)
    add("--region", default="", metavar="REGION", help="whose STS to call; the applications' region too")
    add("--image", default=f"irsa-sidecar:{__version__}", metavar="IMAGE", help="[%(default)s]")
    add("--audience", default=AUDIENCE, metavar="NAME", help="the token's audience [%(default)s, in every partition]")
    life = "the token's life, 600 to 86400 [%(default)s]"
    add("--token-expiration", type=int, default=3600, metavar="SECONDS", help=life)
    add("--classic", action="store_true", help="as an ordinary container, for Kubernetes before 1.29")
    each = partial(add, action="append", default=[])
    each("--set", metavar="NAME=VALUE", help="another setting of the sidecar; repeatable")
    each("--container", metavar="NAME", help="credentials for this container; repeatable [all]")


def _options(given: argparse.Namespace) -> Options | None:
    """What to inject; None for `--remove`. Raises `BadOptions`, `_BadArguments`."""
    if given.remove:
        return None
    return Options(
        role_arn=given.role_arn,
        region=given.region,
        image=given.image,
        audience=given.audience,
        token_expiration=given.token_expiration,
        settings=dict(_setting(text) for text in given.set),
        classic=given.classic,
        containers=frozenset(given.container),
        only=frozenset(given.only),
    )


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise _BadArguments(f"--set {name}: there is no value; write --set NAME=VALUE.")
    return name, value


def _content(file: str) -> tuple[str, str]:
    """A file's name for people, and its text with its own line ends. Raises `_BadArguments`."""
    name = "<stdin>" if file == "-" else file
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return name, content.decode()
    except OSError as error:
        raise _BadArguments(f"{name}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise _BadArguments(f"{name}: not UTF-8; convert it with iconv.") from None


def _change(read: list[list[Part]], change: Change, without: Change) -> int:
    results = [[stream.changed(part, change, without) for part in parts] for parts in read]
    said = [line for result in results for _, lines in result for line in lines]
    for line in said:
        print(line, file=sys.stderr)
    if any(line.level is Level.ERROR for line in said):
        return REFUSED
    _print(["".join(text for text, _ in result) for result in results])
    return DONE


def _nothing_to_do(read: list[list[Part]], only: list[str]) -> int:
    asked = f" called {' or '.join(only)}" if only else ""
    print(f"irsa-sidecar inject: no workload{asked} in these files; they are printed as they are.", file=sys.stderr)
    _print(["".join(part.text for part in parts) for parts in read])
    return USAGE


def _print(texts: list[str]) -> None:
    """One stream of several files: a file's end is a document's end."""
    whole = texts[0]
    for following in (text.removeprefix(_BOM) for text in texts[1:]):
        whole += ("" if whole.endswith("\n") else "\n") + ("" if following.startswith("---") else "---\n") + following
    sys.stdout.buffer.write(whole.encode())
    sys.stdout.flush()
