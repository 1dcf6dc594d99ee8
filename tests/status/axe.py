"""axe-core, which knows what makes a page hard to use with a screen reader, weak eyes or a keyboard."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.built_once import one_process_at_a_time
from tests.status.browser import Browser

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".cache" / "status"
LOCK = "package-lock.json"
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
RUN = "axe.run({ preload: false }).then(arguments[0], (error) => arguments[0]({ violations: [String(error)] }))"


def source() -> str:
    """axe-core's code, installed from the lock file once for each state of it. Needs `npm`."""
    with one_process_at_a_time(CACHE):
        if not (CACHE / LOCK).exists() or (CACHE / LOCK).read_bytes() != (HERE / LOCK).read_bytes():
            _install()
    return (CACHE / "node_modules" / "axe-core" / "axe.min.js").read_text()


def _install() -> None:
    shutil.rmtree(CACHE, ignore_errors=True)
    CACHE.mkdir(parents=True)
    shutil.copy(HERE / "package.json", CACHE)
    shutil.copy(HERE / LOCK, CACHE)
    try:
        subprocess.run(INSTALL, cwd=CACHE, check=True, capture_output=True)
    except BaseException:
        shutil.rmtree(CACHE)
        raise


def violations(browser: Browser, axe: str) -> list[str]:
    """What is wrong with the page as it stands: rule, advice and place."""
    browser.run(axe)
    found: list[dict[str, Any]] = browser.run_async(RUN)["violations"]
    return [f"{each['id']}: {each['help']}: {[node['html'] for node in each['nodes']]}" for each in found]
