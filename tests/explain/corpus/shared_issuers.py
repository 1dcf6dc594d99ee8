"""Cases of issuers that many accounts share."""

from collections.abc import Iterator

from tests.explain.asking import CLUSTER, PROVIDER_ARN, SUBJECT, token
from tests.explain.corpus.example import (
    ALLOW,
    BRANCH,
    DENY,
    GITHUB,
    GITHUB_ARN,
    OF_GITHUB,
    Example,
    Json,
    aud,
    examples,
    sub,
    when,
)

COGNITO = "cognito-identity.amazonaws.com"


def shared_issuers() -> Iterator[Example]:
    key = f"{GITHUB}:"
    github: Json = {"token": token(**OF_GITHUB), "providers": (GITHUB_ARN,)}

    def by_github(*blocks: Json) -> str:
        return when(aud(key=f"{key}aud"), *blocks, Principal={"Federated": GITHUB_ARN})

    google: Json = {"token": token(iss="https://accounts.google.com", sub="42", aud="app", azp="app")}
    yield from examples(
        ALLOW,
        ("GitHub, one branch", "allowed-by", "", by_github(sub(BRANCH, key=f"{key}sub")), github),
        (
            "GitHub, the key repository of 2026",
            "allowed-by",
            "",
            by_github(sub(BRANCH, key=f"{key}sub"), sub("acme/shop", key=f"{key}repository")),
            github,
        ),
        (
            "GitHub, a claim that may be a key",
            "condition-unseen",
            "Check it",
            by_github(sub(BRANCH, key=f"{key}sub"), sub("x", key=f"{key}head_ref")),
            github,
        ),
        (
            "GitHub, no condition on sub",
            "no-subject-condition",
            "repo:<owner>/<repository>",
            by_github(),
            github,
        ),
        ("GitHub, the repository alone", "allowed-by", "", by_github(sub("acme/shop", key=f"{key}repository")), github),
        (
            "Cognito without a provider",
            "allowed-by",
            "",
            when(aud("pool", key=f"{COGNITO}:aud"), Principal={"Federated": COGNITO}),
            {"token": token(iss=f"https://{COGNITO}", sub="eu-west-1:x", aud="pool")},
        ),
        (
            "Google without a provider",
            "allowed-by",
            "",
            when(sub("42", key="accounts.google.com:sub"), Principal={"Federated": "accounts.google.com"}),
            google,
        ),
        (
            "Google, a claim that may be a key",
            "condition-unseen",
            "Check it",
            when(
                sub("42", key="accounts.google.com:sub"),
                sub("x", key="accounts.google.com:hd"),
                Principal={"Federated": "accounts.google.com"},
            ),
            google,
        ),
    )
    yield from examples(
        DENY,
        (
            "GitHub, another branch",
            "subject-differs",
            BRANCH,
            by_github(sub("repo:acme/shop:ref:refs/heads/dev", key=f"{key}sub")),
            github,
        ),
        (
            "GitHub, another repository's key",
            "condition-fails",
            "Correct the condition",
            by_github(sub(BRANCH, key=f"{key}sub"), sub("acme/other", key=f"{key}repository")),
            github,
        ),
        (
            "GitHub, a service account as subject",
            "subject-differs",
            BRANCH,
            by_github(sub(SUBJECT, key=f"{key}sub")),
            github,
        ),
        (
            "GitHub, a star under StringEquals",
            "wildcard-under-equals",
            "StringLike",
            by_github(sub("repo:acme/shop:*", key=f"{key}sub")),
            github,
        ),
        (
            "Google by a provider's ARN",
            "built-in-principal",
            '"Federated": "accounts.google.com"',
            when(
                sub("42", key="accounts.google.com:sub"),
                Principal={"Federated": PROVIDER_ARN.replace(CLUSTER, "accounts.google.com")},
            ),
            google,
        ),
        (
            "Google, another client",
            "audience-differs",
            "app",
            when(aud("other", key="accounts.google.com:aud"), Principal={"Federated": "accounts.google.com"}),
            google,
        ),
    )
