"""A projected volume, written the way the kubelet's atomic writer does it."""

import os
import shutil
import tempfile
from pathlib import Path


class ProjectedVolume:
    """`<mount>/token -> ..data/token`, `..data -> ..<timestamp>`: a write fills a new directory and renames the link.

    Source: Kubernetes, pkg/volume/util/atomic_writer.go.
    """

    def __init__(self, mount: Path, *, mode: int = 0o644) -> None:
        self.mount = mount
        self.mode = mode
        self.path = mount / "token"

    def write(self, content: str | bytes) -> Path:
        """Replace the token, atomically, and remove the directory that held the old one. Gives the token's path."""
        self.mount.mkdir(parents=True, exist_ok=True)
        data = self.mount / "..data"
        old = data.readlink() if data.is_symlink() else None
        fresh = Path(tempfile.mkdtemp(prefix="..2026_11_23_06_01_00.", dir=self.mount))
        (fresh / "token").write_bytes(content.encode() if isinstance(content, str) else content)
        (fresh / "token").chmod(self.mode)
        fresh.chmod(0o755)
        self._swap(fresh.name)
        if old is not None:
            shutil.rmtree(self.mount / old)
        return self.path

    def _swap(self, target: str) -> None:
        (self.mount / "..data_tmp").symlink_to(target)
        os.replace(self.mount / "..data_tmp", self.mount / "..data")  # noqa: PTH105 (the kubelet's own call)
        if not self.path.is_symlink():
            self.path.symlink_to("..data/token")

    def remove(self) -> None:
        """Take the token away, as when somebody edits the pod's volume."""
        self.path.unlink()
