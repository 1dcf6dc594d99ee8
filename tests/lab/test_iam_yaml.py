"""The IAM file: what is refused, what is remarked on, and on which line."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.lab.aws.arns import parse_role_arn
from sidecar.lab.aws.iam import default_text
from sidecar.lab.aws.iam_file import IamFile, with_faults
from sidecar.lab.aws.iam_yaml import parse_iam
from sidecar.lab.faults import Faults
from sidecar.lab.state import StateDirectory
from sidecar.lab.yaml_file import BadFile
from tests.lab.worlds import ROLE

ISSUER = "https://oidc.example/id/A"
GOOD = default_text(ISSUER)


def complaints(text: str) -> list[str]:
    with pytest.raises(BadFile) as caught:
        parse_iam(text)
    return [str(complaint) for complaint in caught.value.complaints]


def changed(**replacements: str) -> str:
    """The first IAM file with a line of it written otherwise, by the words with which that line begins."""
    lines = GOOD.splitlines()
    for words, line in replacements.items():
        start = words.replace("_", " ").strip()
        (at,) = [index for index, found in enumerate(lines) if found.strip().removeprefix("- ").startswith(start)]
        indent = len(lines[at]) - len(lines[at].lstrip())
        lines[at] = " " * indent + line
    return "\n".join(lines)


def line_of(words: str, text: str) -> int:
    return next(index for index, line in enumerate(text.splitlines(), 1) if words in line)


def test_the_first_file_is_sound_and_says_who_may_what() -> None:
    found = parse_iam(GOOD)
    assert found.remarks == ()
    (provider,), (role,) = found.providers, found.roles
    assert provider.arn == "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/A"
    assert provider.client_ids == ("sts.amazonaws.com",)
    assert (str(role.arn), role.max_session_duration) == (ROLE, 3600)


def test_a_policy_reads_the_same_as_yaml_and_as_json_text() -> None:
    document = yaml.safe_load(GOOD)
    as_text = yaml.safe_load(GOOD)
    as_text["roles"][0]["trustPolicy"] = json.dumps(document["roles"][0]["trustPolicy"], indent=2)
    assert parse_iam(yaml.safe_dump(as_text)).roles == parse_iam(yaml.safe_dump(document)).roles


def test_an_unquoted_version_and_account_are_what_they_look_like() -> None:
    text = GOOD.replace('"2012-10-17"', "2012-10-17").replace('"111122223333"', "011122223333")
    found = parse_iam(text)
    assert found.roles[0].policy.version == "2012-10-17"
    assert found.providers[0].account == "011122223333"


@pytest.mark.parametrize(
    ("words", "line", "expected"),
    [
        ("account", 'account: "1"', "account is not 12 digits"),
        ("maxSessionDuration", "maxSessionDuration: 3599", "allowed: 3600 to 43200 seconds"),
        ("maxSessionDuration", "maxSessionDuration: 43201", "allowed: 3600 to 43200 seconds"),
        ("maxSessionDuration", "maxSessionDuration: 1h", "maxSessionDuration is 1h"),
        ("clientIds", "clientIds: sts.amazonaws.com", "clientIds must be a list"),
        ("clientIds", "thumbprints: [abc]", "thumbprints must be a list of at most 5"),
        ("clientIds", "clientids: []", "unknown setting 'clientids'"),
        ("Effect", "- Effect: Permit", "Effect is 'Permit'"),
        ("Action", "Resource: '*'", "'Resource' is not an element"),
        ("StringEquals", "StringEqual:", "Did you mean StringEquals?"),
        ("Federated", "Federated: arn:aws:iam::*:oidc-provider/x", "wildcard"),
        ("arn", "- arn: arn:aws:iam::111122223333:user/x", "is not a role's ARN"),
        ("url", "- url: http://oidc.example", "write https://"),
        ("url", "- url: https://oidc.example/?a=b", "a query or a fragment"),
        ("url", "- url: https://" + "x" * 250, "more than 255 characters"),
        ("trustPolicy", "trustPolicyX:", "unknown setting 'trustPolicyX'"),
    ],
)
def test_a_faulty_line_is_refused_with_its_number(words: str, line: str, expected: str) -> None:
    text = changed(**{words: line})
    assert f"iam.yaml:{line_of(line, text)}: " in next(found for found in complaints(text) if expected in found)


def test_all_complaints_come_together() -> None:
    assert len(complaints(changed(account="account: 1", maxSessionDuration="maxSessionDuration: 1"))) == 2


def test_what_is_twice_in_one_mapping_is_refused_on_its_second_line() -> None:
    text = changed(maxSessionDuration="maxSessionDuration: 3600\n    maxSessionDuration: 7200")
    second = line_of("maxSessionDuration: 7200", text)
    assert complaints(text) == [
        f"iam.yaml:{second}: the key 'maxSessionDuration' appears twice here; only one takes effect"
    ]


def test_a_second_document_is_refused_on_its_first_line() -> None:
    text = GOOD + "---\nroles: []\n"
    second = line_of("roles: []", text)
    assert complaints(text) == [f"iam.yaml:{second}: a second document begins here; keep only one"]


def test_what_is_no_yaml_is_refused_on_its_line() -> None:
    text = changed(account='account: "\x01"')
    line = line_of("\x01", text)
    assert complaints(text) == [f"iam.yaml:{line}: not YAML: control characters are not allowed"]


def test_two_roles_or_providers_of_one_name_are_refused() -> None:
    document = yaml.safe_load(GOOD)
    document["roles"] *= 2
    document["providers"] *= 2
    assert [found.split(": ", 1)[1] for found in complaints(yaml.dump(document, Dumper=_NoAliases))] == [
        "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/A appears twice",
        f"{ROLE} appears twice",
    ]


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, _: Any) -> bool:
        return True


@pytest.mark.parametrize(
    "text", ["- a", "a: [", "roles: {}\n", "? [a]\n: b", "roles: [x]", "providers: [x]", "other: 1"]
)
def test_what_is_no_iam_file_is_refused(text: str) -> None:
    assert complaints(text)[0].startswith("iam.yaml:1: ") or complaints(text)[0].startswith("iam.yaml:2: ")


def test_an_empty_file_is_an_empty_account() -> None:
    assert (parse_iam("").roles, parse_iam("").providers) == ((), ())


def test_a_mistake_in_a_yaml_policy_is_remarked_on_its_line() -> None:
    text = GOOD.replace("system:serviceaccount:default:app", "system:serviceaccount:default:*")
    (remark,) = parse_iam(text).remarks
    assert (remark.finding.code, remark.line) == ("wildcard-under-equals", line_of("default:*", text))
    assert str(remark).startswith(f"iam.yaml:{remark.line}: error: ")


def test_a_mistake_in_json_text_is_remarked_on_its_line() -> None:
    policy = json.dumps(yaml.safe_load(GOOD)["roles"][0]["trustPolicy"], indent=2)
    indented = "\n".join("      " + line for line in policy.replace("default:app", "default:*").splitlines())
    text = f"{GOOD.split('    trustPolicy', maxsplit=1)[0]}    trustPolicy: |\n{indented}\n"
    (remark,) = parse_iam(text).remarks
    assert (remark.finding.code, remark.line) == ("wildcard-under-equals", line_of("default:*", text))


def test_a_statement_without_a_list_has_lines_too() -> None:
    text = GOOD.replace("        - Effect: Allow", "          Effect: Allow").replace("default:app", "default:*")
    (remark,) = parse_iam(text).remarks
    assert remark.line == line_of("default:*", text)


@pytest.mark.parametrize(
    "principal",
    [
        "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/B",
        "arn:aws:iam::444455556666:oidc-provider/oidc.example/id/A",
        "arn:aws-cn:iam::111122223333:oidc-provider/oidc.example/id/A",
    ],
)
def test_a_principal_that_is_no_provider_of_the_roles_account_is_remarked(principal: str) -> None:
    found = parse_iam(changed(Federated=f"Federated: {principal}"))
    assert "principal-without-provider" in [remark.finding.code for remark in found.remarks]


# --- role ARNs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "name"),
    [
        (ROLE, "/", "demo"),
        ("arn:aws-cn:iam::111122223333:role/team/prod/app", "/team/prod/", "app"),
        ("arn:aws-us-gov:iam::111122223333:role/a+=,.@-_b", "/", "a+=,.@-_b"),
    ],
)
def test_a_role_arn_is_taken_apart_and_put_together(text: str, path: str, name: str) -> None:
    arn = parse_role_arn(text)
    assert (arn.path, arn.name, str(arn)) == (path, name, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "demo",
        ROLE + "\n",
        ROLE + "/",
        ROLE.replace("aws", "gcp"),
        ROLE.replace("3", ""),
        ROLE + "x" * 64,
        ROLE + " ",
    ],
)
def test_what_is_no_role_arn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a role's ARN"):
        parse_role_arn(text)


def test_a_session_has_the_roles_name_without_its_path() -> None:
    arn = parse_role_arn("arn:aws-cn:iam::111122223333:role/team/app")
    assert arn.session("s") == "arn:aws-cn:sts::111122223333:assumed-role/app/s"
    assert len(arn.unique_id) == 21
    assert arn.unique_id.startswith("AROA")


# --- the file as STS sees it ---------------------------------------------------------------------------------------


def a_state(directory: Path, text: str = GOOD) -> StateDirectory:
    state = StateDirectory(directory)
    state.create()
    state.iam.write_text(text)
    return state


def test_an_edited_file_counts_at_once(tmp_path: Path) -> None:
    state = a_state(tmp_path)
    iam = IamFile(state)
    assert iam.current().roles[0].max_session_duration == 3600
    state.iam.write_text(changed(maxSessionDuration="maxSessionDuration: 7200"))
    assert iam.current().roles[0].max_session_duration == 7200


def test_while_a_file_is_broken_the_last_good_one_counts(tmp_path: Path) -> None:
    state = a_state(tmp_path)
    iam = IamFile(state)
    good = iam.current()
    state.iam.write_text("roles: [")
    assert iam.current() == good
    assert iam.trouble is not None
    state.iam.write_text(GOOD + "\n")
    assert iam.current() == good
    assert iam.trouble is None


def test_a_file_that_was_never_good_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile):
        IamFile(a_state(tmp_path, "roles: [")).current()


def test_faults_change_what_is_seen_and_never_the_file(tmp_path: Path) -> None:
    state = a_state(tmp_path)
    faults = Faults(state)
    current = with_faults(faults, IamFile(state))
    whole = current()
    faults.start("provider-removed")
    faults.start("role-deleted")
    assert (current().providers, current().roles) == ((), ())
    faults.end_all()
    faults.start("policy-changed")
    assert current().roles[0].policy != whole.roles[0].policy
    faults.end_all()
    assert current() == whole
    assert state.iam.read_text() == GOOD
