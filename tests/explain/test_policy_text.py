"""The trust policy is found in what people have; where it cannot be, one sentence says what the file is."""

import codecs
import contextlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sidecar.explain import NotAPolicy, policy_text
from sidecar.explain.account_roles import account_roles
from sidecar.explain.cloudtrail import NotAnEvent, recorded_call
from sidecar.explain.commands import main
from sidecar.trust import MalformedPolicy, parse
from tests.explain.asking import CLUSTER, NOW, ROLE, equals, get_role, policy, statement, token

POLICY = policy()
DOCUMENT = json.loads(POLICY)
OTHER = policy(statement(Condition=equals("system:serviceaccount:web:front")))
OTHER_ROLE = ROLE.replace("/api", "/web")
INDENTED = json.dumps(DOCUMENT, indent=2)
SMART = re.sub(r'"([^"]*)"', r"“\1”", INDENTED)
AS_YAML = f"""\
Version: "2012-10-17"
Statement:
  - Effect: Allow
    Principal: {{Federated: {DOCUMENT["Statement"][0]["Principal"]["Federated"]}}}
    Action: sts:AssumeRoleWithWebIdentity
    Condition:
      StringEquals:
        {CLUSTER}:aud: sts.amazonaws.com
        {CLUSTER}:sub: system:serviceaccount:payments:api
"""


def indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}" for line in text.splitlines(keepends=True))


def terraform(*roles: tuple[str, str]) -> str:
    """What `terraform show -json plan` prints; a role stands in a module."""
    resources = [
        {"type": "aws_iam_role", "name": "r", "values": {"arn": arn, "name": arn[-3:], "assume_role_policy": text}}
        for arn, text in roles
    ]
    module = {"child_modules": [{"resources": resources}], "resources": [{"type": "aws_s3_bucket", "values": {}}]}
    changes = [{"change": {"before": {"assume_role_policy": "{}"}, "after": {}}}]
    return json.dumps({"format_version": "1.2", "planned_values": {"root_module": module}, "resource_changes": changes})


def details(*roles: tuple[str, Any]) -> str:
    """What `aws iam get-account-authorization-details` prints."""
    found = [{"RoleName": arn[-3:], "Arn": arn, "AssumeRolePolicyDocument": text} for arn, text in roles]
    return json.dumps({"UserDetailList": [], "RoleDetailList": found, "Policies": []})


def role_object(api: str, spec: Any) -> str:
    return json.dumps({"apiVersion": api, "kind": "Role", "metadata": {"name": "api"}, "spec": spec})


FORMS = {
    "bare": POLICY,
    "indented": INDENTED,
    "with Windows line ends": INDENTED.replace("\n", "\r\n"),
    "with a byte order mark": f"\ufeff{POLICY}",
    "URL-encoded": quote(POLICY),
    "URL-encoded in quotes": json.dumps(quote(POLICY)),
    "as text in quotes": json.dumps(POLICY),
    "get-role": get_role(ROLE, POLICY),
    "get-role, URL-encoded inside": json.dumps({"Role": {"Arn": ROLE, "AssumeRolePolicyDocument": quote(POLICY)}}),
    "get-role in YAML": f"Role:\n  Arn: {ROLE}\n  AssumeRolePolicyDocument:\n{indented(AS_YAML, 4)}  Path: /\n",
    "the role alone": json.dumps({"Arn": ROLE, "AssumeRolePolicyDocument": DOCUMENT}),
    "list-roles of one": json.dumps({"Roles": [{"Arn": ROLE, "AssumeRolePolicyDocument": DOCUMENT}]}),
    "account details": details((OTHER_ROLE, json.loads(OTHER)), (ROLE, DOCUMENT)),
    "account details, URL-encoded": details((OTHER_ROLE, quote(OTHER)), (ROLE, quote(POLICY))),
    "a Terraform plan": terraform((OTHER_ROLE, OTHER), (ROLE, POLICY)),
    "a Terraform state": terraform((ROLE, POLICY)).replace("planned_values", "values"),
    "CloudFormation": json.dumps(
        {"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": DOCUMENT}}}}
    ),
    "CloudFormation in YAML": "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n"
    f"      RoleName: !Sub x-${{AWS::Region}}\n      AssumeRolePolicyDocument:\n{indented(AS_YAML, 8)}",
    "ACK": role_object("iam.services.k8s.aws/v1alpha1", {"assumeRolePolicyDocument": POLICY}),
    "Crossplane": role_object("iam.aws.upbound.io/v1beta1", {"forProvider": {"assumeRolePolicy": POLICY}}),
    "a list of Kubernetes": json.dumps(
        {"kind": "List", "items": [json.loads(role_object("x/v1", {"assumeRolePolicyDocument": POLICY}))]}
    ),
    "YAML": AS_YAML,
    "a fenced block": f"First do this:\n\n```json\n{INDENTED}\n```\n\nand then that.\n",
    "a fenced block with smart quotes": f"Do:\n\n~~~\n{SMART}\n~~~\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_policy_is_found_in_each_form(form: str) -> None:
    found = policy_text(FORMS[form], ROLE)

    assert parse(found.text).statements == parse(POLICY).statements


@pytest.mark.parametrize("form", ["get-role", "get-role in YAML", "account details", "a Terraform plan"])
def test_the_roles_arn_is_read_with_it(form: str) -> None:
    assert policy_text(FORMS[form], ROLE).role_arn == ROLE


def test_smart_quotes_in_a_block_are_told() -> None:
    assert [found.code for found in policy_text(FORMS["a fenced block with smart quotes"]).remarks] == ["smart-quotes"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ("\ufeff \n", "the file is empty"),
        (token(), "it is a token"),
        ("-----BEGIN CERTIFICATE-----", "a key or a certificate"),
        ("<!doctype html><p>", "it is a page"),
        (f"ROLE\t{ROLE}\t2024-01-01\nASSUMEROLEPOLICYDOCUMENT\t2012-10-17\n", "text output"),
        ("2012-10-17\nSTATEMENT\tsts:AssumeRoleWithWebIdentity\tAllow\n", "text output"),
        ("------------------\n|     GetRole    |\n", "table output"),
        ('resource "aws_iam_role" "x" {\n  name = "x"\n}\n', "Terraform source"),
        ("\nAn error occurred (NoSuchEntity) when calling the GetRole operation", "an error message"),
        (ROLE, "a role's ARN"),
        ("hello", "plain text"),
        ("a: [", "neither JSON nor YAML (line"),
        ("a: 1\nStatement: []\na: 2\n", 'the key "a" appears twice in one mapping, again on line 3'),
        (json.dumps({"Roles": []}), "no AssumeRolePolicyDocument"),
        (json.dumps({"PolicyDocument": {}}), "no AssumeRolePolicyDocument"),
        (json.dumps({"kind": "Pod", "apiVersion": "v1"}), "no AssumeRolePolicyDocument"),
        (details((ROLE, DOCUMENT), (OTHER_ROLE, OTHER)), "it holds 2 roles (api, web); name one of them"),
        (
            json.dumps({"AssumeRolePolicyDocument": {"Statement": [{"Principal": {"Federated": {"Ref": "Oidc"}}}]}}),
            "fills in the policy when it is deployed",
        ),
        ("AssumeRolePolicyDocument:\n  Statement:\n    - Principal: !Ref Oidc\n", "fills in the policy"),
    ],
)
def test_where_no_policy_is_one_sentence_says_what_it_is(content: str, words: str) -> None:
    with pytest.raises(NotAPolicy) as refused:
        policy_text(content)

    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_one_of_many_roles_is_chosen_by_its_name_too() -> None:
    many = details((OTHER_ROLE, OTHER), (ROLE, DOCUMENT))

    assert policy_text(many, "arn:aws:iam::111122223333:role/elsewhere/api").role_arn == ROLE


def test_a_key_that_stands_twice_is_named_also_inside_an_answer() -> None:
    twice = get_role(ROLE, POLICY).replace(f'"{CLUSTER}:aud"', f'"{CLUSTER}:sub"')

    with pytest.raises(MalformedPolicy, match=f'"{CLUSTER}:sub" appears twice'):
        parse(policy_text(twice).text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (INDENTED.replace("{\n", "{ // ours\n", 1), "a comment at line 1, column 3"),
        (INDENTED.replace('"Allow",', '"Allow", # yes'), "a comment at line 5, column 26"),
        (INDENTED.replace("]\n}", "],\n}"), "a trailing comma at line 17, column 4"),
    ],
)
def test_comments_and_trailing_commas_are_named_with_line_and_column(text: str, words: str) -> None:
    with pytest.raises(MalformedPolicy) as refused:
        parse(policy_text(text).text)

    assert words in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + POLICY.encode(),
        POLICY.encode("utf-16"),
        POLICY.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + POLICY.encode("utf-16-be"),
    ],
    ids=["a byte order mark", "UTF-16", "UTF-16 without a mark", "UTF-16, big end first"],
)
def test_a_file_of_any_editor_is_read(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_bytes(content)
    (tmp_path / "token").write_text(token())

    files = ["--token-file", str(tmp_path / "token"), "--trust-policy", str(tmp_path / "policy.json")]
    assert main([*files, "--now", str(NOW)]) == 0


def test_a_byte_order_mark_before_a_token_stays_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(POLICY)
    (tmp_path / "token").write_bytes(codecs.BOM_UTF8 + token().encode())

    files = ["--token-file", str(tmp_path / "token"), "--trust-policy", str(tmp_path / "policy.json")]
    assert main([*files, "--now", str(NOW)]) == 1


DEEP = 970
"""Deeper than any policy, and what Python's reader of JSON just takes."""


@pytest.mark.parametrize(
    "around",
    [
        '{{"Role":{{"Arn":"x","AssumeRolePolicyDocument":{{"a":{0}}}}}}}',
        '{{"Resources":{{"R":{{"Properties":{0}}}}}}}',
        '{{"Statement":{0}}}',
        "{0}",
    ],
)
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deeply_for_us_is_refused_and_breaks_nothing(
    around: str, opening: str, closing: str
) -> None:
    content = around.format(f"{opening * DEEP}1{closing * DEEP}")
    for read in (policy_text, account_roles, recorded_call):
        with contextlib.suppress(NotAPolicy, NotAnEvent):
            read(content)


def test_roles_whose_lists_are_none_have_no_policies() -> None:
    content = {"Arn": "x", "AssumeRolePolicyDocument": {}, "RolePolicyList": "inline", "AttachedManagedPolicies": ["m"]}
    assert account_roles(json.dumps(content))["x"].policies == ()
