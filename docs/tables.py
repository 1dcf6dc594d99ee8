"""Writes the README's reference tables from the code: `make docs`. A test holds that they are up to date."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sidecar.clock import SystemClock
from sidecar.observe.metrics import Metrics
from sidecar.settings import FROM_ENVIRONMENT, SETTINGS

README = Path(__file__).parent.parent / "README.md"


def settings() -> str:
    return _table(("variable", "flag", "default", "meaning"), _settings())


def _settings() -> Iterator[tuple[str, ...]]:
    for setting in SETTINGS:
        names = ", ".join(f"`{name}`" for name in (setting.variable, *setting.aliases))
        flag = f"`{setting.flag}`" if setting.flag else "none: it would show in the process list"
        default = "**required**" if setting.required else f"`{setting.default}`" if setting.default else ""
        yield names, flag, default, setting.meaning
    for variable, meaning in FROM_ENVIRONMENT:
        yield f"`{variable}`", "", "", meaning


def metrics() -> str:
    registry = Metrics(SystemClock(), started_at=0, token=lambda: None).registry
    rows: list[tuple[str, ...]] = []
    for family in registry.collect():
        if not family.name.startswith("irsa_sidecar_"):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append((f"`{name}`", family.type, LABELS.get(name, ""), family.documentation))
    return _table(("metric", "type", "labels", "meaning"), rows)


LABELS = {
    "irsa_sidecar_refresh_duration_seconds": "`outcome`",
    "irsa_sidecar_refreshes_total": "`outcome`, `code`",
    "irsa_sidecar_requests_total": "`face`, `status`",
    "irsa_sidecar_request_duration_seconds": "`face`",
    "irsa_sidecar_client_requests_total": "`face`, `sdk`, `major`",
    "irsa_sidecar_credentials_file_writes_total": "`outcome`",
    "irsa_sidecar_build_info": "`version`, `python`",
}

TABLES = {"settings": settings, "metrics": metrics}


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _escaped(text: str) -> str:
    """For the right-hand side of a substitution, where a backslash has a meaning."""
    return text.replace("\\", "\\\\")


def up_to_date(text: str) -> str:
    """`text` with every block between `<!-- NAME: ... -->` and `<!-- end -->` written anew."""
    for name, table in TABLES.items():
        block = re.compile(f"(<!-- {name}:[^>]*-->\n).*?(<!-- end -->)", re.DOTALL)
        text, found = block.subn(rf"\g<1>{_escaped(table())}\n\g<2>", text)
        if found != 1:
            raise ValueError(f"README.md has {found} blocks named {name}; one is needed.")
    return text


if __name__ == "__main__":
    README.write_text(up_to_date(README.read_text()))
