"""Just as much of Grafana's dashboard model as ours needs: panels in rows, laid out from left to right.

Fields: Grafana's dashboard JSON model, schema version 39 (Grafana 11), which later versions migrate by themselves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """One query; `legend` may name labels, as `{{pod}}`. `instant`: the value now, for stats and tables."""

    expr: str
    legend: str = ""
    instant: bool = False
    heatmap: bool = False

    def model(self, reference: str, *, table: bool) -> Json:
        form = "heatmap" if self.heatmap else "table" if table else "time_series"
        return {
            "datasource": DATASOURCE,
            "expr": self.expr,
            "format": form,
            "instant": self.instant,
            "range": not self.instant,
            "legendFormat": self.legend or "__auto",
            "refId": reference,
        }


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `kind`: Grafana's name for it; `steps`: colours from a value on, the first for all below."""

    title: str
    description: str
    kind: str
    queries: Sequence[Query]
    unit: str = "short"
    width: int = 8
    height: int = 8
    steps: Sequence[tuple[float | None, str]] = ((None, "green"),)
    options: Mapping[str, Any] | None = None
    decimals: int | None = None

    def model(self, number: int, x: int, y: int) -> Json:
        defaults: Json = {
            "unit": self.unit,
            "thresholds": {"mode": "absolute", "steps": [{"value": at, "color": colour} for at, colour in self.steps]},
        }
        if self.decimals is not None:
            defaults["decimals"] = self.decimals
        table = self.kind == "table"
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": dict(self.options or {}),
            "targets": [query.model(chr(ord("A") + n), table=table) for n, query in enumerate(self.queries)],
        } | ({"transformations": TIDY} if table else {})


TIDY = [{"id": "organize", "options": {"excludeByName": {"Time": True, "__name__": True, "instance": True}}}]
"""Tables without what nobody reads."""


def stat(title: str, description: str, expr: str, **look: Any) -> Panel:
    """One number."""
    return Panel(title, description, "stat", [Query(expr, instant=True)], **({"width": 4, "height": 4} | look))


def lines(title: str, description: str, *queries: Query, **look: Any) -> Panel:
    """Lines over time."""
    return Panel(title, description, "timeseries", queries, **look)


def heatmap(title: str, description: str, expr: str, **look: Any) -> Panel:
    """A histogram's buckets over time."""
    options = {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 32},
        "yAxis": {"unit": "s"},
        "cellGap": 1,
    }
    return Panel(title, description, "heatmap", [Query(expr, "{{le}}", heatmap=True)], options=options, **look)


def table(title: str, description: str, *exprs: str, **look: Any) -> Panel:
    """What is true now, one line for each series."""
    return Panel(title, description, "table", [Query(expr, instant=True) for expr in exprs], **look)


@dataclass(frozen=True, slots=True)
class Row:
    """A heading and the panels under it."""

    title: str
    panels: Sequence[Panel]


def dashboard(uid: str, title: str, description: str, variables: Sequence[Json], rows: Sequence[Row]) -> Json:
    """The whole, ready to be imported."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["irsa-sidecar"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # one crosshair for all panels
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "timezone": "",
        "templating": {"list": list(variables)},
        "annotations": {"list": []},
        "panels": list(_placed(rows)),
    }


def _placed(rows: Sequence[Row]) -> Iterator[Json]:
    number, y = 0, 0
    for row in rows:
        number += 1
        where = {"x": 0, "y": y, "w": WIDTH, "h": 1}
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": where, "panels": []}
        x, y, tallest = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, tallest = 0, y + tallest, 0
            number += 1
            yield panel.model(number, x, y)
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest


def choice_of_datasource() -> Json:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0}


def choice(name: str, query: str, *, several: bool) -> Json:
    """A variable whose values are a label's. `several`: any number of them, all to begin with."""
    everything = {"includeAll": True, "allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}}
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,  # with the time range: pods come and go
        "sort": 1,
        "multi": several,
        "hide": 0,
    } | (everything if several else {"includeAll": False})
