"""A table of policies and tokens: who gets in, and which words say why not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from sidecar import trust
from sidecar.trust import Decision, Evaluation

HOST = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
OTHER = "oidc.eks.eu-west-1.amazonaws.com/id/FEDCBA9876543210FEDCBA9876543210"
ARN = f"arn:aws:iam::111122223333:oidc-provider/{HOST}"
SUB, AUD, OAUD, AMR = f"{HOST}:sub", f"{HOST}:aud", f"{HOST}:oaud", f"{HOST}:amr"
API = "system:serviceaccount:payments:api"
NOON = 1_900_000_000.0  # 2030-03-17T17:46:40Z

ALLOW, IMPLICIT, EXPLICIT = Decision.ALLOW, Decision.IMPLICIT_DENY, Decision.EXPLICIT_DENY


def statement(condition: Mapping[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": ARN},
    }
    if condition is not None:
        found["Condition"] = condition
    found.update(others)
    return {name: value for name, value in found.items() if value is not None}


def deny(condition: Mapping[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    return statement(condition, Effect="Deny", **others)


def policy(*statements: Mapping[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def token(**claims: Any) -> dict[str, Any]:
    found = {"iss": f"https://{HOST}", "sub": API, "aud": ["sts.amazonaws.com"]} | claims
    return {name: value for name, value in found.items() if value is not None}


def judge(text: str, claims: Mapping[str, Any], provider: str = ARN) -> Evaluation:
    request = trust.web_identity(claims, provider, session_name="payments.api-0", source_ip="10.1.2.3", now=NOON)
    return trust.evaluate(trust.parse(text), request)


@dataclass(frozen=True)
class Case:
    name: str
    statements: tuple[Mapping[str, Any], ...]
    decision: Decision
    reason: str
    claims: Mapping[str, Any]
    version: str = "2012-10-17"


CASES: list[Case] = []


def case(
    name: str,
    decision: Decision,
    reason: str,
    *statements: Mapping[str, Any],
    claims: Mapping[str, Any] | None = None,
    version: str = "2012-10-17",
) -> None:
    CASES.append(Case(name, statements, decision, reason, claims or token(), version))


EQ = {"StringEquals": {SUB: API, AUD: "sts.amazonaws.com"}}

# --- who and what ------------------------------------------------------------------------------------------------
case("sub and aud as they are", ALLOW, "Statement 0 allows it", statement(EQ))
case("no condition trusts the whole cluster", ALLOW, "Statement 0 allows it", statement())
case("no condition trusts even a stranger", ALLOW, "allows", statement(), claims=token(sub="system:serviceaccount:x:y"))
case("a Sid is named in the reason", ALLOW, "Statement 0 (Api) allows it", statement(EQ, Sid="Api"))
case("another provider", IMPLICIT, "its principal is Federated", statement(EQ, Principal={"Federated": ARN + "0"}))
case("one provider of a list", ALLOW, "allows", statement(EQ, Principal={"Federated": [ARN + "0", ARN]}))
case(
    "the provider's case matters",
    IMPLICIT,
    "principal",
    statement(EQ, Principal={"Federated": ARN.replace("ABC", "abc")}),
)
case(
    "a provider ARN with a scheme",
    IMPLICIT,
    "principal",
    statement(EQ, Principal={"Federated": ARN.replace("provider/", "provider/https://")}),
)
case(
    "an AWS principal",
    IMPLICIT,
    "its principal is AWS",
    statement(EQ, Principal={"AWS": "arn:aws:iam::111122223333:root"}),
)
case(
    "a service principal",
    IMPLICIT,
    "its principal is Service ec2",
    statement(EQ, Principal={"Service": "ec2.amazonaws.com"}),
)
case("pod identity's principal", IMPLICIT, "pods.eks", statement(EQ, Principal={"Service": "pods.eks.amazonaws.com"}))
case("AWS and Federated together", ALLOW, "allows", statement(EQ, Principal={"AWS": "111122223333", "Federated": ARN}))
case("everyone in an Allow admits no web identity", IMPLICIT, "principal", statement(EQ, Principal="*"))
case("everyone in a Deny is everyone", EXPLICIT, "Statement 1 denies it", statement(EQ), deny(Principal="*"))
case("AWS * in a Deny is everyone", EXPLICIT, "denies", statement(EQ), deny(Principal={"AWS": "*"}))
case(
    "sts:AssumeRole is another action",
    IMPLICIT,
    "its action is sts:AssumeRole, not",
    statement(EQ, Action="sts:AssumeRole"),
)
case("sts:AssumeRole* covers it", ALLOW, "allows", statement(EQ, Action="sts:AssumeRole*"))
case("sts:* covers it", ALLOW, "allows", statement(EQ, Action="sts:*"))
case("* covers it", ALLOW, "allows", statement(EQ, Action="*"))
case("an action's case is ignored", ALLOW, "allows", statement(EQ, Action="STS:assumerolewithwebidentity"))
case("? stands for one character", ALLOW, "allows", statement(EQ, Action="sts:AssumeRoleWithWebIdentit?"))
case("one action of a list", ALLOW, "allows", statement(EQ, Action=["sts:TagSession", "sts:AssumeRoleWithWebIdentity"]))
case("NotAction that names it", IMPLICIT, "all but sts:*", statement(EQ, Action=None, NotAction="sts:*"))
case("NotAction that names another", ALLOW, "allows", statement(EQ, Action=None, NotAction="sts:TagSession"))
case(
    "NotPrincipal spares the provider that it names",
    ALLOW,
    "Statement 0 allows",
    statement(EQ),
    deny(Principal=None, NotPrincipal={"Federated": ARN}),
)
case(
    "NotPrincipal hits all others",
    EXPLICIT,
    "denies",
    statement(EQ),
    deny(Principal=None, NotPrincipal={"Federated": ARN + "0"}),
)

# --- strings -----------------------------------------------------------------------------------------------------
case(
    "a typo in the namespace",
    IMPLICIT,
    "expects 'system:serviceaccount:payment:api', the request has",
    statement({"StringEquals": {SUB: "system:serviceaccount:payment:api"}}),
)
case("StringEquals minds case", IMPLICIT, "StringEquals", statement({"StringEquals": {SUB: API.upper()}}))
case(
    "StringEquals takes a star as a star",
    IMPLICIT,
    "StringEquals",
    statement({"StringEquals": {SUB: "system:serviceaccount:payments:*"}}),
)
case("StringEqualsIgnoreCase", ALLOW, "allows", statement({"StringEqualsIgnoreCase": {SUB: API.upper()}}))
case(
    "StringLike in one namespace", ALLOW, "allows", statement({"StringLike": {SUB: "system:serviceaccount:payments:*"}})
)
case(
    "StringLike in another namespace",
    IMPLICIT,
    "StringLike",
    statement({"StringLike": {SUB: "system:serviceaccount:payment:*"}}),
)
case("a star crosses colons", ALLOW, "allows", statement({"StringLike": {SUB: "system:*:api"}}))
case("? is exactly one", IMPLICIT, "StringLike", statement({"StringLike": {SUB: API + "?"}}))
case("StringLike minds case", IMPLICIT, "StringLike", statement({"StringLike": {SUB: "System:*"}}))
case("one value of a list", ALLOW, "allows", statement({"StringEquals": {SUB: ["x", API]}}))
case("no value of a list", IMPLICIT, "'x' or 'y'", statement({"StringEquals": {SUB: ["x", "y"]}}))
case("a key name's case is ignored", ALLOW, "allows", statement({"StringEquals": {SUB.upper(): API}}))
case(
    "all keys of a block must hold",
    IMPLICIT,
    ":aud expects",
    statement({"StringEquals": {SUB: API, AUD: "sts.amazonaws.com.cn"}}),
)
case(
    "all operators must hold",
    IMPLICIT,
    "StringEquals",
    statement({"StringLike": {SUB: "system:*"}, "StringEquals": {SUB: "x"}}),
)
case("the subject under aud", IMPLICIT, ":aud expects", statement({"StringEquals": {AUD: API}}))
case("a scheme in the key", IMPLICIT, "no such key", statement({"StringEquals": {f"https://{SUB}": API}}))
case("another cluster's key", IMPLICIT, "no such key", statement({"StringEquals": {f"{OTHER}:sub": API}}))
case("two issuers in one block", IMPLICIT, "no such key", statement({"StringEquals": {SUB: API, f"{OTHER}:sub": API}}))
case(
    "two issuers in two statements",
    ALLOW,
    "Statement 1 allows",
    statement({"StringEquals": {f"{OTHER}:sub": API}}),
    statement({"StringEquals": {SUB: API}}),
)
case(
    "a namespace claim is no key",
    IMPLICIT,
    "no such key",
    statement({"StringEquals": {f"{HOST}:kubernetes.io/namespace": "payments"}}),
)
case("StringNotEquals of another", ALLOW, "allows", statement({"StringNotEquals": {SUB: "x"}}))
case(
    "StringNotEquals is none of the list",
    IMPLICIT,
    "StringNotEquals",
    statement({"StringNotEquals": {SUB: ["x", API]}}),
)
case("StringNotEquals holds for a missing key", ALLOW, "allows", statement({"StringNotEquals": {f"{OTHER}:sub": "x"}}))
case("StringNotLike", IMPLICIT, "StringNotLike", statement({"StringNotLike": {SUB: "system:*"}}))
case("StringNotEqualsIgnoreCase", IMPLICIT, "Not", statement({"StringNotEqualsIgnoreCase": {SUB: API.upper()}}))

# --- missing keys, IfExists, Null, sets ---------------------------------------------------------------------------
case("IfExists holds for a missing key", ALLOW, "allows", statement({"StringEqualsIfExists": {f"{OTHER}:sub": "x"}}))
case("IfExists still compares what is there", IMPLICIT, "IfExists", statement({"StringEqualsIfExists": {SUB: "x"}}))
case("Null true of a missing key", ALLOW, "allows", statement({"Null": {AMR: "true"}}))
case("Null false of a missing key", IMPLICIT, "Null", statement({"Null": {AMR: "false"}}))
case("Null false of a key that is there", ALLOW, "allows", statement({"Null": {SUB: False}}))
case("ForAllValues holds for a missing key", ALLOW, "allows", statement({"ForAllValues:StringEquals": {AMR: "x"}}))
case(
    "ForAllValues wants them all",
    IMPLICIT,
    "ForAllValues",
    statement({"ForAllValues:StringEquals": {AMR: "a"}}),
    claims=token(amr=["a", "b"]),
)
case(
    "ForAllValues has them all",
    ALLOW,
    "allows",
    statement({"ForAllValues:StringEquals": {AMR: ["a", "b", "c"]}}),
    claims=token(amr=["a", "b"]),
)
case(
    "ForAnyValue fails for a missing key", IMPLICIT, "ForAnyValue", statement({"ForAnyValue:StringEquals": {AMR: "x"}})
)
case(
    "negated ForAnyValue fails for a missing key",
    IMPLICIT,
    "Any",
    statement({"ForAnyValue:StringNotEquals": {AMR: "x"}}),
)
case("ForAnyValue of a single value", ALLOW, "allows", statement({"ForAnyValue:StringEquals": {SUB: API}}))
case(
    "ForAnyValue has one",
    ALLOW,
    "allows",
    statement({"ForAnyValue:StringEquals": {AMR: "b"}}),
    claims=token(amr=["a", "b"]),
)
case(
    "ForAnyValue:…IfExists of a missing key", ALLOW, "allows", statement({"ForAnyValue:StringLikeIfExists": {AMR: "x"}})
)

case(
    "a negated operator without set operator means none of several",
    IMPLICIT,
    "StringNotEquals",
    statement({"StringNotEquals": {AMR: "a"}}),
    claims=token(amr=["a", "b"]),
)
case(
    "an operator without set operator means one of several",
    ALLOW,
    "allows",
    statement({"StringEquals": {AMR: "a"}}),
    claims=token(amr=["a", "b"]),
)

# --- audiences ---------------------------------------------------------------------------------------------------
case(
    "China's audience is not .cn",
    IMPLICIT,
    ":aud expects 'sts.amazonaws.com.cn', the request has 'sts.amazonaws.com'",
    statement({"StringEquals": {AUD: "sts.amazonaws.com.cn"}}),
)
case("aud as plain text", ALLOW, "allows", statement(EQ), claims=token(aud="sts.amazonaws.com"))
case("azp stands in for aud", ALLOW, "allows", statement({"StringEquals": {AUD: "app"}}), claims=token(azp="app"))
case("with azp, aud is no longer aud", IMPLICIT, ":aud expects", statement(EQ), claims=token(azp="app"))
case(
    "with azp, aud is oaud",
    ALLOW,
    "allows",
    statement({"StringEquals": {OAUD: "sts.amazonaws.com"}}),
    claims=token(azp="app"),
)

# --- other operators and keys --------------------------------------------------------------------------------------
case("a number", ALLOW, "allows", statement({"NumericGreaterThan": {"aws:EpochTime": 1_800_000_000}}))
case("text is no number", IMPLICIT, "NumericEquals", statement({"NumericEquals": {SUB: "1"}}))
case("before a date", ALLOW, "allows", statement({"DateLessThan": {"aws:CurrentTime": "2031-01-01T00:00:00Z"}}))
case("after a date", IMPLICIT, "DateLessThan", statement({"DateLessThan": {"aws:CurrentTime": "2029-01-01"}}))
case(
    "a date as an epoch number",
    ALLOW,
    "allows",
    statement({"DateGreaterThanEquals": {"aws:CurrentTime": "1900000000"}}),
)
case(
    "a date before 1970 as an epoch number",
    ALLOW,
    "allows",
    statement({"DateGreaterThan": {"aws:CurrentTime": "-1"}}),
)
case("STS listens on TLS alone", ALLOW, "allows", statement({"Bool": {"aws:SecureTransport": True}}))
case("a Bool that differs", IMPLICIT, "Bool", statement({"Bool": {"aws:SecureTransport": "false"}}))
case(
    "an address in a network",
    ALLOW,
    "allows",
    statement({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "10.0.0.0/8"]}}),
)
case("an address outside", IMPLICIT, "IpAddress", statement({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}))
case("NotIpAddress outside", ALLOW, "allows", statement({"NotIpAddress": {"aws:SourceIp": "2001:db8::/32"}}))
case(
    "ArnLike matches part by part",
    ALLOW,
    "allows",
    statement({"ArnLike": {"aws:FederatedProvider": "arn:aws:iam::*:oidc-provider/oidc.eks.*"}}),
)
case(
    "a star in an ARN never crosses a colon of its first five",
    IMPLICIT,
    "ArnEquals",
    statement({"ArnEquals": {"aws:FederatedProvider": "arn:*:oidc-provider/*"}}),
)
case("ArnNotEquals", IMPLICIT, "ArnNotEquals", statement({"ArnNotEquals": {"aws:FederatedProvider": ARN}}))
case("BinaryEquals", ALLOW, "allows", statement({"BinaryEquals": {"sts:RoleSessionName": "payments.api-0"}}))
case("the session's name", ALLOW, "allows", statement({"StringLike": {"sts:RoleSessionName": "payments.*"}}))

# --- variables -----------------------------------------------------------------------------------------------------
case("a variable takes the request's value", ALLOW, "allows", statement({"StringEquals": {SUB: f"${{{SUB}}}"}}))
case(
    "a variable inside a pattern",
    ALLOW,
    "allows",
    statement({"StringLike": {"aws:FederatedProvider": "*${aws:nothing, 'DEF'}"}}),
)
case(
    "a variable without a value never matches", IMPLICIT, "Not", statement({"StringNotEquals": {SUB: "${aws:nothing}"}})
)
case(
    "a variable with several values never matches",
    IMPLICIT,
    "StringEquals",
    statement({"StringEquals": {AMR: f"${{{AMR}}}"}}),
    claims=token(amr=["a", "b"]),
)
case("an escaped star is a star", IMPLICIT, "StringLike", statement({"StringLike": {SUB: "system:${*}"}}))
case(
    "an escaped star meets a star",
    ALLOW,
    "allows",
    statement({"StringLike": {SUB: "system:${*}"}}),
    claims=token(sub="system:*"),
)
case(
    "a variable with more than a default never matches",
    IMPLICIT,
    "StringLike",
    statement({"StringLike": {"aws:FederatedProvider": "*${aws:nothing, 'DEF' or more}"}}),
)
case(
    "the older version takes variables literally",
    IMPLICIT,
    "StringEquals",
    statement({"StringEquals": {SUB: f"${{{SUB}}}"}}),
    version="2008-10-17",
)

# --- several statements --------------------------------------------------------------------------------------------
case("the second statement allows", ALLOW, "Statement 1 allows", statement({"StringEquals": {SUB: "x"}}), statement(EQ))
case(
    "a deny wins over an allow before it",
    EXPLICIT,
    "Statement 1 denies",
    statement(EQ),
    deny({"StringEquals": {SUB: API}}),
)
case(
    "a deny wins over an allow after it",
    EXPLICIT,
    "Statement 0 denies",
    deny({"StringLike": {SUB: "*"}}),
    statement(EQ),
)
case("a deny of someone else", ALLOW, "Statement 0 allows", statement(EQ), deny({"StringEquals": {SUB: "x"}}))
case(
    "a deny on a missing key with a negated operator",
    EXPLICIT,
    "denies",
    statement(EQ),
    deny({"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}),
)
case("nothing but a deny that does not apply", IMPLICIT, "no Allow statement", deny({"StringEquals": {SUB: "x"}}))
case(
    "the nearest statement is the one explained",
    IMPLICIT,
    "Statement 1 does not apply",
    statement({"StringEquals": {SUB: "x"}}, Action="sts:AssumeRole"),
    statement({"StringEquals": {SUB: "y"}}),
)


@pytest.mark.parametrize("row", CASES, ids=lambda row: row.name)
def test_the_table(row: Case) -> None:
    verdict = judge(policy(*row.statements, version=row.version), row.claims)
    assert verdict.decision is row.decision
    assert row.reason in verdict.reason


def test_the_table_has_at_least_sixty_rows_and_no_two_alike() -> None:
    assert len({row.name for row in CASES}) == len(CASES) >= 60


def test_a_verdict_tells_of_every_statement_and_condition() -> None:
    verdict = judge(policy(statement({"StringEquals": {SUB: "x", AUD: "sts.amazonaws.com"}})), token())
    (result,) = verdict.statements
    assert (result.action, result.principal, result.applies) == (True, True, False)
    assert [(c.key, c.wanted, c.actual, c.holds) for c in result.conditions] == [
        (SUB, ("x",), (API,), False),
        (AUD, ("sts.amazonaws.com",), ("sts.amazonaws.com",), True),
    ]
    assert verdict.closest is result
    assert verdict.decided_by is None


def test_a_missing_key_is_told_from_a_wrong_value() -> None:
    verdict = judge(policy(statement({"StringEquals": {f"{OTHER}:sub": "x"}})), token())
    assert verdict.statements[0].conditions[0].actual == ()


def test_the_issuers_port_and_path_belong_to_its_keys() -> None:
    claims = token(iss="http://127.0.0.1:9921/id/A")
    provider = "arn:aws:iam::111122223333:oidc-provider/127.0.0.1:9921/id/A"
    text = policy(statement({"StringEquals": {"127.0.0.1:9921/id/A:sub": API}}, Principal={"Federated": provider}))
    assert judge(text, claims, provider).allowed


def test_a_role_is_meant_by_its_name_its_session_or_its_account() -> None:
    role, session = "arn:aws:iam::111122223333:role/team/a", "arn:aws:sts::111122223333:assumed-role/a/s"
    request = trust.role_session(role, session, external_id="42")
    for name in (role, session, "111122223333", "arn:aws:iam::111122223333:root", "*"):
        text = policy(
            statement({"StringEquals": {"sts:ExternalId": "42"}}, Action="sts:AssumeRole", Principal={"AWS": name})
        )
        assert trust.evaluate(trust.parse(text), request).allowed
    for name in (role + "b", "444455556666", "arn:aws-cn:iam::111122223333:root"):
        text = policy(statement(Action="sts:AssumeRole", Principal={"AWS": name}))
        assert not trust.evaluate(trust.parse(text), request).allowed
