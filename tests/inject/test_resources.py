"""The sidecar's share of a node, where its image comes from, and the pod's priority."""

from typing import Any

import pytest

from sidecar.inject import BadOptions, inject, remove
from sidecar.inject.resources import Resources, amount
from tests.inject.kit import IMAGE, Command, options, pod

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {serviceAccountName: a, containers: [{name: a}]}\n"


def spec(document: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    outcome = inject(document or pod(), options(**changes))
    assert not outcome.refused
    result: dict[str, Any] = outcome.document["spec"]
    return result


@pytest.mark.parametrize(
    ("requests", "limits", "wanted"),
    [
        ({}, {}, {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}}),
        ({"cpu": "50m"}, {}, {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}}),
        ({}, {"cpu": "1"}, {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "192Mi", "cpu": "1"}}),
        ({}, {"memory": "none"}, {"requests": {"cpu": "10m", "memory": "64Mi"}}),
        ({"cpu": "none", "memory": "none"}, {"memory": "none"}, {}),
    ],
)
def test_what_is_given_stands_beside_the_usual(
    requests: dict[str, str], limits: dict[str, str], wanted: dict[str, Any]
) -> None:
    assert spec(resources=Resources(requests, limits))["initContainers"][0]["resources"] == wanted


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("64Mi", 64 * 2**20),
        ("64M", 64_000_000),
        ("1Gi", 2**30),
        ("1.5", 1.5),
        ("10m", 0.01),
        ("2k", 2000),
        ("3Ki", 3072),
    ],
)
def test_quantities_are_read_as_kubernetes_reads_them(quantity: str, number: float) -> None:
    assert float(amount(quantity)) == number


@pytest.mark.parametrize(
    ("requests", "limits", "complaint"),
    [
        ({"cpus": "1"}, {}, "--requests cpus: not a resource of a sidecar; cpu, memory, ephemeral-storage are."),
        ({}, {"memory": "lots"}, "--limits memory=lots: not a quantity, such as 10m or 64Mi"),
        ({}, {"memory": "-1"}, "--limits memory=-1: not a quantity"),
        ({}, {"memory": "32Mi"}, "--limits memory=32Mi: less than is requested (64Mi); lower --requests memory too."),
        ({"cpu": "2"}, {"cpu": "1500m"}, "--limits cpu=1500m: less than is requested (2)"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused(
    requests: dict[str, str], limits: dict[str, str], complaint: str
) -> None:
    with pytest.raises(BadOptions) as refused:
        options(resources=Resources(requests, limits))
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("limits", "caution"),
    [({"memory": "80Mi"}, "below 96Mi the kernel may end the sidecar"), ({"cpu": "25m"}, "throttled may answer later")],
)
def test_what_works_badly_is_warned_of(limits: dict[str, str], caution: str) -> None:
    (found,) = options(image=IMAGE, resources=Resources(limits=limits)).cautions()
    assert caution in found


def test_a_pull_policy_is_the_sidecars() -> None:
    assert spec(image_pull_policy="Always")["initContainers"][0]["imagePullPolicy"] == "Always"
    assert "imagePullPolicy" not in spec()["initContainers"][0]


def test_a_pull_secret_is_added_beside_those_of_the_pod_and_taken_out_again() -> None:
    document = pod(imagePullSecrets=[{"name": "theirs"}])
    outcome = inject(document, options(image_pull_secrets=("ours", "theirs")))
    assert outcome.findings == ()
    assert outcome.document["spec"]["imagePullSecrets"] == [{"name": "theirs"}, {"name": "ours"}]
    assert remove(outcome.document).document == document


def test_the_first_pull_secret_of_a_pod_hides_those_of_its_account() -> None:
    (finding,) = inject(pod(), options(image_pull_secrets=("ours",))).findings
    assert "no longer adds those of its service account" in finding.message


def test_a_priority_is_given_only_to_a_pod_that_has_none() -> None:
    assert spec(priority_class="high")["priorityClassName"] == "high"
    outcome = inject(pod(priorityClassName="low"), options(priority_class="high"))
    assert outcome.document["spec"]["priorityClassName"] == "low"
    assert "unchanged, and not high" in outcome.findings[0].message
    assert inject(pod(priorityClassName="high"), options(priority_class="high")).findings == ()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"image_pull_policy": "always"}, "--image-pull-policy: 'always' is none; Always, IfNotPresent, Never are."),
        ({"image_pull_secrets": ("No Name",)}, "--image-pull-secret: 'No Name' is not the name of a Secret."),
        ({"priority_class": "-"}, "--priority-class: '-' is not the name of a PriorityClass."),
    ],
)
def test_names_that_cannot_be_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadOptions) as refused:
        options(**changes)
    assert complaint in str(refused.value)


def test_the_flags_say_the_same(command: Command) -> None:
    pull = ("--image-pull-policy", "Never", "--image-pull-secret", "a", "--image-pull-secret", "a")
    asked = ("--requests", "cpu=20m,memory=80Mi", "--limits", "memory=128Mi", "--priority-class", "high", *pull)
    result = command.injected(POD, *asked)
    for written in ('"20m"', '"80Mi"', '"128Mi"', '"imagePullPolicy": "Never"', '"priorityClassName": "high"'):
        assert written in result
    assert command.removed(result) == POD


@pytest.mark.parametrize("given", ["memory", "memory=", "=5"])
def test_a_flag_without_a_quantity_says_how_to_write_it(given: str, command: Command) -> None:
    code, out, err = command.run(POD, "--region", "eu-west-1", "--limits", given)
    assert (code, out) == (2, "")
    assert "--limits" in err
