"""Writes what is in `manifests/monitoring` twice or made from code: `make docs`. A test holds that it is up to date.

`make monitoring RUNBOOKS=... NOT_PRODUCTION=...` writes it with an operator's own values.
"""

import argparse
import json
import re
import textwrap
from collections.abc import Mapping
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


PLACES = {
    "RUNBOOKS": ("#   RUNBOOKS: {} ", "runbook_url: {}#"),
    "NOT_PRODUCTION": ("#   NOT_PRODUCTION: {} ", 'namespace!~"{}"', '"^({})$"'),
}
"""Where the rules file has the values that are an operator's to set; {} is the value."""


def with_values(rules: str, wanted: Mapping[str, str | None]) -> str:
    """A rules file with other values. One for which nothing is wanted stays what its head says."""
    for name, places in PLACES.items():
        (value,) = re.findall(rf"^#   {name}: (\S+)", rules, re.MULTILINE)
        for place in places:
            rules = rules.replace(place.replace("{}", value), place.replace("{}", wanted.get(name) or value))
    return rules


def prometheus_rule() -> str:
    """The rules file's text under `spec`, without the comment on its own origin."""
    rules = RULES.read_text()
    return HEAD + textwrap.indent(rules[rules.index("groups:") :], "  ")


def dashboard_json() -> str:
    return json.dumps(dashboard.model(), indent=2) + "\n"


FILES = {MANIFESTS / "prometheusrule.yaml": prometheus_rule, MANIFESTS / "dashboard.json": dashboard_json}


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the rules, for Prometheus and its operator, and the dashboard.")
    parser.add_argument("--runbooks", metavar="URL", help="the page that alerts link to")
    parser.add_argument("--not-production", metavar="REGEX", help="namespaces whose alerts wake no one")
    given = parser.parse_args()
    wanted = {"RUNBOOKS": given.runbooks, "NOT_PRODUCTION": given.not_production}
    RULES.write_text(with_values(RULES.read_text(), wanted))
    for path, content in FILES.items():
        path.write_text(content())


if __name__ == "__main__":
    main()
