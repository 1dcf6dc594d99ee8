"""docs/troubleshooting.md, and the blocks in it that the cases fill: `python -m tests.troubleshooting.page`."""

import asyncio
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sidecar.sts.exchange import sts_session
from sidecar.sts.tls import tls_context
from tests.troubleshooting.cases import CASES, Scene

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
BLOCK = re.compile(r"(<!-- prints (?P<case>[^>]+) -->\n```\n)(?P<text>.*?)(```\n)", re.DOTALL)


def blocks(page: str) -> dict[str, str]:
    """What the page says that each case prints."""
    return {found["case"]: found["text"].rstrip("\n") for found in BLOCK.finditer(page)}


def filled(page: str, printed: Mapping[str, str]) -> str:
    return BLOCK.sub(lambda found: f"{found[1]}{printed[found['case']]}\n{found[4]}", page)


async def everything() -> dict[str, str]:
    printed = {}
    async with sts_session(tls_context(None)) as http:
        for name, case in CASES.items():
            with tempfile.TemporaryDirectory() as directory:
                printed[name] = await case(Scene(Path(directory), http))
    return printed


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(), asyncio.run(everything())))
