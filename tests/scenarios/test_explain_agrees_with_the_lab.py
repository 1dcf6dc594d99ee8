"""Whatever `explain` says of a policy, a token and a role, the lab's STS does: for worlds thrown together at random."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from sidecar.core.errors import ExchangeFailed
from sidecar.explain import corrected, explain
from sidecar.explain.correct import CannotFix
from tests.explain.asking import ACCOUNT, AUDIENCE, OLD_CLUSTER, OTHER_ACCOUNT, ROLE, SUBJECT
from tests.explain.mistakes import NOTHING_WRONG, Mistake, provider_arn
from tests.lab.worlds import a_lab
from tests.scenarios.rehearsal import Rehearsal

WORLDS, MENDED = 120, 60
OPERATORS = (
    *("StringEquals", "StringEquals", "StringLike", "StringEqualsIgnoreCase", "StringNotEquals", "StringNotLike"),
    *("ForAnyValue:StringEquals", "ForAllValues:StringLike", "StringEqualsIfExists", "Null"),
)
KEYS = ("{P}:sub", "{P}:aud", "{P}:SUB", "https://{P}:sub", f"{OLD_CLUSTER}:sub", "{P}:kubernetes.io/namespace")
VALUES = (
    *(SUBJECT, SUBJECT, AUDIENCE, SUBJECT.upper(), "payments:api", "system:serviceaccount:payments:*", "*", "sts.*"),
    *(["system:serviceaccount:web:front", SUBJECT], ["vault", AUDIENCE], "${aws:FederatedProvider}"),
)
PRINCIPALS = (
    *({"Federated": provider_arn()},) * 6,
    {"Federated": provider_arn("{P}/")},
    {"Federated": [provider_arn(OLD_CLUSTER), provider_arn()]},
    {"Service": "pods.eks.amazonaws.com"},
    {"AWS": ACCOUNT},
    "*",
)
ACTIONS = (*("sts:AssumeRoleWithWebIdentity",) * 5, "sts:*", "sts:AssumeRole", "STS:assumerolewithwebidentity")
CLAIMS: tuple[dict[str, Any], ...] = (
    *({},) * 8,
    {"aud": ["sts.amazonaws.com.cn"]},
    {"aud": [AUDIENCE, "vault"]},
    {"sub": "system:serviceaccount:payments:other"},
    {"aud": None},
)
ROLES = (*(ROLE,) * 8, ROLE.replace(ACCOUNT, OTHER_ACCOUNT), f"arn:aws:iam::{ACCOUNT}:role/api")
PROVIDERS: tuple[dict[str, Any], ...] = (*({},) * 8, {"clientIds": ["vault"]}, {"url": "{U}/"})


def a_statement(rng: random.Random) -> dict[str, Any]:
    conditions: dict[str, dict[str, Any]] = {}
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        operator = rng.choice(OPERATORS)
        value = "false" if operator == "Null" else rng.choice(VALUES)
        conditions.setdefault(operator, {})[rng.choice(KEYS)] = value
    return {
        "Effect": rng.choice(("Allow",) * 6 + ("Deny",)),
        "Principal": rng.choice(PRINCIPALS),
        "Action": rng.choice(ACTIONS),
        "Condition": conditions,
    }


def a_world_of(rng: random.Random) -> Mistake:
    return replace(
        NOTHING_WRONG,
        statement=a_statement(rng),
        more=tuple(a_statement(rng) for _ in range(rng.choice((0, 0, 1, 2)))),
        claims=rng.choice(CLAIMS),
        role_arn=rng.choice(ROLES),
        provider=rng.choice(PROVIDERS),
    )


async def answer_to(rehearsal: Rehearsal) -> str:
    """AWS's code, "" for credentials."""
    try:
        await rehearsal.exchange()
    except ExchangeFailed as refusal:
        return refusal.aws_code
    return ""


async def test_explain_and_the_lab_agree_on_a_hundred_random_worlds(tmp_path: Path) -> None:
    rng, answers = random.Random(11), set()
    async with a_lab(tmp_path) as lab:
        for number in range(WORLDS):
            rehearsal = Rehearsal(a_world_of(rng), lab)
            answers.add(answer := await answer_to(rehearsal))

            told = explain(rehearsal.question())

            assert told.aws_code == answer, (number, rehearsal.question().policy, told.findings)
    assert {"", "AccessDenied", "InvalidIdentityToken"} <= answers


async def test_what_explain_mends_the_lab_lets_in(tmp_path: Path) -> None:
    rng, mended = random.Random(12), 0
    async with a_lab(tmp_path) as lab:
        for number in range(MENDED):
            world = replace(a_world_of(rng), claims={}, role_arn=ROLE, provider={})
            rehearsal = Rehearsal(world, lab)
            try:
                rehearsal.trust(corrected(rehearsal.question()))
            except CannotFix:
                continue
            mended += 1
            assert (number, await answer_to(rehearsal)) == (number, "")
    assert mended == MENDED
