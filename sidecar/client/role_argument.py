"""`--role NAME` before everything else: which of the running sidecar's roles a command is about."""

from collections.abc import Sequence

OPTION = "--role"
LONGEST_NAME = 64
DIRECTORIES = frozenset({".", ".."})
"""Every client takes these out of a path."""
SIGNS = frozenset("_.@+=-")
"""What a name may hold beside letters and digits. The settings' rule, which a command is too short-lived to import."""


def role_and_rest(argv: Sequence[str]) -> tuple[str, list[str]]:
    """The role, empty for the default one, and the other arguments. What is no name stays among those."""
    if len(argv) > 1 and argv[0] == OPTION and is_name(argv[1]) and not argv[1].startswith("-"):
        return argv[1], list(argv[2:])
    return "", list(argv)


def is_name(text: str) -> bool:
    """Whether a role can be called so."""
    signs = "".join(sign for sign in text if sign not in SIGNS)
    good = text.isascii() and (signs.isalnum() or not signs) and text not in DIRECTORIES
    return good and 0 < len(text) <= LONGEST_NAME
