"""Whatever text a page is given, it stays text."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.admin.markup import Html, element, joined, printable

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Lone surrogates and control characters as well: a token's JSON may hold them."""


class Read(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(ANY_TEXT, ANY_TEXT)
def test_text_and_attributes_are_read_back_as_they_were_and_make_no_tag(text: str, attribute: str) -> None:
    read = Read(element("p", text, title=attribute))
    assert read.tags == [("p", {"title": printable(attribute)})]
    assert read.text == printable(text)


@given(ANY_TEXT)
def test_what_is_not_seen_is_shown_as_an_escape_sequence(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()  # a lone surrogate would fail here
    assert printable(shown) == shown
    assert shown == text or not text.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb", "a\\nb"), ("\u202egnp", "\\u202egnp"), ("\ud800", "\\ud800"), ("\0", "\\x00"), ("Zürich", "Zürich")],
)
def test_line_ends_and_turned_writing_are_visible(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_elements_nest() -> None:
    inner = element("b", "<i>", class_="x")
    assert element("p", "1 < 2 ", inner, 3, None) == '<p>1 &lt; 2 <b class="x">&lt;i&gt;</b>3</p>'


def test_names_of_attributes_are_spelled_as_in_html_and_those_that_are_none_are_not_there() -> None:
    assert element("p", aria_label="a", class_="b", viewBox="0 0 1 1", id=None) == (
        '<p aria-label="a" class="b" viewBox="0 0 1 1"></p>'
    )


def test_an_element_without_content_has_no_end() -> None:
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_markup_in_an_attribute_is_text() -> None:
    assert element("p", title=Html('"><b>')) == '<p title="&quot;&gt;&lt;b&gt;"></p>'


def test_markup_that_was_handled_as_text_is_text_again() -> None:
    bold = element("b")
    assert joined(bold + bold) == "&lt;b&gt;&lt;/b&gt;&lt;b&gt;&lt;/b&gt;"
    assert joined(f"{bold}") == "&lt;b&gt;&lt;/b&gt;"
    assert joined(bold, bold) == "<b></b><b></b>"
