"""What Alertmanager leaves of alerts that fire, by the inhibition rules that we ship.

Alertmanager's documentation, "inhibition": a target is silent while a source fires that has the same values for the
labels in `equal`, where a label that neither has is equal too. An alert does not inhibit itself.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from tools.monitoring import MANIFESTS

INHIBITION: list[dict[str, Any]] = yaml.safe_load((MANIFESTS / "alertmanager.yml").read_text())["inhibit_rules"]
MATCHER = re.compile(r'(\w+)(=~|=)"(.*)"')
Labels = Mapping[str, str]


def not_inhibited(firing: Sequence[Labels]) -> list[Labels]:
    """The alerts that somebody is told of."""
    return [alert for alert in firing if not any(_inhibits(rule, alert, firing) for rule in INHIBITION)]


def _inhibits(rule: Mapping[str, Any], target: Labels, firing: Sequence[Labels]) -> bool:
    if not matches(rule["target_matchers"], target):
        return False
    sources = (alert for alert in firing if matches(rule["source_matchers"], alert) and alert is not target)
    return any(all(source.get(name) == target.get(name) for name in rule["equal"]) for source in sources)


def matches(matchers: Sequence[str], alert: Labels) -> bool:
    """Does the alert have all these labels?"""
    return all(_matches(matcher, alert) for matcher in matchers)


def _matches(matcher: str, alert: Labels) -> bool:
    found = MATCHER.fullmatch(matcher)
    assert found, matcher
    name, operator, value = found.groups()
    held = alert.get(name, "")
    return held == value if operator == "=" else re.fullmatch(value, held) is not None
