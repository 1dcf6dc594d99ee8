"""Whose annotations count for a pod's role and token, and when nobody can tell."""

from typing import Any

import pytest

from sidecar.inject import inject
from sidecar.inject.injection import ChangedDocument
from sidecar.inject.surroundings import surroundings_of
from tests.inject.kit import IMAGE, ROLE, Command, named, options, pod

OTHER_ROLE = "arn:aws:iam::111122223333:role/other"
EKS = "eks.amazonaws.com/"


def account(namespace: str = "", role: str = ROLE, **annotations: str) -> dict[str, Any]:
    annotated = {f"{EKS}{name.replace('_', '-')}": value for name, value in annotations.items()}
    annotated |= {f"{EKS}role-arn": role} if role else {}
    metadata = {"name": "app", "annotations": annotated} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def injected(document: dict[str, Any], *accounts: dict[str, Any], **changes: Any) -> ChangedDocument:
    chosen = {"role_arn": "", "surroundings": surroundings_of([document, *accounts])} | changes
    return inject(document, options(**chosen))


def in_namespace(namespace: str, **annotations: str) -> dict[str, Any]:
    annotated = {f"{EKS}{name.replace('_', '-')}": value for name, value in annotations.items()}
    return pod() | {"metadata": {"name": "app", "namespace": namespace, "annotations": annotated}}


def role_of(outcome: ChangedDocument) -> str:
    assert not outcome.refused, outcome.findings
    (sidecar,) = outcome.document["spec"]["initContainers"]
    return str(next(item["value"] for item in sidecar["env"] if item["name"] == "AWS_ROLE_ARN"))


def test_a_pods_role_may_stand_in_a_block_which_ends_its_line() -> None:
    document = pod() | {"metadata": {"name": "app", "annotations": {"irsa-sidecar/role-arn": f"{ROLE}\n"}}}

    assert role_of(injected(document)) == ROLE


def test_the_accounts_old_field_name_counts_as_kubernetes_counts_it() -> None:
    document = pod(serviceAccount="app")
    del document["spec"]["serviceAccountName"]
    everybodys = account(role=OTHER_ROLE)
    everybodys["metadata"]["name"] = "default"

    assert role_of(injected(document, account(role=ROLE), everybodys)) == ROLE


def token_of(outcome: ChangedDocument) -> dict[str, Any]:
    assert not outcome.refused, outcome.findings
    source = named(outcome.document["spec"]["volumes"])["sts-token"]["projected"]["sources"][0]
    found: dict[str, Any] = source["serviceAccountToken"]
    return found


def test_the_account_of_the_pods_own_namespace_counts() -> None:
    accounts = (account("one", ROLE), account("two", OTHER_ROLE))
    assert role_of(injected(in_namespace("one"), *accounts)) == ROLE
    assert role_of(injected(in_namespace("two"), *accounts)) == OTHER_ROLE


def test_two_accounts_of_one_name_and_a_pod_without_a_namespace_are_an_error() -> None:
    outcome = injected(pod(), account("one", ROLE), account("two", OTHER_ROLE))
    assert outcome.refused
    (error,) = [each.message for each in outcome.findings]
    assert "ServiceAccount app is there for the namespaces one, two, with different annotations; " in error


def test_where_both_say_the_same_it_does_not_matter() -> None:
    assert role_of(injected(pod(), account("one"), account("two"))) == ROLE
    outcome = injected(pod(), account("one", ROLE), account("two", OTHER_ROLE), role_arn=ROLE)
    assert role_of(outcome) == ROLE


def test_an_account_without_a_namespace_goes_where_the_pod_without_one_goes() -> None:
    assert role_of(injected(pod(), account("", ROLE), account("two", OTHER_ROLE))) == ROLE
    assert role_of(injected(in_namespace("one"), account("", ROLE))) == ROLE
    assert role_of(injected(in_namespace("two"), account("", ROLE), account("two", OTHER_ROLE))) == OTHER_ROLE


def test_one_account_twice_with_two_roles_is_an_error() -> None:
    outcome = injected(in_namespace("one"), account("one", ROLE), account("one", OTHER_ROLE))
    assert "is there twice, with different annotations; leave out one." in outcome.findings[0].message
    assert outcome.refused


def test_an_account_of_the_pods_namespace_without_a_role_is_not_replaced_by_anothers() -> None:
    outcome = injected(in_namespace("one"), account("one", role=""), account("two", OTHER_ROLE))
    assert outcome.refused
    assert "--role-arn: required" in outcome.findings[0].message


def test_the_accounts_audience_and_life_of_the_token_are_kept() -> None:
    token = token_of(injected(pod(), account(audience="my-sts", token_expiration="7200")))
    assert token == {"path": "token", "audience": "my-sts", "expirationSeconds": 7200}


def test_also_where_the_role_is_an_option() -> None:
    outcome = injected(pod(), account(role="", audience="my-sts"), role_arn=ROLE)
    assert (token_of(outcome)["audience"], outcome.findings) == ("my-sts", ())


def test_the_pods_own_life_of_the_token_goes_before_its_accounts() -> None:
    outcome = injected(in_namespace("one", token_expiration="1200"), account(token_expiration="7200"))
    assert token_of(outcome)["expirationSeconds"] == 1200


@pytest.mark.parametrize(("written", "allowed"), [("1", 600), ("604800", 86400), ("9" * 40, 86400)])
def test_a_life_is_brought_into_the_limits_as_the_webhook_does(written: str, allowed: int) -> None:
    assert token_of(injected(pod(), account(token_expiration=written)))["expirationSeconds"] == allowed


def test_a_life_that_is_no_number_is_told_of_and_not_used() -> None:
    outcome = injected(pod(), account(token_expiration="a day"))
    assert token_of(outcome)["expirationSeconds"] == 3600
    assert any("is 'a day', not a number of seconds; not used" in each.message for each in outcome.findings)


def test_an_audience_that_cannot_be_is_an_error() -> None:
    outcome = injected(pod(), account(audience="two words"))
    assert outcome.refused
    assert "'two words' is not an audience" in outcome.findings[0].message


def test_accounts_that_differ_in_the_audience_alone_differ() -> None:
    assert injected(pod(), account("one", audience="a"), account("two", audience="b"), role_arn=ROLE).refused


TEXT = """\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: app
  annotations:
    eks.amazonaws.com/audience: my-sts
    eks.amazonaws.com/token-expiration: "7200"
---
apiVersion: v1
kind: Pod
metadata: {name: app}
spec:
  serviceAccountName: app
  containers:
  - name: app
"""


def test_a_flag_goes_before_the_accounts_annotation(command: Command) -> None:
    common = ("--role-arn", ROLE, "--region", "eu-west-1", "--image", IMAGE)
    code, out, err = command.run(TEXT, *common)
    assert (code, err) == (0, "")
    assert "audience: my-sts\n" in out
    assert "expirationSeconds: 7200\n" in out
    _, out, _ = command.run(TEXT, *common, "--audience", "sts.amazonaws.com", "--token-expiration", "3600")
    assert "audience: sts.amazonaws.com\n" in out
    assert "expirationSeconds: 3600\n" in out
