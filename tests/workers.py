"""Which tests share a worker when several run them, and which begin first."""

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "tests/kubernetes/test_from_api_server_to_application.py": "an API server",
    "tests/kubernetes/test_manifests.py": "an API server",
    "tests/kubernetes/test_pod_security.py": "an API server",
    "tests/kubernetes/test_real_tokens.py": "an API server",
}
"""Files for which one thing is started. Every other file stands for itself."""
LONG = (
    "tests/kubernetes/test_ordering.py",
    "tests/kubernetes",
    "tests/e2e",
    "tests/monitoring",
    "tests/inject/test_properties.py",
    "tests/lab/test_docs.py",
    "tests/image",
    "tests/status",
    "tests/install",
    "tests/macos",
)
"""These begin first: at the end, one worker would wait for the other."""


class Scheduling(LoadScopeScheduling):
    """A file's tests run one after another, in one worker."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return TOGETHER.get(file, file)


def place(item: pytest.Item) -> int:
    """Where a test's file belongs in the order of files."""
    return next((index for index, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG))
