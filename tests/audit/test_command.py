"""`irsa-sidecar audit`: files in; a table, JSON or a graph out; an exit code for CI."""

import json
import re
from pathlib import Path

import pytest

from sidecar.audit import commands, graph, table
from sidecar.terminal.colour import Colour
from tests.audit.estate import ISSUER, arn, details, kubectl, pod, service_account
from tests.audit.worked_example import estate
from tests.explain.asking import CLUSTER, OLD_CLUSTER, PROVIDER_ARN, policy, statement

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
API = service_account("payments/api", arn("api"))


class Files:
    """A directory with the files of a call."""

    def __init__(self, root: Path, cluster: str, account: str) -> None:
        self.cluster, self.account, self.root = root / "prod.json", root / "account.json", root
        self.cluster.write_text(cluster)
        self.account.write_text(account)

    def audit(self, *more: str, issuer: str = ISSUER) -> int:
        return commands.main(["--cluster", f"{issuer}={self.cluster}", "--account", str(self.account), *more])


@pytest.fixture
def right(tmp_path: Path) -> Files:
    return Files(tmp_path, kubectl(API), details(api=policy()))


@pytest.fixture
def wrong(tmp_path: Path) -> Files:
    return Files(tmp_path, kubectl(API, service_account("shop/web")), details(api=policy(statement(Condition=None))))


def test_nothing_wrong_is_zero(right: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert right.audit() == 0
    assert "can     prod     payments/api" in capsys.readouterr().out


def test_an_error_is_one(wrong: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert wrong.audit() == 1
    assert "every one (1 not meant)" in capsys.readouterr().out


def test_a_warning_counts_only_if_asked_for(tmp_path: Path) -> None:
    files = Files(tmp_path, kubectl(API, pod("payments/p", "api")), details(api=policy()))
    assert files.audit() == 0
    assert files.audit("--fail-on", "warning") == 1


def test_the_json_has_the_documented_members(wrong: Files, capsys: pytest.CaptureFixture[str]) -> None:
    wrong.audit("--format", "json")
    told = json.loads(capsys.readouterr().out)
    assert sorted(told) == ["clusters", "errors", "findings", "intended", "unintended", "warnings"]
    assert told["clusters"] == [{"name": "prod", "issuer": ISSUER}]
    assert told["intended"][0]["result"] == "can"
    assert told["unintended"][0] | {"level": "", "cluster": ""} == {
        "cluster": "", "role": arn("api"), "level": "", "everyone": True, "named_in_policy": False, "count": 1,
        "service_accounts": [], "depends_on": [],
    }  # fmt: skip
    assert told["errors"] == 2


def test_the_graph_has_an_edge_for_each_answer() -> None:
    lines = list(graph.dot(estate()))
    edges = [line for line in lines if "->" in line]
    colours = [re.findall(r'color="(\w+)"', edge)[0] for edge in edges]
    assert colours == ["darkgreen", "red", "red", "darkgreen", "orange"]
    nodes = {name for line in lines if "[label=" in line for name in re.findall(r'^\s+("[^"]+")', line)}
    assert {edge.partition(" ->")[0].strip() for edge in edges} == nodes
    assert (lines[0], lines[-1]) == ("digraph audit {", "}")


def test_the_providers_file_tells_which_are_missing(right: Files, capsys: pytest.CaptureFixture[str]) -> None:
    known = right.root / "providers.json"
    known.write_text(json.dumps({"OpenIDConnectProviderList": [{"Arn": PROVIDER_ARN}]}))
    assert right.audit("--providers", str(known)) == 0
    known.write_text(json.dumps({"OpenIDConnectProviderList": [{"Arn": PROVIDER_ARN + "X"}]}))
    assert right.audit("--providers", str(known)) == 1
    known.write_text(json.dumps({"OpenIDConnectProviderList": [{"Arn": "x"}]}))
    assert right.audit("--providers", str(known)) == 2
    assert "has no Arn of an OIDC provider" in capsys.readouterr().err


def test_a_file_given_twice_changes_nothing(wrong: Files, capsys: pytest.CaptureFixture[str]) -> None:
    wrong.audit()
    once = capsys.readouterr().out
    wrong.audit("--account", str(wrong.account))
    assert capsys.readouterr().out == once


def test_clusters_whose_files_have_one_name_go_by_their_issuers(
    right: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    right.audit("--cluster", f"https://{OLD_CLUSTER}={right.cluster}", "--format", "json")
    names = [cluster["name"] for cluster in json.loads(capsys.readouterr().out)["clusters"]]
    assert names == [CLUSTER, OLD_CLUSTER]


def test_unusable_arguments_name_the_flag_and_the_fix(right: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert right.audit(issuer=CLUSTER) == 2
    assert "is not ISSUER=FILE; write https://" in capsys.readouterr().err
    assert right.audit(issuer=f"HTTPS://{CLUSTER}") == 2
    assert "is not ISSUER=FILE; write https:// in small letters" in capsys.readouterr().err
    assert right.audit("--cluster", f"{ISSUER}={right.cluster}") == 2
    assert "is given twice" in capsys.readouterr().err
    assert right.audit("--account", str(right.cluster)) == 2
    assert f"--account: {right.cluster}: it has no role" in capsys.readouterr().err
    assert right.audit("--account", "/nowhere") == 2
    assert "cannot be read" in capsys.readouterr().err


def test_what_pods_have_in_their_variables_is_never_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = {"name": "AWS_SECRET_ACCESS_KEY", "value": "hunter2"}
    files = Files(tmp_path, kubectl(API, pod("payments/p", "api", env=[secret])), details(api=policy()))
    for form in ("table", "json", "dot"):
        files.audit("--format", form)
    assert "hunter2" not in capsys.readouterr().out


def test_the_worked_example_is_what_the_audit_prints() -> None:
    example = PAGE.partition("<!-- example")[2].partition("```\n")[2].partition("```")[0]
    printed = "\n".join(table.lines_of(estate(), Colour(on=False)))
    assert example.split() == printed.split()


def test_every_flag_is_on_the_page() -> None:
    flags = [flag for action in commands._parser()._actions for flag in action.option_strings if flag.startswith("--")]
    assert [flag for flag in flags if flag != "--help" and flag not in PAGE] == []


def test_every_code_of_the_audit_is_on_the_page() -> None:
    room = Path(commands.__file__).parent
    text = "".join(path.read_text() for path in room.glob("*.py"))
    told = re.findall(r'(?:error|warning|info)\(\s*"([a-z-]+)"', text)
    assert len(told) >= 9
    assert [code for code in told if f"`{code}`" not in PAGE and code != "not-a-role-arn"] == []
