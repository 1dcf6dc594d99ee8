"""What the page's sections are made of. Pure."""

from sidecar.admin.amounts import duration, tenths
from sidecar.admin.markup import Content, Html, element, joined
from sidecar.core.model import Seconds

NOT_STATED = "not stated"
LONGEST_CLAIM = 600
"""Characters of a claim that are shown: a token holds up to 20 000."""


def left(seconds: Seconds) -> Html:
    """A time that the page's script counts down."""
    return element("span", duration(tenths(seconds)), data_left=tenths(seconds))


def ago(seconds: Seconds) -> Html:
    """A time that the page's script counts up."""
    return joined(element("span", duration(tenths(seconds)), data_ago=tenths(seconds)), " ago")


def section(title: str, *parts: Content) -> Html:
    return element("section", element("h2", title), element("div", *parts))


def folded(title: str, in_short: Content, *parts: Content, unfolded: bool) -> Html:
    """A section of which only a line is shown until a reader wants the rest."""
    inner = element("details", element("summary", in_short), *parts, open="open" if unfolded else None)
    return section(title, inner)


def facts(*pairs: tuple[Content, Content]) -> Html:
    """Names and values."""
    return element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in pairs))


def more(what: str, content: Html) -> Html:
    """What is shown on request."""
    return element("details", element("summary", what), content)


def code(text: str) -> Html:
    return element("code", text)


def prose(text: str) -> Html:
    """Sentences of ours, in which commands and settings stand between backticks."""
    words, *rest = text.split("`")
    if len(rest) % 2:
        return joined(text)  # one of them belongs to something else
    marked = (part for command, after in zip(rest[::2], rest[1::2], strict=True) for part in (code(command), after))
    return joined(words, *marked)


def claim(text: str) -> Html | str:
    """A claim of the token, cut where it is long."""
    if not text:
        return NOT_STATED
    return code(text if len(text) <= LONGEST_CLAIM else f"{text[:LONGEST_CLAIM]}… ({len(text)} characters)")
