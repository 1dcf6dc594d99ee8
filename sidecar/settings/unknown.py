"""Flags that do not exist, and variables with our prefix that are no setting: misspelt, or written by Kubernetes."""

import re
from collections.abc import Iterator, Mapping, Sequence

from sidecar.settings.catalogue import SETTINGS
from sidecar.settings.complaints import BadSetting
from sidecar.settings.setting import bare


def unknown_flags(unknown: Sequence[str]) -> Iterator[BadSetting]:
    """Names the flags that there are not, and never what follows them."""
    flags = {setting.flag: setting.flag for setting in SETTINGS if setting.flag}
    before = ""
    for name in (argument.partition("=")[0] for argument in unknown):
        if name == "--auth-token":
            yield BadSetting(
                name, "every process on the node could read it; use SIDECAR_AUTH_TOKEN or --auth-token-file."
            )
        elif name.startswith("-") and before != "--auth-token":  # what follows that may be a token with a hyphen
            yield BadSetting(name, f"unknown flag{_nearest(name, flags)}")
        before = name
    if unknown and not any(argument.startswith("-") for argument in unknown):
        yield BadSetting("arguments", f"{len(unknown)} unexpected (not shown); see --help.")


def unknown_variables(environ: Mapping[str, str]) -> Iterator[BadSetting]:
    known = {bare(setting.variable): setting.variable for setting in SETTINGS}
    for name in sorted(environ):
        if name.startswith("SIDECAR_") and name not in known.values() and not _is_service_link(name, environ[name]):
            yield BadSetting(name, f"unknown setting{_nearest(bare(name), known)}")


def _is_service_link(name: str, value: str) -> bool:
    """Kubernetes describes every Service of the namespace in variables: one called `sidecar` must not stop us."""
    if re.fullmatch(r"SIDECAR_(\w+_)?SERVICE_(HOST|PORT(_\w+)?)", name):
        return True
    in_port = re.fullmatch(r"SIDECAR_(\w+_)?PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?", name)
    return bool(in_port) and (name.count("_PORT_") > 0 or "://" in value)


def _nearest(name: str, known: Mapping[str, str]) -> str:
    """A hint at the known name that this one may be a misspelling of. `known`: what is compared, and what is shown."""
    import difflib  # noqa: PLC0415 (only a mistake needs it)

    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {known[near[0]]}?" if near else "; see --help for a list."
