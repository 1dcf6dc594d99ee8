"""The README tells the truth: its tables are the code's, its pod is the manifest's, its commands exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.cli import COMMANDS
from tools import tables

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_its_tables_are_made_from_the_code() -> None:
    assert tables.up_to_date(README) == README, "run `make docs`"


def test_its_pod_is_part_of_the_manifest_that_is_tested() -> None:
    block = re.search(r"<!-- pod -->\n```yaml\n(.*?)```", README, re.DOTALL)
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


@pytest.mark.parametrize("command", sorted(set(re.findall(r"(?:`|-- )irsa-sidecar ([a-z-]+)", README))))
def test_its_commands_exist(command: str) -> None:
    assert command in COMMANDS


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z]+)", README))))
def test_its_make_targets_exist(target: str) -> None:
    assert re.search(f"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
