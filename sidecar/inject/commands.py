"""`irsa-sidecar inject`: reads manifests and prints them with the sidecar added, or removed."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from sidecar import __version__
from sidecar.core.findings import Level
from sidecar.inject import asking, manifests, policy
from sidecar.inject.arguments import BadArguments, add_sidecar_options, described
from sidecar.inject.container_roles import ContainerRoles
from sidecar.inject.injection import inject, remove
from sidecar.inject.manifests import BadManifest, Change, ManifestPart
from sidecar.inject.options import BadOptions, Options
from sidecar.inject.surroundings import Surroundings
from sidecar.terminal.command_parser import CommandParser
from sidecar.terminal.complaints import printed
from sidecar.terminal.files import FileTooLarge, content
from sidecar.terminal.slow_input import STANDARD_INPUT

DONE, REFUSED, BAD_ARGUMENTS = 0, 1, 2
_BOM = "\ufeff".encode()
_DESCRIPTION = """\
Print manifests with the sidecar added to every Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, Job and CronJob
in them, and in Argo Rollouts, ScaledJobs and other custom resources that hold a whole pod template. All else stays as
it is, comments and other documents included. A sidecar that is there is updated.
"""
_EPILOG = f"""\
examples:
  irsa-sidecar inject -f pod.yaml --image REGISTRY/irsa-sidecar:{__version__} --role-arn ARN --region REGION
  helm template . | irsa-sidecar inject -f - --image REGISTRY/irsa-sidecar:{__version__} --role-arn ARN \\
    --region REGION | kubectl apply -f -
  irsa-sidecar inject -f pod.yaml --remove
  irsa-sidecar inject --policy --image REGISTRY/irsa-sidecar:{__version__} --region REGION | kubectl apply -f -

exit code: 0 done, perhaps with warnings on standard error; 1 a workload cannot take the sidecar, nothing is printed;
2 unusable arguments or files, or no workload in the files (then they are printed unchanged)."""


_OF_FILES = {
    "remove": "delete what it printed from the cluster",
    "only": "the label irsa-sidecar/inject chooses pods",
    "container": "every container of a pod gets credentials",
    "profiles": "each pod names it in the annotation irsa-sidecar/profiles",
    "container-role": "each pod names them in the annotation irsa-sidecar/container-roles",
    "classic": "clusters that know such policies have native sidecars",
    "pod-identity": "write the pod as in docs/roles.md",
    "role-arn": "each pod or its namespace names the role (docs/rollout.md)",
}
"""Options that make sense for manifests only, and what to do in a cluster."""
LARGEST_FILE = 6 << 20
"""Bytes. The largest charts print five million; the API server takes no object over 1.5 MiB."""


def main(argv: Sequence[str]) -> int:
    """Print the manifests changed. Returns 0, 1 when a workload cannot take the sidecar, 2 for unusable arguments."""
    given = _parser().parse_args(argv)
    try:
        if given.policy:
            return _print_policy(given)
        options = _options(given)
        read = [manifests.parts(name, text) for name, text in map(_content, given.file)]
    except (BadArguments, BadManifest, BadOptions) as problem:
        for line in str(problem).splitlines():
            print(line if isinstance(problem, BadManifest) else f"irsa-sidecar inject: {line}", file=sys.stderr)
        return BAD_ARGUMENTS
    every = [part for parts in read for part in parts]
    without = partial(remove, only=frozenset(given.only))
    change: Change = without
    if options is not None:
        change = partial(inject, options=_among(options, given, manifests.surroundings(every)))
    if not manifests.has_workload(every, frozenset(given.only)):
        return _nothing_to_do(read, change, given.only)
    if options is None:
        return _change(read, without, without)
    _caution(options)
    return _change(read, change, without)


def _print_policy(given: argparse.Namespace) -> int:
    """Raises `BadOptions`, `BadArguments`."""
    wrong = [name for name in _OF_FILES if vars(given)[name.replace("-", "_")]]
    if wrong:
        raise BadArguments("\n".join(f"--{name}: not with --policy; {_OF_FILES[name]}." for name in wrong))
    options = _described(given)
    _caution(options)
    _print([policy.text(policy.objects(options)).encode()])
    return DONE


def _caution(options: Options) -> None:
    for caution in options.cautions():
        print(f"irsa-sidecar inject: warning: {caution}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="irsa-sidecar inject",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    _add_manifest_options(parser)
    group = parser.add_argument_group("the sidecar")
    _add_options_of_files(group)
    add_sidecar_options(group, before_default="with -f the service account's annotation, or ")
    return parser


def _add_manifest_options(parser: argparse.ArgumentParser) -> None:
    """Options that choose the manifests, and what to do with them."""
    add = partial(parser.add_argument, action="append")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "-f", "--file", action="append", metavar="FILE", help="YAML or JSON; - is standard input; repeatable"
    )
    policy_help = "print instead policies by which the API server itself adds the sidecar (Kubernetes 1.36 or newer)"
    what.add_argument("--policy", action="store_true", help=policy_help)
    add("--only", default=[], metavar="KIND/NAME", help="change only this workload, such as Deployment/web; repeatable")
    parser.add_argument("--remove", action="store_true", help="remove the sidecar and everything that came with it")


def _add_options_of_files(group: argparse._ArgumentGroup) -> None:
    """Options of the sidecar that only manifests can have: in a cluster each pod decides."""
    add = group.add_argument
    role = "the role. Default: the service account's annotation eks.amazonaws.com/role-arn"
    add("--role-arn", default="", metavar="ARN", help=role)
    agent = "the role is that of the service account's EKS Pod Identity association: no role and no token of ours"
    add("--pod-identity", action="store_true", help=agent)
    add("--classic", action="store_true", help="add the sidecar as an ordinary container, for Kubernetes before 1.29")
    each = partial(add, action="append", default=[])
    add("--profiles", default="", metavar="CONFIGMAP", help="a ConfigMap whose key `config` holds roles as profiles")
    role = "the container gets this role, an ARN or with --profiles a profile, by a token of its own; repeatable"
    each("--container-role", metavar="CONTAINER=ROLE", help=role)
    each("--container", metavar="NAME", help="give credentials to this container only; repeatable [all]")


def _options(given: argparse.Namespace) -> Options | None:
    """What to inject; None for `--remove`. Raises `BadOptions`, `BadArguments`."""
    return None if given.remove else _described(given)


def _described(given: argparse.Namespace) -> Options:
    """Raises `BadOptions`, `BadArguments`."""
    return described(
        given,
        role_arn=given.role_arn,
        classic=given.classic,
        containers=frozenset(given.container),
        only=frozenset(given.only),
        pod_identity=given.pod_identity,
        roles=ContainerRoles.chosen(given.profiles, _container_roles(given.container_role)),
    )


def _among(options: Options, given: argparse.Namespace, around: Surroundings) -> Options:
    """The options with what else is in the files. What was asked for here goes before a service account's wish."""
    accounts = around.accounts
    if given.audience is not None:
        accounts = tuple(replace(account, audience="") for account in accounts)
    if given.token_expiration is not None:
        accounts = tuple(replace(account, token_expiration="") for account in accounts)
    return replace(options, surroundings=replace(around, accounts=accounts))


def _container_roles(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Raises `BadArguments`."""
    pairs = [text.partition("=") for text in texts]
    for text, (name, _, role) in zip(texts, pairs, strict=True):
        if not (name and role):
            raise BadArguments(f"--container-role {text}: write --container-role CONTAINER=ROLE.")
        if sum(name == each for each, _, _ in pairs) > 1:
            raise BadArguments(f"--container-role: {name}{asking.TWO_ROLES}.")
    return [(name, role) for name, _, role in pairs]


def _content(file: str) -> tuple[str, str]:
    """A file's name for people, and its text with its own line ends. Raises `BadArguments`."""
    name = "<stdin>" if file == STANDARD_INPUT else file
    try:
        return name, content(file, "-f", LARGEST_FILE).decode()
    except FileTooLarge as problem:
        raise BadArguments(f"{problem}; {manifests.SPLIT}.") from None
    except BadArguments as problem:
        raise BadArguments(f"{problem}.") from None
    except UnicodeDecodeError:
        raise BadArguments(f"{name}: not UTF-8; convert it with iconv.") from None


def _change(read: list[list[ManifestPart]], change: Change, without: Change) -> int:
    results = [[manifests.changed(part, change, without) for part in parts] for parts in read]
    findings = [finding for result in results for _, of_part in result for finding in of_part]
    for finding in findings:
        print(finding, file=sys.stderr)
    if any(finding.level is Level.ERROR for finding in findings):
        return REFUSED
    _print([b"".join(text.encode() for text, _ in result) for result in results])
    return DONE


def _nothing_to_do(read: list[list[ManifestPart]], change: Change, only: list[str]) -> int:
    for part in (part for parts in read for part in parts):
        for finding in manifests.changed(part, change, change)[1]:
            print(finding, file=sys.stderr)
    asked = f" called {' or '.join(only)}" if only else ""
    print(f"irsa-sidecar inject: no workload{asked} in these files; they are printed unchanged.", file=sys.stderr)
    _print([b"".join(part.text.encode() for part in parts) for parts in read])
    return BAD_ARGUMENTS


def _print(texts: list[bytes]) -> None:
    """Prints several files as one stream: the end of a file ends its document."""
    whole = texts[0]
    for following in (text.removeprefix(_BOM) for text in texts[1:]):
        whole += (
            (b"" if whole.endswith(b"\n") else b"\n") + (b"" if following.startswith(b"---") else b"---\n") + following
        )
    printed(sys.stdout.buffer.write, whole)
    printed(sys.stdout.flush)
