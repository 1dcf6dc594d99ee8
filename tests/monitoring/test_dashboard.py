"""The dashboard's JSON: whole, tidy, and the same on every data source and in every namespace."""

import re
from itertools import pairwise
from typing import Any

import pytest

from tools import dashboard
from tools.grafana import WIDTH

MODEL = dashboard.model()
PANELS: list[dict[str, Any]] = [panel for panel in MODEL["panels"] if panel["type"] != "row"]
KINDS = {"stat", "timeseries", "heatmap", "table"}
UNITS = {"s", "reqps", "bytes", "short"}

for_each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


def test_it_answers_the_five_questions_first() -> None:
    first = [panel["title"] for panel in PANELS[:5]]
    assert first == [
        "Pods with credentials",
        "Pods without",
        "Soonest expiry",
        "Pods that fail to refresh",
        "Refresh p99, last hour",
    ]


def test_its_parts_are_the_fleet_one_pod_and_the_legacy() -> None:
    rows = [panel["title"].partition(":")[0] for panel in MODEL["panels"] if panel["type"] == "row"]
    assert rows == ["Fleet", "One pod", "Legacy"]


def test_one_chooses_data_source_clusters_namespaces_workloads_and_pod() -> None:
    assert [variable["name"] for variable in MODEL["templating"]["list"]] == [
        "datasource",
        "cluster",
        "namespace",
        "workload",
        "pod",
    ]


@for_each_panel
def test_it_works_without_the_recording_rules_and_shows_the_same_at_every_zoom(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert not re.search(r"\b\w+:irsa_sidecar_", target["expr"])
        assert "$__" not in target["expr"]


def test_a_choice_of_all_takes_series_without_a_cluster_or_a_workload_too() -> None:
    chosen = {variable["name"]: variable.get("allValue") for variable in MODEL["templating"]["list"]}
    assert (chosen["cluster"], chosen["workload"]) == (".*", ".*")


def test_every_panel_has_a_number_and_a_title_of_its_own() -> None:
    assert len({panel["id"] for panel in MODEL["panels"]}) == len(MODEL["panels"])
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


@for_each_panel
def test_a_panel_is_of_a_kind_and_a_unit_that_grafana_knows(panel: dict[str, Any]) -> None:
    assert panel["type"] in KINDS
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS


@for_each_panel
def test_a_panel_asks_the_chosen_source_for_the_chosen_pods(panel: dict[str, Any]) -> None:
    assert panel["datasource"]["uid"] == "${datasource}"
    for target in panel["targets"]:
        assert "$namespace" in target["expr"]
        assert target["instant"] is (panel["type"] in {"stat", "table"})


def test_no_panel_covers_another_or_leaves_the_page() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in MODEL["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= WIDTH
        assert not cells & taken, panel["title"]
        taken |= cells


def test_panels_come_in_reading_order() -> None:
    places = [(panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in MODEL["panels"]]
    assert all(before < after for before, after in pairwise(places))
