"""Two roles for two applications: one by the pod's own token, one in another account by a chain. Pure."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASE = "arn:aws:iam::111122223333:role/demo"
"""The role that the chain stands on: the first of a lab's IAM."""
EXTERNAL_ID = "demo:42"


@dataclass(frozen=True, slots=True)
class NamedRole:
    """`name`: the profile's. `described`: in words. `source`: the profile's lines that say how the role is come by."""

    name: str
    arn: str
    described: str
    source: str

    @property
    def assumed(self) -> str:
        """How the ARNs of its sessions begin."""
        return self.arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/"

    def token_file(self, directory: Path) -> Path:
        """Where the sidecar makes the role's token: a directory that one container would mount."""
        return directory / self.name / "authorization-token"

    def profile(self, directory: Path) -> str:
        token = f"sidecar_authorization_token_file = {self.token_file(directory)}"
        return f"[profile {self.name}]\nrole_arn = {self.arn}\n{self.source}{token}\n"


REPORTS = NamedRole(
    "reports",
    "arn:aws:iam::111122223333:role/reports",
    "has its role by the pod's own token",
    "duration_seconds = 900\n",
)
PARTNER = NamedRole(
    "partner",
    "arn:aws:iam::444455556666:role/partner",
    "has a role in another account, by a chain on the role of the pod",
    f"source_profile = default\nregion = us-east-1\nexternal_id = {EXTERNAL_ID}\nduration_seconds = 900\n",
)
ROLES = (REPORTS, PARTNER)


def variables(directory: Path) -> dict[str, str]:
    """The sidecar's, once `write_profiles` has been called for the directory."""
    return {"AWS_CONFIG_FILE": str(_config(directory)), "SIDECAR_PROFILES": ",".join(role.name for role in ROLES)}


def write_profiles(directory: Path) -> None:
    """The config file, and the directories for the tokens."""
    for role in ROLES:
        role.token_file(directory).parent.mkdir(parents=True)
    _config(directory).write_text("\n".join(role.profile(directory) for role in ROLES), encoding="utf-8")


def add_to_iam(iam: Path) -> None:
    """Both roles into a lab's first IAM file: the base role may assume the partner's, which wants the external ID."""
    before, roles, first = iam.read_text(encoding="utf-8").partition("roles:\n")
    may = _policy({"Action": "sts:AssumeRole", "Resource": PARTNER.arn})
    wanted = {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}
    trusted = _policy({"Action": "sts:AssumeRole", "Principal": {"AWS": BASE}, "Condition": wanted})
    partner = json.dumps({"arn": PARTNER.arn, "trustPolicy": trusted})
    base = f"{first}    policies: {json.dumps([may])}\n"
    reports = first.replace(BASE, REPORTS.arn)
    iam.write_text(f"{before}{roles}{base}{reports}  - {partner}\n", encoding="utf-8")


def _policy(statement: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement]}


def _config(directory: Path) -> Path:
    return directory / "config"
