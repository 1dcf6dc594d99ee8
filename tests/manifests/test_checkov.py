"""checkov finds nothing in the manifests but what we have a reason for.

It runs without a network, so that nothing of it depends on what a server says today.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.manifests.rendering import MANIFESTS, NAMES, ROOT, install, rendered
from tests.needs import needs

EVERYWHERE = {
    "CKV_K8S_11": "a CPU limit throttles: the sidecar would answer later than the second that some SDKs wait",
    "CKV_K8S_15": "the images are named by version: whoever pushes a version anew should pin the digest instead",
    "CKV_K8S_21": "the namespace is the user's: kubectl -n, or `namespace:` in the kustomization",
    "CKV_K8S_43": "the digest is known only after the push to the user's registry: `digest:` in the kustomization",
}
SERVICES = {
    "CKV_K8S_8": "the example's application serves nothing that a probe could ask; the sidecar has its own",
    "CKV_K8S_9": "for the same reason; the sidecar has none, lest an outage of STS take working pods out of service",
}
HARBOR = {
    "CKV_K8S_22": "as the chart renders it: not ours to change",
    "CKV_K8S_25": "the one NET_ADMIN, of which components/link-local warns",
}
INSTALLED = ("policy", "webhook", "webhook-cert-manager", "monitoring")
"""What is applied for a whole cluster, by its directory."""
WEBHOOK = {
    "CKV_K8S_38": "it reads each namespace's roles from the API server, and that is all that its account may do",
    "CKV2_K8S_6": "API servers call it from addresses that no selector has; others learn roles there, and no secret",
}
WITH_POLICY = {"harbor", "self-hosted"}
WITHOUT_POLICY = {
    "CKV2_K8S_6": "a NetworkPolicy is for whole pods, and cuts off what the application says and hears: it is opt-in",
}
UNSEEN = {"cron-job"}
"""checkov looks for no policy there."""
RUN_TO_COMPLETION = {"job", "job-before-1.29", "cron-job"}


def reasons(name: str) -> dict[str, str]:
    if name in INSTALLED:
        in_a_namespace = {check: reason for check, reason in EVERYWHERE.items() if check != "CKV_K8S_21"}
        return in_a_namespace | WEBHOOK if name.startswith("webhook") else {}
    policy = {} if name in WITH_POLICY | UNSEEN else WITHOUT_POLICY
    return EVERYWHERE | policy | ({} if name in RUN_TO_COMPLETION else SERVICES) | (HARBOR if name == "harbor" else {})


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The checks that failed, for each of the manifests. All in one run: most of its time goes by in starting."""
    needs("bwrap")
    directory = tmp_path_factory.mktemp("rendered")
    for name in NAMES:
        plain = MANIFESTS / name
        text = plain.read_text() if plain.is_file() else rendered(MANIFESTS / "examples" / name)
        (directory / f"{name.removesuffix('.yaml')}.yaml").write_text(text)
    for name in INSTALLED:
        (directory / f"{name}.yaml").write_text(rendered(MANIFESTS / name))
    return failed(directory)


def failed(directory: Path) -> dict[str, set[str]]:
    program = install(ROOT / "requirements/checkov.txt", "checkov")
    offline = ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-net"]
    asked = [str(program), "--directory", str(directory), "--framework", "kubernetes", "--quiet", "--output", "json"]
    report = json.loads(subprocess.run([*offline, *asked], check=False, capture_output=True, text=True).stdout)
    assert report["summary"]["passed"] > 0
    assert report["summary"]["parsing_errors"] == 0
    checks = report["results"]["failed_checks"]
    return {
        path.stem: {check["check_id"] for check in checks if Path(check["file_path"]).stem == path.stem}
        for path in directory.iterdir()
    }


@pytest.mark.parametrize("name", [*NAMES, *INSTALLED])
def test_every_finding_has_a_reason_and_every_reason_a_finding(name: str, found: dict[str, set[str]]) -> None:
    assert found[name.removesuffix(".yaml")] == reasons(name).keys()
