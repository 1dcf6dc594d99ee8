"""One case for `explain`, and the parts of policies that the cases are made of."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sidecar.core.findings import Finding
from sidecar.explain import Question, explain
from tests.explain.asking import (
    AUDIENCE,
    CLUSTER,
    PROVIDER_ARN,
    SUBJECT,
    asked,
    statement,
)

Json = dict[str, Any]
ALLOW, DENY, INVALID, UNSTORABLE = "allow", "deny", "invalid-token", "invalid-policy"
GITHUB = "token.actions.githubusercontent.com"
GITHUB_ARN = PROVIDER_ARN.replace(CLUSTER, GITHUB)
BRANCH = "repo:acme/shop:ref:refs/heads/main"
OF_GITHUB: Json = {"iss": f"https://{GITHUB}", "sub": BRANCH, "repository": "acme/shop", "ref": "refs/heads/main"}
AUD, SUB = f"{CLUSTER}:aud", f"{CLUSTER}:sub"


@dataclass(frozen=True, kw_only=True)
class Example:
    """One case. `fix` is part of what the finding of that name says to do; empty where there is nothing to do."""

    name: str
    verdict: str
    code: str
    fix: str
    policy: str
    parts: Json = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def question(self) -> Question:
        return asked(policy=self.policy, **self.parts)

    def told(self) -> list[Finding]:
        """What `explain` finds under that name."""
        return [found for found in explain(self.question()).findings if found.code == self.code]


def document(*statements: Json, **others: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)} | others)


def when(*blocks: Json, **parts: Any) -> str:
    """The right statement under other conditions."""
    merged: Json = {}
    for block in blocks:
        for operator, keys in block.items():
            merged[operator] = merged.get(operator, {}) | keys
    return document(statement(**{"Condition": merged} | parts))


def sub(value: Any, operator: str = "StringEquals", key: str = SUB) -> Json:
    return {operator: {key: value}}


def aud(value: Any = AUDIENCE, operator: str = "StringEquals", key: str = AUD) -> Json:
    return {operator: {key: value}}


RIGHT: Json = {"StringEquals": {AUD: AUDIENCE, SUB: SUBJECT}}


def examples(verdict: str, *rows: tuple[Any, ...]) -> Iterator[Example]:
    """Rows of name, code, fix, policy, and what else differs."""
    for name, code, fix, policy, *more in rows:
        parts = more[0] if more else {}
        yield Example(name=name, verdict=verdict, code=code, fix=fix, policy=policy, parts=parts)
