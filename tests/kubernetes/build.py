"""Makes the kube-apiserver that the tests start, once for each state of its lock: `make kubernetes`.

Kubernetes publishes no such program in any registry, but its source is a Go module. The module's own `replace` lines
lead to folders that the published module lacks; `apiserver/go.mod` names the published modules instead, version by
version.
"""

# ruff: noqa: T201 (a command line prints)
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

SOURCE = Path(__file__).parent / "apiserver"
CACHE = Path(__file__).parents[2] / ".cache" / "kubernetes"
FETCH = ("go", "mod", "download", "-modcacherw")
BUILD = (
    *("go", "build", "-mod=readonly", "-modcacherw", "-buildvcs=false", "-trimpath", "-ldflags=-s -w"),
    # Not optimised: that saves a third of the build, and costs the server three seconds when it starts.
    "-gcflags=all=-N -l",
)


def binary() -> Path:
    """Where the program is, or will be: another state of the sources is another place."""
    digest = hashlib.sha256(platform.machine().encode())
    for name in ("go.mod", "go.sum", "main.go"):
        digest.update((SOURCE / name).read_bytes())
    return CACHE / digest.hexdigest()[:16] / "kube-apiserver"


def main() -> int:
    """Returns 0 once the program is there, 1 if it cannot be made."""
    target = binary()
    if target.exists():
        return 0
    if shutil.which("go") is None:
        print("The kube-apiserver is built with Go 1.26 or newer: install it (https://go.dev/dl).", file=sys.stderr)
        return 1
    print("building kube-apiserver: minutes, once", flush=True)
    started = time.monotonic()
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE.parent / ".gitignore").write_text("*\n")
    draft = CACHE / "draft"
    for step in (FETCH, (*BUILD, "-o", str(draft), ".")):
        if subprocess.run(step, cwd=SOURCE, env=os.environ | _caches(), check=False).returncode:
            return 1
    _keep(draft, target)
    print(f"built in {time.monotonic() - started:.0f} s, {target.stat().st_size >> 20} MiB")
    return 0


def _caches() -> dict[str, str]:
    """Kept only until the program is there, so that a build that was cut short goes on where it was."""
    return {"GOMODCACHE": f"{CACHE}/go-modules", "GOCACHE": f"{CACHE}/go-builds", "CGO_ENABLED": "0"}


def _keep(draft: Path, target: Path) -> None:
    """The finished program, and nothing else: sources and objects of 2 GB have done their work."""
    for found in CACHE.iterdir():
        if found.is_dir():
            shutil.rmtree(found)
    target.parent.mkdir()
    draft.rename(target)


if __name__ == "__main__":
    sys.exit(main())
