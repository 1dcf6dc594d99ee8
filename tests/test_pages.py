"""README and docs/ tell the truth: their tables are the code's, their commands, targets, links and files exist."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.cli import COMMANDS
from tools import tables

ROOT = Path(__file__).parent.parent
README, DOCS = ROOT / "README.md", ROOT / "docs"
AT_THE_TOP = [README, ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md"]
PAGES = [
    *AT_THE_TOP,
    *sorted(DOCS.glob("*.md")),
    ROOT / "bench" / "README.md",
    ROOT / "tests" / "clients" / "README.md",
]
MOST_LINES = 200
BEHAVIOURS = 20


def each_found(pattern: str) -> list[Any]:
    """Each thing that a page names, with its page."""
    return [
        pytest.param(page, name, id=f"{page.relative_to(ROOT)}: {name}")
        for page in PAGES
        for name in sorted(set(re.findall(pattern, page.read_text(), re.MULTILINE)))
    ]


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len(README.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda page: page.name)
def test_tables_are_made_from_the_code(page: Path) -> None:
    assert tables.up_to_date(page) == page.read_text(), "run `make docs`"


def test_the_pod_is_part_of_the_manifest_that_is_tested() -> None:
    block = re.search(r"<!-- pod -->\n```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    assert block
    manifest = next(
        part for part in yaml.safe_load_all((ROOT / "manifests/pod.yaml").read_text()) if part["kind"] == "Pod"
    )
    assert_part_of(yaml.safe_load(block[1]), manifest, "")


def assert_part_of(part: Any, whole: Any, path: str) -> None:
    if isinstance(part, dict):
        for key, value in part.items():
            assert key in whole, f"{path}.{key}"
            assert_part_of(value, whole[key], f"{path}.{key}")
    elif isinstance(part, list) and part and isinstance(part[0], dict) and "name" in part[0]:
        named = {item["name"]: item for item in whole}
        for item in part:
            assert item["name"] in named, f"{path}: {item['name']}"
            assert_part_of(item, named[item["name"]], f"{path}.{item['name']}")
    elif isinstance(part, list):
        assert len(part) == len(whole), path
        for index, item in enumerate(part):
            assert_part_of(item, whole[index], f"{path}[{index}]")
    else:
        assert part == whole, path


@pytest.mark.parametrize(("page", "command"), each_found(r"(?:`|-- |\| |\$ )irsa-sidecar ([a-z-]+)"))
def test_commands_exist(page: Path, command: str) -> None:
    assert command in COMMANDS, page


@pytest.mark.parametrize(("page", "target"), each_found(r"(?:^|`)make ([a-z]+)"))
def test_make_targets_exist(page: Path, target: str) -> None:
    assert re.search(f"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), page


def test_the_development_page_names_every_make_target() -> None:
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    table = re.findall(r"^\| `make ([a-z]+)` \|", (DOCS / "development.md").read_text(), re.MULTILINE)
    assert sorted(table) == sorted(targets)


@pytest.mark.parametrize(("page", "link"), each_found(r"\]\(([^)\s]+)\)"))
def test_links_lead_somewhere(page: Path, link: str) -> None:
    if link.startswith("http"):
        return
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    assert target.exists()
    assert not anchor or anchor in anchors(target)


@cache
def anchors(page: Path) -> set[str]:
    """As GitHub makes them: lower case, no punctuation, a hyphen for each space."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_names_every_page() -> None:
    named = set(re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "README.md").read_text()))
    assert named == {page.name for page in DOCS.glob("*.md")} - {"README.md"}


def test_the_versions_that_were_tried_are_those_of_the_clients_page() -> None:
    table = (DOCS / "clients.md").read_text().partition("Across a refresh")[0]
    tried = re.findall(r"^\| [^|]+ \| ([\d.]+) \|", table, re.MULTILINE)
    assert tried
    named = (DOCS / "sdk-versions.md").read_text()
    assert [version for version in tried if version not in named] == []


def test_the_places_that_the_development_page_names_exist() -> None:
    table = re.findall(r"^\| [^|]+ \| (`.*`) \|$", (DOCS / "development.md").read_text(), re.MULTILINE)
    named = [name for places in table for name in re.findall(r"`([^`]+)`", places)]
    assert len(table) >= BEHAVIOURS
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_classes_that_the_design_page_names_exist() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "sidecar").rglob("*.py"))
    named = re.findall(r"`([A-Z][a-z]\w*)(?:\.\w+)?`", (DOCS / "design.md").read_text())
    assert "Broker" in named
    assert [name for name in named if not re.search(rf"\b{name}\b", code)] == []


def test_the_rooms_of_the_design_page_are_the_layers_that_the_linter_holds() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", (DOCS / "design.md").read_text(), re.MULTILINE)

    on_the_page = [{room for number, room in rows if int(number) == layer} for layer in range(1, len(layers) + 1)]
    assert on_the_page == [set(layer.split(" | ")) for layer in layers]
