"""The audit's short cuts change no answer: it says of each pair what explain says, on policies of every kind."""

import json
import random
from typing import Any

import pytest

from sidecar.audit import AuditedRole, Cluster
from sidecar.audit.reach import reached
from sidecar.audit.subjects import Subjects, matcher
from sidecar.audit.tokens import Asked, Asker
from sidecar.explain import Verdict
from sidecar.trust.patterns import glob
from tests.audit.estate import ISSUER, arn, cluster, pod, service_account
from tests.explain.asking import CLUSTER, NOW, OLD_CLUSTER, PROVIDER_ARN

NAMES = ("a/api", "a/web", "a/a", "b/api", "b/web", "B/api", "ab/api", "a-b/api-1")
SUBJECTS = [f"system:serviceaccount:{name.replace('/', ':')}" for name in NAMES]
PATTERNS = (
    *("*", "system:*", "system:serviceaccount:a:*", "system:serviceaccount:*:api", "system:serviceaccount:?:*"),
    *("*:a*:*pi", "system:serviceaccount:${aws:TagKeys}:*", "system:serviceaccount:*b*:*-?", "repo:*"),
    *("system:serviceaccount:a:${*}", "release"),
)
OPERATORS = (
    *("StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "StringEqualsIgnoreCase", "StringLikeIfExists"),
    *("ForAnyValue:StringLike", "ForAllValues:StringEquals", "StringNotEqualsIgnoreCase", "ArnLike"),
)
KEYS = (f"{CLUSTER}:sub", f"{CLUSTER}:sub", f"{CLUSTER.upper()}:SUB", f"{OLD_CLUSTER}:sub", "sts:RoleSessionName")


def condition(chance: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(chance.randrange(3)):
        values = chance.sample((*SUBJECTS, *PATTERNS), chance.randrange(1, 3))
        found.setdefault(chance.choice(OPERATORS), {})[chance.choice(KEYS)] = values
    if chance.random() < 0.4:
        audience = chance.choice(("sts.amazonaws.com", "vault", "own"))
        found.setdefault(chance.choice(("StringEquals", "StringLike")), {})[f"{CLUSTER}:aud"] = audience
    if chance.random() < 0.1:
        found["IpAddress"] = {"aws:SourceIp": "10.0.0.0/8"}
    return found


def a_policy(chance: random.Random) -> str:
    statements = [
        {
            "Effect": "Allow" if chance.random() < 0.8 else "Deny",
            "Principal": {
                "Federated": chance.choice((PROVIDER_ARN, PROVIDER_ARN, PROVIDER_ARN.replace("1111", "2222")))
            },
            "Action": chance.choice(("sts:AssumeRoleWithWebIdentity", "sts:*", "sts:AssumeRole")),
            "Condition": condition(chance),
        }
        for _ in range(chance.randrange(1, 4))
    ]
    return json.dumps({"Version": chance.choice(("2012-10-17", "2008-10-17")), "Statement": statements})


def a_cluster() -> Cluster:
    accounts = [service_account(name, **({"audience": "own"} if name == "a/web" else {})) for name in NAMES]
    return cluster(*accounts, pod("b/p", "api", audience="vault"), pod("a/p", "api"))


def allowed_one_by_one(role: AuditedRole, where: Cluster, ask: Asker) -> set[str]:
    return {
        account.subject
        for account in where.accounts
        for audience in (*account.audiences, "sts.amazonaws.com", "vault", "own")
        for name in ("", "release")
        if (audience in account.audiences or f'"{audience}"' in role.text)
        and ask.judge(Asked(role, where, account, audience, role.arn, name)).verdict is Verdict.ALLOW
    }


@pytest.mark.parametrize("seed", range(3))
def test_the_audit_and_explain_never_disagree(seed: int) -> None:
    chance = random.Random(seed)
    where, ask = a_cluster(), Asker(NOW, {})
    some = 0
    for _ in range(100):
        role = AuditedRole(arn("api"), a_policy(chance))
        can = {account.subject for found in reached(role, where, ask) for account in found.accounts}
        assert can == allowed_one_by_one(role, where, ask), role.text
        some += 0 < len(can) < len(NAMES)
    assert some > 5


def test_a_pattern_finds_what_iams_wildcards_match() -> None:
    chance = random.Random(7)
    texts = ["".join(chance.choices("ab:\n.", k=chance.randrange(7))) for _ in range(60)]
    for _ in range(400):
        pattern = "".join(chance.choices("ab:.*?*", k=chance.randrange(7)))
        wanted = {text for text in texts if glob(pattern, text)}
        assert {text for text in texts if matcher(pattern)(text)} == wanted, pattern
        assert set(Subjects(set(texts)).like(pattern)) == wanted, pattern


def test_no_pattern_makes_the_search_slow() -> None:
    assert not matcher("a*" * 40 + "b")("a" * 5000)


def test_accounts_that_a_policy_cannot_tell_apart_are_judged_once() -> None:
    asked = []

    class Counting(Asker):
        def judge(self, one: Asked) -> Any:
            asked.append(one)
            return super().judge(one)

    where = cluster(*(service_account(f"a/s{number}") for number in range(500)))
    open_role = AuditedRole(arn("open"), json.dumps({"Version": "2012-10-17", "Statement": _open()}))
    (found,) = reached(open_role, where, Counting(NOW, {}))

    assert (len(found.accounts), len(asked), where.issuer) == (500, 1, ISSUER)


def _open() -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"Federated": PROVIDER_ARN}, "Action": "sts:AssumeRoleWithWebIdentity"}
