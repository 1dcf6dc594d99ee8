"""A name means one thing: no class is defined twice in the product, nor named like one of the standard library's."""

import ast
import builtins
import collections.abc
import pathlib
import typing
from collections import defaultdict
from pathlib import Path

PRODUCT = Path(__file__).parent.parent / "sidecar"
STANDARD = {*vars(builtins), *vars(collections.abc), *vars(typing), *vars(pathlib)}


def classes() -> dict[str, list[str]]:
    """The modules that define each public class."""
    found = defaultdict(list)
    for path in sorted(PRODUCT.rglob("*.py")):
        for statement in ast.parse(path.read_text()).body:
            if isinstance(statement, ast.ClassDef) and not statement.name.startswith("_"):
                found[statement.name].append(path.relative_to(PRODUCT).as_posix())
    return found


def test_no_class_is_defined_twice() -> None:
    assert {name: places for name, places in classes().items() if len(places) > 1} == {}


def test_no_class_has_the_name_of_a_standard_one() -> None:
    assert {name: places for name, places in classes().items() if name in STANDARD} == {}
