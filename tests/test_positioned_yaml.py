"""YAML that knows the place of each value: text, value, line and offsets, for whatever may stand in a manifest."""

from typing import Any

import pytest

from sidecar import positioned_yaml
from sidecar.positioned_yaml import MappingNode, Node, NotYaml, ScalarNode, SequenceNode, parse


def value_of(text: str, key: str) -> Node:
    (document,) = parse(text)
    assert isinstance(document, MappingNode)
    entry = document.entry(key)
    assert entry is not None
    return entry[1]


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nkey: value\n",
        "\ufeffa: 1\nkey: value\n",
        'a: "ünï \U0001f600"\nkey: value\n',
        "a: |\r\n  two\r\n  lines\r\nkey: value # why\r\n",
        "%YAML 1.2\n---\n# first\na: 1\nkey: value\n",
    ],
)
def test_offsets_count_code_points_and_lines_count_from_one(text: str) -> None:
    node = value_of(text, "key")
    assert text[node.start : node.end] == "value"
    assert text.splitlines()[node.line - 1].startswith("key: value")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", True),
        ("y", True),
        ("Off", False),
        ("N", False),
        ("nyet", "nyet"),
        ("~", None),
        ("", None),
        ("8080", 8080),
        ("1e3", "1e3"),
        ("2012-10-17", "2012-10-17"),
        ('"8080"', "8080"),
        ("!!str 8080", "8080"),
    ],
)
def test_a_scalar_is_resolved_as_kubectl_reads_it_and_keeps_its_text(written: str, value: Any) -> None:
    node = value_of(f"key: {written}\n", "key")
    assert isinstance(node, ScalarNode)
    assert node.value == value
    assert type(node.value) is type(value)
    assert node.text == written.removeprefix("!!str ").strip('"')


@pytest.mark.parametrize(
    "text",
    [
        '{\n\t"a": [1,\t2],\n\t"b":\t{\t}\n}\n',
        "a:\t[1, 2]\nb: {\n\t}\n",
        "a: [1, # one\n\t2]\nb: {}\n",
        "a: [1, 2]\t# b\nb: {}\n",
        "a:\t[1, 2]\t\nb: {}",
    ],
)
def test_tabs_may_stand_between_the_tokens_that_indent_no_block(text: str) -> None:
    (document,) = parse(text)
    assert document.data() == {"a": [1, 2], "b": {}}


@pytest.mark.parametrize(("text", "value"), [("a: b\tc\n", "b\tc"), ("a: b\n  \tc\n", "b c"), ("a: b\t\n", "b")])
def test_tabs_may_stand_between_words(text: str, value: str) -> None:
    (document,) = parse(text)
    assert document.data() == {"a": value}


def test_a_byte_order_mark_may_begin_any_document() -> None:
    text = "\ufeffa: 1\nb: 2\n--- # joined\n\ufeffc: 3\nkey: value\n"
    documents = parse(text)
    assert [node.data() for node in documents] == [{"a": 1, "b": 2}, {"c": 3, "key": "value"}]
    for node in (value for document in documents for _, value in document.entries):  # type: ignore[attr-defined]
        assert text[node.start : node.end] == str(node.data())


def test_half_of_a_surrogate_pair_is_an_error_with_its_line() -> None:
    with pytest.raises(NotYaml, match="surrogate") as caught:
        parse("a: 1\nb: \ud800\n")
    assert caught.value.line == 2


@pytest.mark.parametrize("text", ["a: {b: [1,\t2]}\nc: &x |\n  d\n\ne: *x\n", "\ufeffa: ü\nb:\n- c\n- d: 'e'\n"])
def test_the_substitute_for_libyaml_reads_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [(node.data(), places(node)) for node in parse(text)]
    monkeypatch.setattr(positioned_yaml, "READER", positioned_yaml._Loader)
    assert [(node.data(), places(node)) for node in parse(text)] == expected
    with pytest.raises(NotYaml) as caught:
        parse("ü: 1\nb: \x01\n")
    assert caught.value.line == 2


def places(node: Node) -> list[tuple[int, int, int]]:
    """Where each value in a document stands."""
    below: list[Node] = []
    if isinstance(node, MappingNode):
        below = [value for _, value in node.entries]
    elif isinstance(node, SequenceNode):
        below = list(node.items)
    return [(node.start, node.end, node.line), *(place for inner in below for place in places(inner))]


def test_a_tab_that_indents_a_block_is_an_error_on_its_line() -> None:
    with pytest.raises(NotYaml) as caught:
        parse("a: 1\nb:\n\t- c\n")
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("a: 1\nb: *c\n", "*c refers to nothing above it", 2),
        ("a: &c [*c]\n", "*c refers to nothing above it", 1),
        ("ü: 1\nb: \x01\n", "control characters are not allowed", 2),
        ("a: 1\n[b]: 2\n", "a key must be plain text", 2),
        ("a: [1\nb: 2\n", "did not find expected ',' or ']'", 2),
    ],
)
def test_what_is_no_yaml_is_an_error_with_its_line(text: str, problem: str, line: int) -> None:
    with pytest.raises(NotYaml) as caught:
        parse(text)
    assert (str(caught.value), caught.value.line) == (problem, line)


def test_anchors_are_those_of_their_own_document() -> None:
    assert [node.data() for node in parse("a: &x 1\nb: *x\n---\nc: 2\n")] == [{"a": 1, "b": 1}, {"c": 2}]
    with pytest.raises(NotYaml):
        parse("a: &x 1\n---\nb: *x\n")
