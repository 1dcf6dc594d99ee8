"""How complaints name a place in the config file."""

from sidecar.core.model import DEFAULT_ROLE


def section_place(path: object, profile: str) -> str:
    """File and section; `default` alone needs no `profile` before its name."""
    return f"{path}: [{profile}]" if profile == DEFAULT_ROLE else f"{path}: [profile {profile}]"
