"""The main job on servers that verify tokens and were written by others: exchange, refresh, S3, rotation, refusals."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from sidecar.core.arns import RoleArn
from sidecar.core.errors import ExchangeFailed
from tests.other_sts import table
from tests.other_sts.exchanging import exchanged
from tests.other_sts.faults import ACCEPTED, FAULTS, Call, Fault
from tests.other_sts.servers import BUILT, Server, until
from tests.other_sts.sidecars import LOG, PROGRAMS, WAYS, Sidecar, a_sidecar

SEEN: dict[tuple[str, str], str] = {}
"""What each server did, for the table in the docs: filled by the tests, compared by the last of them."""


def test_a_token_is_exchanged_for_credentials_of_the_role(server: Server) -> None:
    held = exchanged(server)
    assert held.request_id
    assert held.lifetime == pytest.approx(900, abs=10)
    SEEN[server.name, "exchange"] = table.WORKS


def test_credentials_are_those_of_the_role(server: Server) -> None:
    sts = server.client("sts", exchanged(server))
    if server.name == "minio":
        with pytest.raises(ClientError, match="Unsupported action"):
            sts.get_caller_identity()
        return
    assert RoleArn.parse(server.role_arn).has_session(sts.get_caller_identity()["Arn"])
    SEEN[server.name, "GetCallerIdentity"] = table.WORKS


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_an_application_puts_an_object_and_gets_it_back(sidecar: Sidecar, program: str, way: str) -> None:
    content = f"by {program} and {way}"
    printed = sidecar.run(program, way, content)
    assert printed["got"] == content
    assert printed["access_key_id"] == sidecar.access_key()
    SEEN[sidecar.server.name, f"S3 by {program}, {way}"] = table.WORKS


def test_credentials_are_refreshed_and_the_new_ones_work(server: Server, tmp_path: Path) -> None:
    with a_sidecar(server, tmp_path, "tests.other_sts.hurried_sidecar", port=9921) as hurried:
        first = hurried.access_key()
        until(lambda: hurried.holds_another_than(first), tmp_path / LOG)
        assert hurried.run("boto3", "container endpoint", "refreshed")["access_key_id"] != first
    SEEN[server.name, "refresh"] = table.WORKS


def test_the_doctor_finds_no_fault_in_the_whole_chain(sidecar: Sidecar) -> None:
    report = sidecar.doctor()
    assert [line for line in report.splitlines() if line.startswith("fail")] == []
    assert "pass  exchange: " in report


def test_a_token_signed_with_the_issuers_new_key_is_taken_and_the_last_of_the_old_key_too(server: Server) -> None:
    of_the_old_key = server.issuer.token()
    server.issuer.rotate_key()
    assert exchanged(server).access_key_id
    assert exchanged(server, Call(of_the_old_key, server.role_arn)).access_key_id
    SEEN[server.name, "the issuer's key rotates"] = table.WORKS


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_has_the_class_and_the_advice_that_this_server_allows(server: Server, fault: Fault) -> None:
    call, expected = fault.spoilt(server.issuer, server.role_arn), fault.outcomes[server.name]
    if expected == ACCEPTED:
        assert exchanged(server, call).access_key_id
        SEEN[server.name, fault.name] = ACCEPTED
        return
    with pytest.raises(ExchangeFailed) as refused:
        exchanged(server, call)
    assert refused.value.code == expected
    assert "settings with the role" not in refused.value.fix
    SEEN[server.name, fault.name] = refused.value.code


def test_the_page_has_the_table_of_what_was_seen() -> None:
    if not all(table.is_whole(SEEN, name) for name in BUILT):
        pytest.skip("only a run of this whole file, with both servers, sees the whole table")
    page, written = table.PAGE.read_text(), table.published(SEEN)
    table.PAGE.write_text(written)
    assert page == written, "docs/other-sts.md has been written anew"
