"""A package index in a folder, of wheels that hold nothing but their name, version and requirements."""

import hashlib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Release:
    """One release of a package. `requires` and `extras` (name: what it requires) as package metadata writes them."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[tuple[str, str], ...] = ()

    @property
    def wheel(self) -> str:
        return f"{self.name}-{self.version}-py3-none-any.whl"

    @property
    def metadata(self) -> str:
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        lines += [f"Requires-Dist: {each}" for each in self.requires]
        for extra, requirement in self.extras:
            lines += [f"Provides-Extra: {extra}", f'Requires-Dist: {requirement} ; extra == "{extra}"']
        return "\n".join(lines) + "\n"


def publish(releases: Iterable[Release], folder: Path) -> dict[Release, str]:
    """Write an index in the simple layout, without dependencies' metadata beside it; gives each release's lock line."""
    return {each: _published(each, folder / each.name) for each in releases}


def _published(release: Release, page: Path) -> str:
    page.mkdir(parents=True, exist_ok=True)
    write_wheel(release, page / release.wheel)
    digest = hashlib.sha256((page / release.wheel).read_bytes()).hexdigest()
    with (page / "index.html").open("a") as links:
        links.write(f'<a href="{release.wheel}#sha256={digest}">{release.wheel}</a>\n')
    return f"{release.name}=={release.version} --hash=sha256:{digest}\n"


def write_wheel(release: Release, path: Path, *modules: str) -> None:
    """The smallest wheel that pip takes; with `modules`, which are empty."""
    home = f"{release.name}-{release.version}.dist-info"
    files = dict.fromkeys(modules, "") | {
        f"{home}/METADATA": release.metadata,
        f"{home}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{home}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in (files | {f"{home}/RECORD": record}).items():
            wheel.writestr(name, text)
