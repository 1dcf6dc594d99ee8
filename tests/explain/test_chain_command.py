"""`explain --profile`: a chain out of the files that people have, told link by link."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from sidecar.explain import chain, chain_mistakes
from sidecar.explain.commands import main
from tests.doubles import EPOCH, ISSUER, SUBJECT, a_token
from tests.explain.test_chain import ALL, TARGET, allowing, trusting

BASE = "arn:aws:iam::111122223333:role/shop/base"
AUDIT = "arn:aws:iam::444455556666:role/audit"
PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{ISSUER.removeprefix('https://')}"
CONFIG = f"""
[profile base]
role_arn = {BASE}

[profile partner]
role_arn = {TARGET}
source_profile = base
sidecar_tags = namespace={{namespace}}
sidecar_transitive_tags = namespace

[profile audit]
role_arn = {AUDIT}
source_profile = partner
"""
PAGE = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()


def role(arn: str, trust_policy: str, *policies: str) -> dict[str, Any]:
    inline = [{"PolicyName": f"p{n}", "PolicyDocument": json.loads(text)} for n, text in enumerate(policies)]
    return {"Arn": arn, "AssumeRolePolicyDocument": json.loads(trust_policy), "RolePolicyList": inline}


def web_identity() -> str:
    name = ISSUER.removeprefix("https://")
    condition = {"StringEquals": {f"{name}:sub": SUBJECT, f"{name}:aud": "sts.amazonaws.com"}}
    return trusting({"Federated": PROVIDER}, "sts:AssumeRoleWithWebIdentity", Condition=condition)


OURS = {"RoleDetailList": [role(BASE, web_identity(), allowing(TARGET))]}
THEIRS = {
    "RoleDetailList": [
        role(TARGET, trusting({"AWS": BASE}), allowing(AUDIT)),
        role(AUDIT, trusting({"AWS": TARGET}, ALL)),
    ]
}


@pytest.fixture
def explain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command over these accounts; gives its exit code and what it printed."""
    monkeypatch.delenv("AWS_CONFIG_FILE", raising=False)
    (tmp_path / "token").write_text(a_token().raw)
    (tmp_path / "config").write_text(CONFIG)

    def run(*accounts: dict[str, Any], profile: str = "audit", more: tuple[str, ...] = ()) -> tuple[int, str]:
        argv = ["--token-file", str(tmp_path / "token"), "--profile", profile, "--config", str(tmp_path / "config")]
        for number, account in enumerate(accounts):
            path = tmp_path / f"account-{number}.json"
            path.write_text(json.dumps(account))
            argv += ["--account", str(path)]
        status = main([*argv, "--now", str(EPOCH), *more])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


def test_every_link_from_the_tokens_role_on_is_told(explain: Any) -> None:
    status, text = explain(OURS, THEIRS)
    headlines = re.findall(r"^(\S+(?: → \S+)?): (\w+)[:,]", text, re.MULTILINE)
    assert (status, headlines) == (0, [("base", "allow"), ("base → partner", "allow"), ("partner → audit", "allow")])


def test_the_link_that_breaks_is_told_and_so_are_the_others(explain: Any) -> None:
    theirs = {
        "RoleDetailList": [
            role(TARGET, trusting({"AWS": BASE}), allowing(AUDIT)),
            role(AUDIT, trusting({"AWS": TARGET}, "sts:AssumeRole")),
        ]
    }
    status, text = explain(OURS, theirs)
    assert status == 1
    assert "base → partner: allow" in text
    assert "partner → audit: deny: STS would answer 403 AccessDenied." in text
    assert "tag-session-missing" in text


def test_an_account_that_nobody_gives_is_not_guessed(explain: Any) -> None:
    status, text = explain(profile="partner")
    assert status == 0
    assert "target-unseen" in text
    assert "base-policies-unseen" in text


def test_as_json_each_link_has_the_documented_members(explain: Any) -> None:
    status, text = explain(OURS, THEIRS, more=("--json",))
    links = json.loads(text)["links"]
    assert status == 0
    assert [link["role"] for link in links] == ["base", "partner", "audit"]
    assert {frozenset(link) for link in links} == {frozenset({"role", "verdict", "aws_code", "findings"})}


@pytest.mark.parametrize(
    ("profile", "more", "words"),
    [
        ("nobody", (), "nobody"),
        ("partner", ("--fix",), "prints no policy"),
        ("partner", ("--account", "/dev/null"), "it is not JSON"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused_by_name(
    explain: Any, profile: str, more: tuple[str, ...], words: str
) -> None:
    status, text = explain(profile=profile, more=more)
    assert status == 2
    assert words in text


def test_without_a_profile_the_policy_is_required(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text(a_token().raw)
    assert main(["--token-file", str(tmp_path / "token")]) == 2
    assert "--trust-policy is required" in capsys.readouterr().err


def test_the_token_is_in_no_answer(explain: Any) -> None:
    _, text = explain(OURS, THEIRS, more=("--json",))
    assert a_token().raw.split(".")[1][:20] not in text


def test_the_page_names_every_code() -> None:
    source = "".join(inspect.getsource(module) for module in (chain, chain_mistakes))
    told = set(re.findall(r'(?:error|warning)\(\s*"([a-z-]+)"', source)) | {*chain_mistakes.MISSING.values()}
    told |= {f"base-{code}" for code in chain_mistakes.MISSING.values()}
    section = PAGE.partition("### A chain")[2].partition("## doctor")[0]
    assert {code for code in told if f"`{code}`" not in section} == {"malformed-policy"}


ON_AN_AGENT = f"""
[profile agent]
credential_source = EcsContainer

[profile on-agent]
role_arn = {TARGET}
source_profile = agent
"""


def test_a_chain_on_a_container_endpoint_wants_the_role_that_it_gives(explain: Any, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(ON_AN_AGENT)
    status, text = explain(THEIRS, profile="on-agent")
    assert status == 2
    assert "give the ARN of its role as --role-arn" in text


@pytest.mark.parametrize(("action", "status"), [(["sts:AssumeRole", "sts:TagSession"], 0), ("sts:AssumeRole", 1)])
def test_with_that_role_it_is_explained_with_the_tags_of_the_agents_session(
    explain: Any, tmp_path: Path, action: str | list[str], status: int
) -> None:
    (tmp_path / "config").write_text(ON_AN_AGENT)
    theirs = {"RoleDetailList": [role(TARGET, trusting({"AWS": BASE}, action))]}
    got, text = explain(OURS, theirs, profile="on-agent", more=("--role-arn", BASE))
    assert (got, "tag-session-missing" in text) == (status, status == 1)
    assert "agent → on-agent: " in text


@pytest.mark.parametrize(
    ("profile", "words"), [("agent", "no link to explain"), ("base", "no file has the trust policy")]
)
def test_where_there_is_nothing_to_explain_nothing_is_said_to_be_allowed(
    explain: Any, tmp_path: Path, profile: str, words: str
) -> None:
    (tmp_path / "config").write_text(CONFIG + ON_AN_AGENT)
    status, text = explain(THEIRS, profile=profile)
    assert (status, words in text, "allow" in text) == (2, True, False)


def test_both_accounts_are_told_at_once_what_each_of_them_lacks(explain: Any) -> None:
    ours = {"RoleDetailList": [role(BASE, web_identity())]}
    theirs = {"RoleDetailList": [role(TARGET, trusting({"AWS": AUDIT}))]}
    _, text = explain(ours, theirs, profile="partner")
    assert "other-principal" in text
    assert "base-assume-role-missing" in text


def test_a_mistake_that_several_actions_meet_is_told_once(explain: Any) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "x"}}
    theirs = {"RoleDetailList": [role(TARGET, trusting({"AWS": BASE}, Condition=condition))]}
    assert explain(OURS, theirs, profile="partner")[1].count("external-id-missing") == 1
