"""Helm, told of a test's API server."""

from pathlib import Path

from tests.chart.helm import Helm, a_helm
from tests.kubernetes.cluster import Cluster


def a_helm_for(cluster: Cluster, home: Path, version: int) -> Helm:
    """Skips the test, or fails it in CI, if the program was not built."""
    where = {
        "HELM_KUBEAPISERVER": f"https://127.0.0.1:{cluster.port}",
        "HELM_KUBECAFILE": str(cluster.directory / "apiserver.crt"),
        "HELM_KUBETOKEN": cluster.administrator,
    }
    return a_helm(home, version, where)
