"""Writes the reference tables of the pages from the code: `make docs`. A test holds that they are up to date."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from sidecar.settings.catalogue import FROM_ENVIRONMENT, SETTINGS
from sidecar.settings.profile_keys import KEYS
from tests.explain.asking import ACCOUNT, CLUSTER, OLD_CLUSTER, OTHER_ACCOUNT, PROVIDER_ARN, SUBJECT
from tests.explain.corpus import CORPUS
from tests.inject.specimens import SPECIMENS
from tools import metrics_page

DOCS = Path(__file__).parent.parent / "docs"
ROLES = DOCS / "roles.md"
SETTINGS_PAGE, METRICS, EXPLAIN = DOCS / "settings.md", DOCS / "metrics.md", DOCS / "explain.md"
ROLLOUT = DOCS / "rollout.md"


def settings() -> str:
    return _table(("variable", "flag", "default", "meaning"), _settings())


def _settings() -> Iterator[tuple[str, ...]]:
    for setting in SETTINGS:
        names = ", ".join(f"`{name}`" for name in (setting.variable, *setting.aliases))
        flag = f"`{setting.flag}`" if setting.flag else "none: it would show in the process list"
        default = f"`{setting.default}`" if setting.default else ""
        yield names, flag, default, setting.meaning
    for variable, meaning in FROM_ENVIRONMENT:
        yield f"`{variable}`", "", "", meaning


def keys() -> str:
    """A profile's."""
    return _table(("key", "meaning"), ((f"`{key.variable}`", key.meaning) for key in KEYS))


def metrics() -> str:
    return _table(("metric", "type", "unit", "labels", "meaning", "a query"), metrics_page.families())


def labels() -> str:
    return _table(("label", "of", "values"), metrics_page.label_values())


def series() -> str:
    return _table(("a pod's series", ""), metrics_page.counts())


def corpus() -> str:
    """Every case that the tests run, with the fix that `explain` gives."""
    rows = (
        (example.name, example.verdict, f"`{example.code}`", _shortened(example.told()[0].fix)) for example in CORPUS
    )
    return _table(("case", "verdict", "name", "fix"), rows)


def _shortened(fix: str) -> str:
    """The names of the tests' world, as somebody else would write them."""
    for long, short in _NAMES:
        fix = fix.replace(long, short)
    return fix.replace("\n", " ")


_NAMES = (
    (PROVIDER_ARN, "PROVIDER_ARN"),
    (CLUSTER, "ISSUER"),
    (OLD_CLUSTER, "OTHER_ISSUER"),
    (SUBJECT, "SUBJECT"),
    (ACCOUNT, "ACCOUNT"),
    (OTHER_ACCOUNT, "OTHER_ACCOUNT"),
)


def unseen() -> str:
    """What `inject` finds in a manifest, and a policy need not find in a pod."""
    rows = ((found.name, found.verdict, found.unseen) for found in SPECIMENS if found.unseen)
    return _table(("pod", "by `inject`", "why not by a policy"), rows)


Tables = Mapping[str, Callable[[], str]]
PAGES: Mapping[Path, Tables] = {
    SETTINGS_PAGE: {"settings": settings},
    ROLES: {"keys": keys},
    METRICS: {"metrics": metrics, "labels": labels, "series": series},
    EXPLAIN: {"corpus": corpus},
    ROLLOUT: {"unseen": unseen},
}


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _escaped(text: str) -> str:
    """For the right-hand side of a substitution, where a backslash has a meaning."""
    return text.replace("\\", "\\\\")


def up_to_date(page: Path) -> str:
    """The page's text with every block between `<!-- NAME: ... -->` and `<!-- end -->` written anew."""
    text = page.read_text()
    for name, table in PAGES[page].items():
        block = re.compile(f"(<!-- {name}:[^>]*-->\n).*?(<!-- end -->)", re.DOTALL)
        text, found = block.subn(rf"\g<1>{_escaped(table())}\n\g<2>", text)
        if found != 1:
            raise ValueError(f"{page.name} has {found} blocks named {name}; one is needed.")
    return text


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(up_to_date(path))
