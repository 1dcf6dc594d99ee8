"""What becomes of a pod, without an API server: who asks, whose role it is, and what is refused."""

from copy import deepcopy
from typing import Any

import pytest

from sidecar.inject import inject
from sidecar.inject.names import POD_ROLE_ANNOTATION, RECORD_ANNOTATION, REQUEST_LABEL
from sidecar.webhook.judgement import Outcome, PodDecision, judge, needs_roles
from tests.inject.kit import ROLE, named, options, pod
from tests.inject.specimens import SPECIMENS, Specimen, asking_roles

OTHER_ROLE = "arn:aws:iam::111122223333:role/other"
OPTIONS = options(role_arn="")


def asking(bare: dict[str, Any], value: str = "enabled", role: str = "") -> dict[str, Any]:
    changed = deepcopy(bare)
    labels, annotations = changed["metadata"].get("labels", {}), changed["metadata"].get("annotations", {})
    changed["metadata"] |= {"labels": labels | {REQUEST_LABEL: value}}
    if role:
        changed["metadata"] |= {"annotations": annotations | {POD_ROLE_ANNOTATION: role}}
    return changed


def role_of(verdict: PodDecision) -> str:
    (sidecar,) = verdict.pod["spec"]["initContainers"]
    return str(named(sidecar["env"])["AWS_ROLE_ARN"]["value"])


@pytest.mark.parametrize("specimen", [each for each in SPECIMENS if not each.unseen], ids=lambda each: each.name)
def test_it_judges_as_inject_does(specimen: Specimen) -> None:
    verdict = judge(asking(specimen.pod, role=ROLE), specimen.options, {})

    found = "refused" if verdict.reasons else "warned" if verdict.warnings else "admitted"
    assert found == specimen.verdict


def test_what_is_added_is_what_inject_adds_but_for_the_record() -> None:
    bare = asking(pod(), role=ROLE)

    wanted = inject(bare, options()).document
    del wanted["metadata"]["annotations"][RECORD_ANNOTATION]
    assert judge(bare, OPTIONS, {}).pod == wanted


@pytest.mark.parametrize("record", ["spoilt", '{"spec":{"containers":{"app":{"env":["AWS_REGION"]}}}}'])
def test_the_record_of_a_file_counts_for_nothing_in_a_pod_without_the_sidecar(record: str) -> None:
    bare = asking(pod(containers=[{"name": "app", "env": [{"name": "AWS_REGION", "value": "us-east-1"}]}]), role=ROLE)
    bare["metadata"]["annotations"][RECORD_ANNOTATION] = record

    admitted = judge(bare, OPTIONS, {}).pod

    assert admitted["metadata"]["annotations"] == bare["metadata"]["annotations"]
    assert named(admitted["spec"]["containers"][0]["env"])["AWS_REGION"]["value"] == "us-east-1"


def test_the_pod_is_not_changed_itself() -> None:
    bare = asking(pod(), role=ROLE)
    before = deepcopy(bare)

    judge(bare, OPTIONS, {})

    assert bare == before


@pytest.mark.parametrize("bare", [pod(), asking(pod(), "disabled", ROLE)])
def test_a_pod_that_does_not_ask_is_left_alone(bare: dict[str, Any]) -> None:
    assert judge(bare, OPTIONS, {"app": ROLE}) == PodDecision(Outcome.NOT_ASKED, bare)


@pytest.mark.parametrize("value", ["", "true", "Enabled"])
def test_a_request_that_is_misspelt_is_refused(value: str) -> None:
    verdict = judge(asking(pod(), value, ROLE), OPTIONS, {})

    assert verdict.reasons == ("the label irsa-sidecar/inject has another value than enabled and disabled",)


def test_the_annotation_comes_before_the_namespace() -> None:
    assert role_of(judge(asking(pod(), role=OTHER_ROLE), OPTIONS, {"app": ROLE})) == OTHER_ROLE
    assert role_of(judge(asking(pod()), OPTIONS, {"app": ROLE})) == ROLE
    assert not needs_roles(asking(pod(), role=OTHER_ROLE))
    assert needs_roles(asking(pod()))


@pytest.mark.parametrize(
    ("roles", "reason"), [({}, "no role: give"), ({"app": "x"}, "x is not the ARN"), ({"app": None}, "no role")]
)
def test_without_a_role_it_is_refused(roles: dict[str, Any], reason: str) -> None:
    (told,) = judge(asking(pod()), OPTIONS, roles).reasons

    assert told.startswith(reason)


def test_a_role_may_stand_in_a_block_which_ends_its_line() -> None:
    assert role_of(judge(asking(pod(), role=f" {OTHER_ROLE}\n"), OPTIONS, {})) == OTHER_ROLE
    assert role_of(judge(asking(pod()), OPTIONS, {"app": f"{ROLE}\n"})) == ROLE
    assert needs_roles(asking(pod(), role="\n"))


def test_of_a_pod_with_a_sidecar_it_is_told_which_roles_that_does_not_serve() -> None:
    asked = asking_roles(pod(), f"app={OTHER_ROLE}")
    with_roles, without = inject(asked, options()).document, inject(pod(), options()).document
    without["metadata"]["annotations"] |= asked["metadata"]["annotations"]

    assert judge(asking(with_roles), OPTIONS, {}).warnings == ()
    (warning,) = judge(asking(without), OPTIONS, {}).warnings
    assert "which the pod brings along, serves no roles of single containers" in warning


def test_a_sidecar_written_by_hand_is_kept_and_its_open_role_filled_in() -> None:
    by_hand = {"name": "irsa-sidecar", "image": "mine", "restartPolicy": "Always", "env": [{"name": "AWS_ROLE_ARN"}]}
    bare = asking(pod(initContainers=[by_hand]))

    verdict = judge(bare, OPTIONS, {"app": ROLE})
    assert (verdict.outcome, role_of(verdict)) == (Outcome.KEPT, ROLE)
    assert verdict.pod["spec"]["initContainers"][0]["image"] == "mine"
    assert judge(bare, OPTIONS, {}).outcome is Outcome.REFUSED


def test_an_annotation_does_not_fill_in_what_the_pod_brought_along() -> None:
    by_hand = {"name": "irsa-sidecar", "image": "mine", "env": [{"name": "AWS_ROLE_ARN"}]}

    (told,) = judge(asking(pod(initContainers=[by_hand]), role=ROLE), OPTIONS, {"app": ROLE}).reasons
    assert told.endswith("has no role: write it into AWS_ROLE_ARN there")


def test_people_are_told_of_a_pod_without_a_name_by_what_it_is_generated_from() -> None:
    bare = asking(pod(hostNetwork=True), role=ROLE)
    bare["metadata"] = {**bare["metadata"], "generateName": "web-6d5f-"}
    del bare["metadata"]["name"]

    verdict = judge(bare, OPTIONS, {})
    assert verdict.warnings[0].startswith("Pod/web-6d5f, hostNetwork: ")
    assert "name" not in verdict.pod["metadata"]


def test_what_the_api_server_filled_in_for_a_missing_priority_class_goes() -> None:
    bare = asking(pod(priority=0, preemptionPolicy="PreemptLowerPriority"), role=ROLE)

    spec = judge(bare, options(priority_class="system-node-critical"), {}).pod["spec"]
    assert spec["priorityClassName"] == "system-node-critical"
    assert not {"priority", "preemptionPolicy"} & spec.keys()


def test_pull_secrets_are_added_to_those_of_the_service_account_without_a_warning() -> None:
    bare = asking(pod(imagePullSecrets=[{"name": "accounts"}]), role=ROLE)

    verdict = judge(bare, options(image_pull_secrets=("registry",)), {})
    assert [each["name"] for each in verdict.pod["spec"]["imagePullSecrets"]] == ["accounts", "registry"]
    assert judge(asking(pod(), role=ROLE), options(image_pull_secrets=("registry",)), {}).warnings == ()
