"""Why targets are missed, by the beginning of a target's name: written by hand, shown while the target is missed."""

REASONS: dict[str, str] = {}
