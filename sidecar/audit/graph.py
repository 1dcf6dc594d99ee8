"""An audit as a graph in DOT, for `dot -Tsvg`: service accounts by cluster, roles, and an edge for each answer."""

import json
from collections.abc import Iterator

from sidecar.audit.cluster import Cluster
from sidecar.audit.cross_examination import Audit, Unintended
from sidecar.audit.intentions import Intended
from sidecar.audit.table import who

_MANY = 10
"""Accounts for which one node stands, where a pattern lets in more."""
_INTENDED = {True: 'color="darkgreen"', None: 'color="grey", style="dotted", label="not known"'}


def dot(found: Audit) -> Iterator[str]:
    """Line by line. Green: meant, and can. Red: meant, and cannot. Orange: can, and was not meant."""
    yield "digraph audit {"
    yield '  rankdir="LR"; node [shape="box", fontname="sans-serif"];'
    for number, cluster in enumerate(found.clusters):
        yield from _cluster(number, cluster, found)
    arns = [*(entry.role_arn for entry in found.intended), *(entry.role_arn for entry in found.unintended)]
    for arn in dict.fromkeys(arns):
        yield f'  {_quoted(arn)} [shape="ellipse"];'
    yield from map(_edge, found.intended)
    for entry in found.unintended:
        yield from _edges(entry)
    yield "}"


def _cluster(number: int, cluster: Cluster, found: Audit) -> Iterator[str]:
    yield f"  subgraph cluster_{number} {{"
    yield f"    label={_quoted(cluster.name)};"
    names = dict.fromkeys(entry.account.written for entry in found.intended if entry.cluster is cluster)
    names |= dict.fromkeys(name for entry in found.unintended if entry.cluster is cluster for name in _starts(entry))
    for name in names:
        yield f"    {_node(cluster, name)} [label={_quoted(name)}];"
    yield "  }"


def _edge(entry: Intended) -> str:
    codes = ", ".join(dict.fromkeys(reason.code for reason in entry.reasons))
    if entry.can and entry.depends_on:
        look = f'color="darkgreen", style="dashed", label={_quoted("if " + ", ".join(entry.depends_on))}'
    else:
        look = _INTENDED.get(entry.can) or f'color="red", style="dashed", label={_quoted(codes)}'
    return f"  {_node(entry.cluster, entry.account.written)} -> {_quoted(entry.role_arn)} [{look}];"


def _edges(entry: Unintended) -> Iterator[str]:
    width = 1 if entry.named else 2
    for name in _starts(entry):
        look = f'color="orange", penwidth={width}'
        yield f"  {_node(entry.cluster, name)} -> {_quoted(entry.role_arn)} [{look}];"


def _starts(entry: Unintended) -> list[str]:
    """The nodes from which its edges go."""
    if entry.everyone:
        return ["every service account"]
    return [who(entry)] if len(entry.accounts) > _MANY else [account.written for account in entry.accounts]


def _node(cluster: Cluster, name: str) -> str:
    return _quoted(f"{cluster.issuer_name} {name}")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
