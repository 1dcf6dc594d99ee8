"""An audit for programs: JSON."""

from typing import Any

from sidecar.audit.cross_examination import Audit, Unintended
from sidecar.audit.intentions import Intended
from sidecar.core.findings import Finding, Level

_ANSWERS = {Level.PASSED: "can", Level.ERROR: "cannot", Level.SKIPPED: "unknown"}


def as_json(found: Audit) -> dict[str, Any]:
    """The documented form: these members, and no others, in every version of this major."""
    return {
        "clusters": [{"name": cluster.name, "issuer": cluster.issuer} for cluster in found.clusters],
        "intended": [_intended(entry) for entry in found.intended],
        "unintended": [_unintended(entry) for entry in found.unintended],
        "findings": [{"about": remark.about} | _finding(remark.finding) for remark in found.remarks],
        "errors": found.levels.get(Level.ERROR, 0),
        "warnings": found.levels.get(Level.WARNING, 0),
    }


def _intended(entry: Intended) -> dict[str, Any]:
    return {
        "cluster": entry.cluster.name,
        "service_account": entry.account.written,
        "role": entry.role_arn,
        "told_by": entry.told_by,
        "result": _ANSWERS[entry.level],
        "depends_on": list(entry.depends_on),
        "reasons": [_finding(reason) for reason in entry.reasons],
    }


def _unintended(entry: Unintended) -> dict[str, Any]:
    """The names are left out where it is the whole cluster: the cluster's own file has them."""
    return {
        "cluster": entry.cluster.name,
        "role": entry.role_arn,
        "level": entry.level,
        "everyone": entry.everyone,
        "named_in_policy": entry.named,
        "count": len(entry.accounts),
        "service_accounts": [] if entry.everyone else [account.written for account in entry.accounts],
        "depends_on": list(entry.depends_on),
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {"code": finding.code, "level": finding.level, "message": finding.message, "fix": finding.fix}
