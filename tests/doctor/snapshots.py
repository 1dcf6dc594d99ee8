"""A pod as the doctor finds it: a token in a kubelet's directory, and variables."""

from collections.abc import Mapping
from pathlib import Path

from sidecar.core.findings import Finding
from sidecar.doctor import report
from sidecar.doctor.pod import Pod, User, inspect_pod
from sidecar.explain import PolicyText
from tests.explain.asking import NOW, ROLE, token
from tests.kubelet import ProjectedVolume

OURS = User(uid=65532, gid=65532, groups=(65532,))
GOOD_APP = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9911/v1/credentials",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def settings(token_file: Path) -> dict[str, str]:
    """The variables of a sidecar for which all is well."""
    return {"AWS_ROLE_ARN": ROLE, "AWS_REGION": "eu-west-1", "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file)}


async def a_pod(
    token_file: Path,
    changed: Mapping[str, str] | None = None,
    *,
    app: Mapping[str, str] | None = None,
    now: float = NOW,
    user: User = OURS,
    mountinfo: Path = Path("/nonexistent"),
    policy: PolicyText | None = None,
) -> Pod:
    """A pod whose sidecar has the right variables but for those `changed`."""
    environ = settings(token_file) | dict(changed or {})
    return await inspect_pod(environ, app=app, now=now, user=user, mountinfo=mountinfo, trust_policy=policy)


async def an_app(
    tmp_path: Path, changed: Mapping[str, str | None] | None = None, sidecar: Mapping[str, str] | None = None
) -> Pod:
    """A pod whose application has the right variables but for those `changed`; None takes one away."""
    found = {name: value for name, value in (GOOD_APP | dict(changed or {})).items() if value is not None}
    return await a_pod(tmp_path / "token", sidecar, app=found)


def outcome(finding: Finding | None) -> tuple[str, str]:
    """Check and level: what most tests are about."""
    assert finding is not None
    return finding.code, report.WORDS[finding.level]


def written(tmp_path: Path, **claims: object) -> Path:
    """A token with these claims in a projected volume."""
    return ProjectedVolume(tmp_path / "sts-token", mode=0o640).write(token(**claims))
