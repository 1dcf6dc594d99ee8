"""Writes what is in `manifests/monitoring` twice or made from code: `make docs`. A test holds that it is up to date."""

import json
import textwrap
from pathlib import Path

from tools import dashboard

MANIFESTS = Path(__file__).parent.parent / "manifests" / "monitoring"
RULES = MANIFESTS / "irsa-sidecar.rules.yml"

HEAD = """\
# Made from irsa-sidecar.rules.yml by `make docs`: the same rules, for prometheus-operator.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: irsa-sidecar
  labels:
    app.kubernetes.io/name: irsa-sidecar # put here what your Prometheus's ruleSelector asks for
spec:
"""


def prometheus_rule() -> str:
    """The rules file's text under `spec`, without the comment on its own origin."""
    rules = RULES.read_text()
    return HEAD + textwrap.indent(rules[rules.index("groups:") :], "  ")


def dashboard_json() -> str:
    return json.dumps(dashboard.model(), indent=2) + "\n"


FILES = {MANIFESTS / "prometheusrule.yaml": prometheus_rule, MANIFESTS / "dashboard.json": dashboard_json}

if __name__ == "__main__":
    for path, content in FILES.items():
        path.write_text(content())
