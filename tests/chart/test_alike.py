"""Each setting of the sidecar is one of `inject`, the policies, the webhook and the chart, and means the same."""

from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

import pytest

from sidecar.inject import Options, inject
from sidecar.inject.arguments import add_sidecar_options, described
from sidecar.inject.names import RECORD_ANNOTATION
from sidecar.inject.policy import objects
from sidecar.webhook.judgement import judge
from tests.chart.helm import NAMESPACE, Helm
from tests.chart.test_chart import comparable
from tests.chart.test_webhook import WEBHOOK, of_kind, options_of
from tests.inject.kit import REGION, ROLE, named, pod
from tests.kubernetes.policies import asking_roles, labelled

REPORTS = "reports=arn:aws:iam::111122223333:role/reports"
TWO = pod(containers=[{"name": "web", "image": "a"}, {"name": "reports", "image": "a"}])
USUAL = {"requests": {"cpu": "10m", "memory": "64Mi"}}
SETTINGS: dict[str, tuple[str, str, list[Any], Any]] = {
    "requests": ("--requests=cpu=20m", "resources.requests.cpu=20m", ["resources", "requests", "cpu"], "20m"),
    "limits": ("--limits=memory=1Gi", "resources.limits.memory=1Gi", ["resources", "limits", "memory"], "1Gi"),
    "no limit": (
        "--limits=memory=none",
        "resources.limits.memory=null",
        ["resources"],
        {"requests": {"cpu": "10m", "memory": "64Mi"}},
    ),
    "pull policy": ("--image-pull-policy=Never", "image.pullPolicy=Never", ["imagePullPolicy"], "Never"),
    "pull secrets": ("--image-pull-secret=a", "imagePullSecrets[0].name=a", ["imagePullSecrets"], [{"name": "a"}]),
    "priority": ("--priority-class=high", "priorityClassName=high", ["priorityClassName"], "high"),
}
"""For each: the option, the chart's value, and where the pod then has what."""
PODS = {"a pod": TWO, "a role for each container": asking_roles(TWO, REPORTS)}


def options(*flags: str) -> Options:
    """As `inject --policy` and the webhook read them."""
    parser = ArgumentParser()
    add_sidecar_options(parser.add_argument_group())
    return described(parser.parse_args([f"--region={REGION}", *flags]))


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("bare", PODS.values(), ids=PODS)
def test_the_webhook_gives_what_inject_gives(setting: str, bare: dict[str, Any]) -> None:
    flag, _, place, wanted = SETTINGS[setting]
    asking = labelled(bare, role=ROLE)

    by_file = inject(asking, replace(options(flag), role_arn=ROLE)).document
    by_webhook = judge(asking, options(flag), {}).pod

    del by_file["metadata"]["annotations"][RECORD_ANNOTATION]
    assert by_webhook == by_file
    assert at(by_webhook, place) == wanted


def at(admitted: dict[str, Any], place: list[Any]) -> Any:
    """In the sidecar, or in the pod."""
    found: Any = named(admitted["spec"]["initContainers"])["irsa-sidecar"]
    found = found if place[0] in found else admitted["spec"]
    for key in place:
        found = found[key]
    return found


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_chart_has_the_same_policies(helm: Helm, setting: str) -> None:
    """What these make of pods, tests/kubernetes/test_policy_changes.py compares with inject."""
    flag, value, _, _ = SETTINGS[setting]

    rendered = helm.render(f"--set=region={REGION}", f"--set={value}")

    assert comparable(rendered) == comparable(objects(options(flag), namespace=NAMESPACE))


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_chart_gives_the_webhook_the_same_option(helm: Helm, setting: str) -> None:
    flag, value, _, _ = SETTINGS[setting]

    (deployment,) = of_kind(helm.render(*WEBHOOK, f"--set=region={REGION}", f"--set={value}"), "Deployment")

    found = options_of(deployment)
    assert described_by(found) == described_by(replace(options(flag), image=found.image))


def described_by(chosen: Options) -> tuple[Any, ...]:
    """The chart says of each resource that there is none where others say nothing."""
    return chosen.resources.manifest(), chosen.image_pull_policy, chosen.image_pull_secrets, chosen.priority_class
