"""Policies that let in more than was meant."""

from collections.abc import Iterator

from tests.explain.asking import OLD_CLUSTER, SUBJECT, statement, token
from tests.explain.corpus.example import (
    ALLOW,
    GITHUB,
    GITHUB_ARN,
    OF_GITHUB,
    SUB,
    Example,
    aud,
    document,
    examples,
    sub,
    when,
)


def open_doors() -> Iterator[Example]:
    like = "StringLike"
    narrow = "Name the namespace"
    yield from examples(
        ALLOW,
        ("no condition at all", "no-condition", "Add a Condition", document(statement(Condition=None))),
        ("no condition on sub", "no-subject-condition", ":sub", when(aud())),
        ("no condition on aud", "no-audience-condition", ":aud", when(sub(SUBJECT))),
        ("a star", "pattern-covers-the-cluster", narrow, when(sub("*", like), aud())),
        ("system:*", "pattern-covers-the-cluster", narrow, when(sub("system:*", like), aud())),
        ("?*", "pattern-covers-the-cluster", narrow, when(sub("?*", like), aud())),
        ("*:*", "pattern-covers-the-cluster", narrow, when(sub("*:*", like), aud())),
        (
            "any namespace and account",
            "pattern-covers-the-cluster",
            narrow,
            when(sub("system:serviceaccount:*:*", like), aud()),
        ),
        (
            "one account name in any namespace",
            "pattern-covers-the-cluster",
            narrow,
            when(sub("system:serviceaccount:*:api", like), aud()),
        ),
        ("a star before the colon", "pattern-covers-the-cluster", narrow, when(sub("*:api", like), aud())),
        (
            "IfExists on another cluster's key",
            "open-door",
            "StringEquals",
            when(aud(), sub("x", "StringEqualsIfExists", f"{OLD_CLUSTER}:sub")),
        ),
        (
            "ForAllValues on a key with its scheme",
            "open-door",
            "StringEquals",
            when(aud(), sub("x", "ForAllValues:StringEquals", f"https://{SUB}")),
        ),
        (
            "a negated condition on a bare key",
            "open-door",
            "StringEquals",
            when(aud(), sub("x", "StringNotEquals", "sub")),
        ),
        (
            "ForAllValues on sub",
            "for-all-values-hole",
            "without ForAllValues",
            when(sub(SUBJECT, "ForAllValues:StringEquals"), aud()),
        ),
        (
            "GitHub, every repository",
            "pattern-covers-everyone",
            "Name the repository",
            when(sub("repo:*", like, f"{GITHUB}:sub"), aud(key=f"{GITHUB}:aud"), Principal={"Federated": GITHUB_ARN}),
            {"token": token(**OF_GITHUB), "providers": (GITHUB_ARN,)},
        ),
        ("a wildcard in the name alone", "allowed-by", "", when(sub("system:serviceaccount:payments:*", like), aud())),
    )
