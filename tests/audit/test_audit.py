"""What an audit says of an estate: who can, who cannot and why, who was not meant to, and what else is odd."""

import json
from typing import Any

import pytest

from sidecar.audit import Audit, NotACluster, NotAnAccount, audit, cluster_from, roles_from
from sidecar.core.findings import Level
from tests.audit.estate import ISSUER, arn, audited, cluster, codes, details, kubectl, pod, service_account
from tests.explain.asking import (
    CLUSTER,
    NOW,
    OLD_CLUSTER,
    OTHER_ACCOUNT,
    PROVIDER_ARN,
    equals,
    policy,
    statement,
)

API = service_account("payments/api", arn("api"))


def results(found: Audit) -> dict[str, tuple[bool | None, list[str]]]:
    return {entry.account.written: (entry.can, [reason.code for reason in entry.reasons]) for entry in found.intended}


def like(subject: str, **others: Any) -> str:
    return policy(statement(Condition={"StringLike": {f"{CLUSTER}:sub": subject}}, **others))


def not_meant(found: Audit) -> list[tuple[list[str], Level]]:
    return [([account.written for account in entry.accounts], entry.level) for entry in found.unintended]


def test_who_is_meant_and_can() -> None:
    found = audited(API)
    assert results(found) == {"payments/api": (True, [])}
    assert (found.unintended, found.remarks, dict(found.levels)) == ((), (), {Level.PASSED: 1})


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (policy(statement(Condition=equals("system:serviceaccount:payment:api"))), "subject-differs"),
        (policy(statement(Condition=equals(audience="sts.amazonaws.com.cn"))), "audience-differs"),
        (policy(statement(Action="sts:AssumeRole")), "action-not-web-identity"),
        (policy(statement(), statement(Effect="Deny")), "explicit-deny"),
    ],
)
def test_who_is_meant_and_cannot_is_told_in_explains_words(document: str, code: str) -> None:
    assert results(audited(API, api=document)) == {"payments/api": (False, [code])}


def test_a_provider_that_the_account_lacks_is_named() -> None:
    other = PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER)
    assert results(audited(API, providers=(other,))) == {"payments/api": (False, ["no-provider"])}
    assert results(audited(API, providers=(other, PROVIDER_ARN))) == {"payments/api": (True, [])}


def test_an_annotation_to_a_role_that_does_not_exist() -> None:
    found = audited(service_account("payments/api", arn("apis")))
    assert results(found) == {"payments/api": (False, ["no-such-role"])}


def test_an_annotation_that_lacks_the_roles_path_is_explained_and_still_counts_as_meant() -> None:
    roles = roles_from([details(api=policy()).replace(arn("api"), arn("team/api"))])
    found = audit([cluster(API)], roles, now=NOW)
    assert results(found) == {"payments/api": (False, ["role-path-differs"])}
    assert (found.unintended, codes(found)) == ((), [])


def test_an_annotation_that_is_no_arn() -> None:
    assert results(audited(service_account("payments/api", "api"))) == {"payments/api": (False, ["not-a-role-arn"])}


def test_nothing_is_guessed_of_an_account_that_was_not_given() -> None:
    found = audited(service_account("payments/api", arn("api").replace("111122223333", OTHER_ACCOUNT)))
    assert results(found) == {"payments/api": (None, ["account-not-given"])}
    assert found.levels.get(Level.ERROR) is None


def test_what_an_allow_depends_on_is_named() -> None:
    document = policy(statement(Condition=equals() | {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    (entry,) = audited(API, api=document).intended
    assert (entry.can, entry.depends_on) == (True, ("aws:SourceIp",))


def test_a_pods_own_role_is_meant_and_judged_by_the_pods_audience() -> None:
    right = pod("payments/p", "api", arn("api"), "sts.amazonaws.com")
    wrong = pod("payments/p", "api", arn("api"), "vault")
    assert results(audited(service_account("payments/api"), right)) == {"payments/api": (True, [])}
    assert results(audited(service_account("payments/api"), wrong)) == {"payments/api": (False, ["audience-differs"])}


def test_the_audience_annotation_counts() -> None:
    account = service_account("payments/api", arn("api"), audience="vault")
    assert results(audited(account)) == {"payments/api": (False, ["audience-differs"])}


def test_a_pattern_lets_in_who_was_not_meant() -> None:
    others = [service_account(name) for name in ("payments/web", "shop/web")]
    found = audited(API, *others, api=like("system:serviceaccount:payments:*"))
    assert not_meant(found) == [(["payments/web"], Level.WARNING)]


def test_a_role_that_is_open_to_the_whole_cluster_is_an_error() -> None:
    found = audited(API, service_account("shop/web"), api=policy(statement(Condition=None)))
    assert not_meant(found) == [(["shop/web"], Level.ERROR)]
    assert codes(found) == ["no-condition"]


def test_who_is_named_in_the_policy_and_annotated_nowhere_is_only_mentioned() -> None:
    found = audited(service_account("payments/api"))
    assert not_meant(found) == [(["payments/api"], Level.INFO)]
    assert codes(found) == ["role-named-nowhere"]


def test_a_deny_spares_nobody() -> None:
    spared = {"StringEquals": {f"{CLUSTER}:sub": "system:serviceaccount:shop:web"}}
    document = policy(statement(Condition=None), statement(Effect="Deny", Condition=spared))
    found = audited(API, service_account("shop/cart"), service_account("shop/web"), api=document)
    assert not_meant(found) == [(["shop/cart"], Level.WARNING)]


def test_an_audience_that_only_the_policy_names_can_be_projected_by_anybody() -> None:
    document = policy(statement(Condition={"StringEquals": {f"{CLUSTER}:aud": "vault"}}))
    assert not_meant(audited(service_account("shop/web"), api=document)) == [(["shop/web"], Level.ERROR)]


def test_a_stale_issuer_is_named_and_a_forges_is_not() -> None:
    old = statement(
        Principal={"Federated": PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER)}, Condition=equals(cluster=OLD_CLUSTER)
    )
    github = "token.actions.githubusercontent.com"
    forge = statement(
        Principal={"Federated": PROVIDER_ARN.replace(CLUSTER, github)},
        Condition=equals("repo:us/app:ref:refs/heads/main", cluster=github),
    )
    assert codes(audited(API, api=policy(statement(), old))) == ["stale-issuer"]
    assert codes(audited(API, api=policy(statement(), forge))) == []


def test_a_policy_may_not_name_a_service_account_that_does_not_exist() -> None:
    subjects = ["system:serviceaccount:payments:api", "system:serviceaccount:payments:old"]
    assert codes(audited(API, api=policy(statement(Condition=equals(subjects))))) == ["no-such-service-account"]


def test_two_accounts_for_one_role() -> None:
    web = service_account("payments/web", arn("api"))
    found = audited(API, web, api=like("system:serviceaccount:payments:*i"))
    assert codes(found) == ["role-shared"]
    assert "prod payments/api, prod payments/web" in found.remarks[0].finding.message


@pytest.mark.parametrize(
    ("running", "remarked"),
    [
        (pod("payments/p", "api"), ["pod-older-than-annotation"]),
        (pod("payments/p", "api", arn("other")), ["pod-has-another-role"]),
        (pod("payments/p", "api", arn("api")), []),
        (pod("payments/p", "api", envFrom=[{"configMapRef": {"name": "c"}}]), []),
        (pod("payments/p", "api", env=[{"name": "AWS_ROLE_ARN", "valueFrom": {}}]), []),
        (pod("payments/p", "api") | {"status": {"phase": "Succeeded"}}, []),
        (pod("payments/p", "web"), []),
    ],
)
def test_a_pod_that_started_before_its_annotation(running: dict[str, Any], remarked: list[str]) -> None:
    assert codes(audited(API, service_account("payments/web"), running)) == remarked


def test_a_role_whose_name_the_kubelet_puts_together_is_not_guessed() -> None:
    running = pod("payments/p", "api", "arn:aws:iam::$(ACCOUNT):role/api")
    found = audited(API, running)
    assert (codes(found), [entry.told_by for entry in found.intended]) == ([], ["annotation"])


def test_a_pod_may_name_its_account_by_the_fields_old_name() -> None:
    running = pod("payments/p", "", arn("other"))
    running["spec"] |= {"serviceAccountName": None, "serviceAccount": "api"}
    assert codes(audited(API, running)) == ["pod-has-another-role"]


def test_objects_that_were_listed_twice_count_once() -> None:
    once = audited(API, pod("payments/p", "api", arn("other")), api=policy(statement(Condition=None)))
    listed = kubectl(API, pod("payments/p", "api", arn("other")))
    twice = cluster_from([listed, listed], name="prod", issuer=ISSUER)
    again = audit([twice], roles_from([details(api=policy(statement(Condition=None)))]), now=NOW)
    assert (again.intended, again.unintended, again.remarks) == (once.intended, once.unintended, once.remarks)


def test_containers_that_the_webhook_is_told_to_skip_are_no_fault() -> None:
    running = pod("payments/p", "api")
    running["metadata"]["annotations"] = {"eks.amazonaws.com/skip-containers": "app"}
    assert codes(audited(API, running)) == []


def test_a_policy_that_cannot_be_read_is_said_and_lets_nobody_in() -> None:
    roles = roles_from([details(api=policy()).replace("StringEquals", "StringAlike")])
    found = audit([cluster(service_account("payments/api"))], roles, now=NOW)
    assert (found.unintended, codes(found)) == ((), ["policy-not-understood"])


def test_several_clusters_each_with_its_issuer() -> None:
    blue, green = cluster(API, name="blue"), cluster(API, name="green", issuer=f"https://{OLD_CLUSTER}")
    found = audit([blue, green], roles_from([details(api=policy())]), now=NOW)
    assert [(entry.cluster.name, entry.can) for entry in found.intended] == [("blue", True), ("green", False)]
    assert [reason.code for reason in found.intended[1].reasons][:1] == ["other-issuer"]


def test_roles_are_read_url_encoded_and_each_once() -> None:
    role = {"Arn": arn("api"), "RoleName": "api", "AssumeRolePolicyDocument": "%7B%22Version%22%3A%222012-10-17%22%7D"}
    text = json.dumps({"RoleDetailList": [role | {"InstanceProfileList": [{"Roles": [role]}]}]})
    (found,) = roles_from([text])
    assert found.text == '{"Version":"2012-10-17"}'


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"items": []}', '{"items": [3]}', kubectl(pod("a/b", "c"))])
def test_a_file_that_is_no_clusters_says_what_prints_one(text: str) -> None:
    with pytest.raises(NotACluster, match="kubectl get serviceaccounts,pods"):
        cluster_from([text], name="prod", issuer="https://issuer.example")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty;"),
        (" \n", "it is empty;"),
        ('{"items": [{"kind": "Pod"}', "its end is missing;"),
        ('{"items": [{"kind": "Pod"}]', "its end is missing;"),
        ('{"items"', "its end is missing;"),
        ('{"items": [{"kind": "Pod"} {', "it is not JSON;"),
        ('{"items" 1}', "it is not JSON;"),
    ],
)
def test_a_listing_that_was_cut_short_is_not_called_another_language(text: str, told: str) -> None:
    with pytest.raises(NotACluster, match=f"^{told}"):
        cluster_from([text], name="prod", issuer=ISSUER)


@pytest.mark.parametrize("deep", [600, 800, 2000])
def test_a_role_nested_as_no_tool_prints_it_is_refused_in_words(deep: int) -> None:
    document = '{"a":' * deep + "1" + "}" * deep
    with pytest.raises(NotAnAccount, match="nested deeper"):
        roles_from([f'{{"RoleDetailList": [{{"Arn": "{arn("api")}", "AssumeRolePolicyDocument": {document}}}]}}'])


def test_the_aws_cli_may_be_set_to_another_form_of_output() -> None:
    with pytest.raises(NotAnAccount, match="--output json"):
        roles_from(["RoleDetailList:\n- Arn: a\n"])


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"RoleDetailList": []}'])
def test_a_file_that_is_no_accounts_says_what_prints_one(text: str) -> None:
    with pytest.raises(NotAnAccount, match="get-account-authorization-details"):
        roles_from([text])


@pytest.mark.parametrize("name", ["shop.*", "deploy", "??"])
def test_whoever_may_create_a_pod_chooses_its_sessions_name(name: str) -> None:
    document = policy(statement(Condition=equals() | {"StringLike": {"sts:RoleSessionName": name}}))
    assert not_meant(audited(service_account("payments/api"), api=document)) == [(["payments/api"], Level.INFO)]


@pytest.mark.parametrize(
    ("written", "code"),
    [(f"{CLUSTER}/", "trailing-slash"), (CLUSTER.lower(), "issuer-case"), (CLUSTER[:-1], "issuer-misspelt")],
)
def test_a_cluster_whose_issuer_is_misspelt_is_not_called_a_deleted_one(written: str, code: str) -> None:
    misspelt = statement(
        Principal={"Federated": PROVIDER_ARN.replace(CLUSTER, written)}, Condition=equals(cluster=written)
    )
    found = audited(API, api=policy(statement(), misspelt))
    assert codes(found) == [code]
    assert found.remarks[0].finding.fix.startswith(f"Write {CLUSTER} in")


def test_a_role_of_another_partition_is_not_said_to_have_another_path() -> None:
    (entry,) = audited(service_account("payments/api", arn("api").replace("arn:aws:", "arn:aws-cn:"))).intended
    assert [reason.code for reason in entry.reasons][:1] == ["partition-differs"]
    assert entry.reasons[0].fix == f"Set AWS_ROLE_ARN to {arn('api')}."
    assert "role-path-differs" not in [reason.code for reason in entry.reasons]
