"""`irsa-sidecar audit`: reads the files, asks for each service account and role, prints the answers."""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sidecar.audit import Cluster, NotACluster, NotAnAccount, audit, cluster_from, graph, roles_from, table
from sidecar.audit.cross_examination import Audit
from sidecar.audit.document import as_json
from sidecar.audit.roles import AuditedRole, providers_from
from sidecar.core import audiences
from sidecar.core.findings import Level
from sidecar.explain.question import OidcProvider
from sidecar.terminal.colour import colour_for
from sidecar.terminal.command_parser import CommandParser
from sidecar.terminal.files import BadArguments, document_pieces, read_document

NOTHING_WRONG, SOMETHING_WRONG, BAD_USAGE = 0, 1, 2
_CLUSTER = re.compile(r"(?P<issuer>https?://[^=]+)=(?P<path>.+)")
_IN_CAPITALS = re.compile("https?://", re.IGNORECASE)


def main(argv: Sequence[str]) -> int:
    """Audit. Returns 0 if nothing of that level is wrong, 1 if something is, 2 for unusable arguments."""
    given = _parser().parse_args(argv)
    try:
        found = _audited(given)
    except BadArguments as problem:
        print(f"irsa-sidecar audit: {problem}.", file=sys.stderr)
        return BAD_USAGE
    for line in _FORMS[given.format](found):
        print(line)
    wrong = (Level.ERROR, Level.WARNING) if given.fail_on == "warning" else (Level.ERROR,)
    return SOMETHING_WRONG if any(found.levels.get(level) for level in wrong) else NOTHING_WRONG


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="irsa-sidecar audit",
        allow_abbrev=False,
        description="Tell offline, from files, which service accounts can assume which roles, which were meant to and "
        "cannot and why, and which can though nothing says that they should.",
        epilog="Exit code: 0 nothing wrong, 1 something is (see --fail-on), 2 invalid arguments.",
    )
    parser.add_argument(
        "--cluster",
        action="append",
        required=True,
        metavar="ISSUER=FILE",
        help="the output of `kubectl get serviceaccounts,pods -A -o json`, with the issuer that `kubectl get --raw "
        "/.well-known/openid-configuration` names; repeatable",
    )
    parser.add_argument(
        "--account",
        action="append",
        required=True,
        metavar="FILE",
        help="the output of `aws iam get-account-authorization-details --filter Role`; repeatable",
    )
    parser.add_argument(
        "--providers",
        action="append",
        default=[],
        metavar="FILE",
        help="the output of `aws iam list-open-id-connect-providers`; repeatable. Default: assume that each account "
        "has the providers it needs",
    )
    parser.add_argument(
        "--audience",
        default=audiences.STS,
        metavar="NAME",
        help="the audience that the webhook gives to tokens by default (default: %(default)s)",
    )
    parser.add_argument("--format", choices=sorted(_FORMS), default="table", help="default: %(default)s")
    parser.add_argument(
        "--fail-on", choices=("error", "warning"), default="error", help="the level from which the exit code is 1"
    )
    return parser


def _audited(given: argparse.Namespace) -> Audit:
    clusters = _distinct([_cluster(text, given.audience) for text in given.cluster])
    roles = {role.arn: role for path in given.account for role in _account(path)}
    providers = [found for path in given.providers for found in _providers(path)]
    return audit(clusters, roles.values(), now=time.time(), providers=providers)


def _cluster(text: str, audience: str) -> Cluster:
    found = _CLUSTER.fullmatch(text)
    if found is None:
        raise BadArguments(f"--cluster: {text!r} is not ISSUER=FILE; {_how_to_write_it(text)}")
    path, issuer = found["path"], found["issuer"]
    name = issuer.partition("://")[2] if path == "-" else Path(path).stem
    with _naming("--cluster", path):
        return cluster_from(document_pieces(path, "--cluster"), name=name, issuer=issuer, audience=audience)


def _how_to_write_it(text: str) -> str:
    if "=" in text and (scheme := _IN_CAPITALS.match(text)):
        return f"write {scheme[0].lower()} in small letters, as the tokens' iss has it"
    return "write https://<issuer>=<file>, where `kubectl get --raw /.well-known/openid-configuration` names the issuer"


def _account(path: str) -> tuple[AuditedRole, ...]:
    with _naming("--account", path):
        return roles_from(document_pieces(path, "--account"))


def _providers(path: str) -> tuple[OidcProvider, ...]:
    with _naming("--providers", path):
        return providers_from(read_document(path, "--providers"))


@contextmanager
def _naming(flag: str, path: str) -> Iterator[None]:
    """What is wrong with a file is told with its name."""
    try:
        yield
    except (NotACluster, NotAnAccount) as problem:
        raise BadArguments(f"{flag}: {path}: {problem}") from None


def _distinct(clusters: Sequence[Cluster]) -> list[Cluster]:
    """Files of one name, in several directories, are told apart by their issuers."""
    issuers = [cluster.issuer for cluster in clusters]
    for issuer in issuers:
        if issuers.count(issuer) > 1:
            raise BadArguments(f"--cluster: {issuer} is given twice; every cluster has an issuer of its own")
    names = [cluster.name for cluster in clusters]
    return [
        replace(cluster, name=cluster.issuer_name) if names.count(cluster.name) > 1 else cluster for cluster in clusters
    ]


def _as_table(found: Audit) -> Iterator[str]:
    return table.lines_of(found, colour_for(sys.stdout, os.environ))


def _as_json(found: Audit) -> Iterator[str]:
    yield json.dumps(as_json(found), indent=2)


_FORMS: dict[str, Callable[[Audit], Iterator[str]]] = {"table": _as_table, "json": _as_json, "dot": graph.dot}
