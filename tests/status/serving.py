"""A scene served as the sidecar serves itself: by its own admin face, behind its own server."""

from collections.abc import Iterator
from contextlib import contextmanager

from sidecar.admin.app import AdminFace, PublicAdminFace
from sidecar.observe.metrics import Metrics
from tests.local_sidecar import in_a_thread
from tests.status.scenes import Scene


@contextmanager
def a_stage(scene: Scene) -> Iterator[str]:
    """The page's URL."""
    public = PublicAdminFace(scene.status, Metrics())
    with in_a_thread(AdminFace(public, scene.status)) as address:
        yield f"http://{address}/status"
