"""`irsa-sidecar explain` as people and scripts meet it: files in, words or JSON out, an exit code."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from sidecar.explain.commands import main
from tests.doubles import CANARIES
from tests.explain.asking import CLUSTER, NOW, PROVIDER_ARN, ROLE, SUBJECT, equals, get_role, policy, statement, token

WRONG = policy(statement(Condition=equals("system:serviceaccount:payment:api")))


@pytest.fixture
def files(tmp_path: Path) -> "Files":
    return Files(tmp_path)


class Files:
    """A token file and a policy file, and `explain` run on them."""

    def __init__(self, directory: Path) -> None:
        self.token = directory / "token"
        self.policy = directory / "policy.json"
        self.token.write_text(token())
        self.policy.write_text(policy())

    @property
    def arguments(self) -> list[str]:
        return ["--token-file", str(self.token), "--trust-policy", str(self.policy), "--now", str(NOW)]

    def explain(self, *more: str) -> int:
        return main([*self.arguments, *more])


def test_allow_exits_0_a_refusal_1_and_unusable_arguments_2(files: Files) -> None:
    assert files.explain() == 0

    files.policy.write_text(WRONG)
    assert files.explain() == 1

    files.policy.unlink()
    assert files.explain() == 2


def test_the_exit_code_reaches_the_shell_without_botocore_or_aiohttp(files: Files) -> None:
    files.policy.write_text(WRONG)
    code = (
        "import sys; from sidecar.explain.commands import main; code = main(sys.argv[1:]);"
        "heavy = {'botocore', 'aiohttp', 'jwt', 'watchfiles'} & set(sys.modules);"
        "assert not heavy, heavy; sys.exit(code)"
    )

    done = subprocess.run([sys.executable, "-c", code, *files.arguments], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, "")
    assert "subject-differs" in done.stdout


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ((), ("invalid-token", "issuer-unreachable")),
        (("--endpoint-url-sts", "https://sts.eu-west-1.amazonaws.com"), ("invalid-token", "issuer-unreachable")),
        (("--endpoint-url-sts", "http://minio.shop.svc:9000"), ("allow", "issuer-unjudged")),
    ],
)
def test_an_issuer_that_aws_cannot_reach_is_refused_unless_another_sts_is_named(
    files: Files,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
    expected: tuple[str, str],
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://minio.shop.svc:9000")
    issuer = "https://kubernetes.default.svc.cluster.local"
    files.token.write_text(token(iss=issuer))
    files.policy.write_text(policy().replace(CLUSTER.removeprefix("https://"), issuer.removeprefix("https://")))
    files.explain("--json", *more)

    told = json.loads(capsys.readouterr().out)

    of_the_issuer = [found["code"] for found in told["findings"] if found["code"].startswith("issuer-")]
    assert (told["verdict"], *of_the_issuer) == expected


@pytest.mark.parametrize("url", ["minio.shop.svc:9000", "ftp://minio", "http://[::1"])
def test_an_endpoint_that_is_no_url_is_an_unusable_argument(
    files: Files, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        files.explain("--endpoint-url-sts", url)

    assert ended.value.code == 2
    assert "is not an http:// or https:// URL" in capsys.readouterr().err


def test_json_has_the_documented_members_and_no_others(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.policy.write_text(WRONG)
    files.explain("--json")

    told = json.loads(capsys.readouterr().out)

    assert list(told) == ["verdict", "aws_code", "findings"]
    assert (told["verdict"], told["aws_code"]) == ("deny", "AccessDenied")
    assert all(list(found) == ["code", "level", "message", "fix"] for found in told["findings"])
    assert {found["level"] for found in told["findings"]} <= {"error", "warning", "info"}


def test_an_allowed_call_has_no_aws_code_in_json(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.explain("--json")

    assert json.loads(capsys.readouterr().out)["aws_code"] is None


def test_fix_prints_a_policy_alone_on_standard_output(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.policy.write_text(WRONG)
    assert files.explain("--fix") == 1
    said = capsys.readouterr()

    assert json.loads(said.out)["Statement"] == [*json.loads(WRONG)["Statement"], statement()]
    assert "subject-differs" in said.err


def test_a_fixed_policy_is_part_of_the_json(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.policy.write_text(WRONG)
    files.explain("--fix", "--json")

    assert json.loads(capsys.readouterr().out)["policy"]["Statement"][1] == statement()


@pytest.mark.parametrize(
    "content",
    [
        policy(),
        quote(policy()),
        json.dumps(quote(policy())),
        get_role(ROLE, policy()),
        json.dumps({"Role": {"Arn": ROLE, "AssumeRolePolicyDocument": quote(policy())}}),
        json.dumps({"Arn": ROLE, "AssumeRolePolicyDocument": json.loads(policy())}),
    ],
    ids=["bare", "URL-encoded", "URL-encoded in quotes", "get-role", "GetRole of the API", "the role alone"],
)
def test_the_policy_is_found_in_each_form_that_aws_hands_out(files: Files, content: str) -> None:
    files.policy.write_text(content)

    assert files.explain() == 0


def test_the_role_that_get_role_told_is_compared_with_the_one_asked_for(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    files.policy.write_text(get_role(ROLE, policy()))

    assert files.explain("--role-arn", ROLE.replace("/payments", "")) == 1
    assert "role-path-differs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        (json.dumps({"Roles": []}), "no AssumeRolePolicyDocument"),
        (json.dumps({"PolicyDocument": {}}), "no AssumeRolePolicyDocument"),
    ],
)
def test_what_is_no_policy_at_all_is_a_bad_argument(
    files: Files, capsys: pytest.CaptureFixture[str], content: str, words: str
) -> None:
    files.policy.write_text(content)

    assert files.explain() == 2
    assert words in capsys.readouterr().err


def test_a_directory_and_a_flood_are_bad_arguments(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--token-file", str(tmp_path), "--trust-policy", str(files.policy)]) == 2
    files.token.write_text(" " * (1 << 20) + "x")
    assert files.explain() == 2

    complaints = capsys.readouterr().err
    assert "--token-file" in complaints
    assert "Is a directory" in complaints
    assert "larger than" in complaints


def test_a_provider_that_is_none_is_a_bad_argument(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        files.explain("--provider", "eks")

    assert stopped.value.code == 2
    assert "is not an OIDC provider" in capsys.readouterr().err


def test_fix_without_a_way_to_know_the_account_is_a_bad_argument(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = statement(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole", Condition=None)
    files.policy.write_text(policy(nodes))

    assert files.explain("--fix") == 2
    assert "pass --role-arn" in capsys.readouterr().err


def test_assumptions_are_told_and_go_when_the_facts_are_given(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.explain()
    assumed = capsys.readouterr().out
    files.explain("--provider", f"https://{CLUSTER}", "--client-id", "sts.amazonaws.com")
    known = capsys.readouterr().out

    assert f"No --provider given: assuming that {PROVIDER_ARN}" in assumed
    assert "No --client-id given" in assumed
    assert "given:" not in known


def test_the_token_is_never_printed(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    raw = token()
    for content in (raw, f" {raw}\n", raw + ".x", raw.rpartition(".")[2], token(sub=None), token(exp=1)):
        files.token.write_text(content)
        for flags in ((), ("--json",), ("--fix",)):
            files.explain(*flags)
    printed = "".join(capsys.readouterr())

    assert not [canary for canary in CANARIES if canary in printed]
    assert not [part for part in raw.split(".") if part in printed]


def test_a_terminal_sees_no_control_characters_from_a_token(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.token.write_text(token(sub="system:serviceaccount:payments:\x1b[2Japi"))
    files.explain()

    assert "\x1b" not in capsys.readouterr().out


def test_the_policy_that_iam_would_not_store_is_named_as_such(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.policy.write_text(policy(statement(Condition={"StringEqual": {f"{CLUSTER}:sub": SUBJECT}})))

    assert files.explain() == 1
    told = capsys.readouterr().out
    assert told.startswith("invalid-policy")
    assert "'StringEqual' is not a condition operator. \n" not in told
    assert "Did you mean StringEquals?" in told


def test_the_lint_speaks_of_what_works_and_is_a_hole(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.policy.write_text(policy(statement(Condition=None)))

    assert files.explain() == 0
    assert "every service account of the cluster" in capsys.readouterr().out


def test_a_policy_over_the_quota_is_told(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.policy.write_text(policy(statement(), *(statement(Sid=f"S{number}") for number in range(9))))

    assert files.explain() == 0
    assert "2048" in capsys.readouterr().out


@pytest.mark.parametrize("flag", ["--sts-message", "--said"])
def test_the_message_of_sts_is_taken_under_the_flags_old_name_too(
    files: Files, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    assert files.explain("--json", flag, "Rate exceeded") == 1
    assert json.loads(capsys.readouterr().out)["aws_code"] == "Throttling"
