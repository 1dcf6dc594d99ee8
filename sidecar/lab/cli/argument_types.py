"""Types of command-line arguments, with complaints that argparse prints."""

import argparse

from sidecar.lab.loopback import LoopbackAddress, parse_address


def address(text: str) -> LoopbackAddress:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def seconds(text: str) -> float:
    found = float(text)
    if not 0 <= found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds")
    return found
