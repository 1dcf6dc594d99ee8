"""The parser of every command's flags."""

import argparse
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _typeshed import SupportsWrite


class CommandParser(argparse.ArgumentParser):
    """Help that nobody reads to its end is no success: argparse itself drops the error of a pipe that is closed."""

    def print_help(self, file: "SupportsWrite[str] | None" = None) -> None:
        (file or sys.stdout).write(self.format_help())
