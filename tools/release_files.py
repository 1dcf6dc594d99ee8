"""Makes the files of a release: the wheel, and the Helm chart where there is one. `python -m tools.release_files DIST`.

From the commit that is checked out, with its date: two runs give the same bytes.
"""

# ruff: noqa: S603, S607 (git and this Python, with words of our own)
import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from sidecar import __version__

ROOT = Path(__file__).parent.parent
CHART = "manifests/chart/irsa-sidecar"


def main(dist: Path) -> None:
    dist.mkdir(parents=True, exist_ok=True)
    date = _git("log", "-1", "--format=%ct").decode().strip()
    builder = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(dist.resolve())]
    subprocess.run(builder, cwd=ROOT, env=os.environ | {"SOURCE_DATE_EPOCH": date}, check=True)
    if _git("ls-tree", "HEAD", CHART):
        (dist / f"irsa-sidecar-{__version__}.tgz").write_bytes(chart(CHART, int(date)))


def chart(folder: str, date: int) -> bytes:
    """As `helm package` packs it: a gzipped tar of one folder with the chart's name."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in _git("ls-files", folder).decode().splitlines():
            entry = archive.gettarinfo(ROOT / name, f"irsa-sidecar/{Path(name).relative_to(folder)}")
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = date, 0, 0, "", ""
            archive.addfile(entry, io.BytesIO((ROOT / name).read_bytes()))
    return gzip.compress(packed.getvalue(), mtime=0)


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
