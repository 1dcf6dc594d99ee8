"""The command line: one flag for each setting that is no secret."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sidecar.settings.catalogue import FROM_ENVIRONMENT, SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


@dataclass(frozen=True, slots=True)
class Flags:
    """A command line taken apart."""

    given: dict[str, str]
    """By the setting's variable."""
    unknown: tuple[str, ...]
    """Arguments that belong to no flag. They may be secrets."""


def parsed(argv: Sequence[str], program: str) -> Flags:
    """Raises `SystemExit` where `--help` is among the arguments, or a flag lacks its value."""
    if not argv:
        return Flags({}, ())
    found, unknown = _parser(program).parse_known_args(argv)
    return Flags({variable: text for variable, text in vars(found).items() if text is not None}, tuple(unknown))


def _parser(program: str) -> "argparse.ArgumentParser":
    from sidecar.terminal.command_parser import CommandParser  # noqa: PLC0415 (half a megabyte, which a pod that is set up by variables alone does without)

    parser = CommandParser(
        prog=program,
        allow_abbrev=False,
        description="Fetch, refresh and serve the credentials of one role. Every setting is an environment variable; "
        "a flag overrides it.",
        epilog=f"As variables only, because they may hold secrets: {', '.join(_variables_only())}.",
    )
    for setting in SETTINGS:
        if setting.flag:
            usual = f" [{setting.default}]" if setting.default else ""
            text = f"{setting.variable}: {setting.meaning}{usual}".replace("%", "%%")
            parser.add_argument(setting.flag, dest=setting.variable, metavar="VALUE", help=text)
    return parser


def _variables_only() -> Iterator[str]:
    yield from (setting.variable for setting in SETTINGS if not setting.flag)
    yield from (name for name, _ in FROM_ENVIRONMENT)
