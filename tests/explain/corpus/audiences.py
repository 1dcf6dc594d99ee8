"""Cases of the audience: in the token, the provider and the policy."""

from collections.abc import Iterator

from tests.explain.asking import AUDIENCE, CLUSTER, SUBJECT, token
from tests.explain.corpus.example import ALLOW, AUD, DENY, INVALID, RIGHT, Example, aud, examples, sub, when


def audiences() -> Iterator[Example]:
    write = f'Write "{AUD}": "{AUDIENCE}"'
    yield from examples(
        DENY,
        ("China's domain as audience", "audience-differs", write, when(sub(SUBJECT), aud("sts.amazonaws.com.cn"))),
        ("a regional audience", "audience-differs", write, when(sub(SUBJECT), aud("sts.eu-west-1.amazonaws.com"))),
        ("sts.amazon.com", "audience-differs", write, when(sub(SUBJECT), aud("sts.amazon.com"))),
        (
            "kOps' audience in the policy",
            "audience-differs",
            "audience amazonaws.com",
            when(sub(SUBJECT), aud("amazonaws.com")),
        ),
        (
            "OpenShift's audience in the policy",
            "audience-differs",
            "audience openshift",
            when(sub(SUBJECT), aud("openshift")),
        ),
        (
            "an audience with its scheme",
            "audience-differs",
            write,
            when(sub(SUBJECT), aud("https://sts.amazonaws.com")),
        ),
        ("an audience in capitals", "audience-differs", write, when(sub(SUBJECT), aud("STS.amazonaws.com"))),
        ("a space behind the audience", "white-space", write, when(sub(SUBJECT), aud(f"{AUDIENCE} "))),
        (
            "an en dash in an audience",
            "look-alike-character",
            'Write "',
            when(sub(SUBJECT), aud("my–app")),
            {"token": token(aud=["my-app"]), "client_ids": ("my-app",)},
        ),
        ("a star under StringEquals for aud", "wildcard-under-equals", "StringLike", when(sub(SUBJECT), aud("sts.*"))),
    )
    yield from examples(
        INVALID,
        (
            "the provider does not list the audience",
            "client-id-missing",
            "add-client-id",
            when(RIGHT),
            {"client_ids": ("x",)},
        ),
        (
            "kOps' provider, EKS's audience",
            "client-id-missing",
            "audience amazonaws.com",
            when(RIGHT),
            {"client_ids": ("amazonaws.com",)},
        ),
        (
            "the API server's token",
            "api-token",
            f"audience: {AUDIENCE}",
            when(RIGHT),
            {"token": token(aud=["https://kubernetes.default.svc"])},
        ),
        (
            "the API server's token, OpenShift's provider",
            "api-token",
            "audience: openshift",
            when(sub(SUBJECT)),
            {"token": token(aud=["https://kubernetes.default.svc"]), "client_ids": ("openshift",)},
        ),
        (
            "a token whose audience is its issuer",
            "api-token",
            "audience: ",
            when(RIGHT),
            {"token": token(aud=[f"https://{CLUSTER}"])},
        ),
        (
            "Pod Identity's token",
            "pod-identity-token",
            "audience: ",
            when(RIGHT),
            {"token": token(aud=["pods.eks.amazonaws.com"])},
        ),
        ("two audiences", "several-audiences", "audience: ", when(RIGHT), {"token": token(aud=[AUDIENCE, "vault"])}),
    )
    yield from examples(
        ALLOW,
        (
            "the issuer as audience, which the policy names",
            "allowed-by",
            "",
            when(sub(SUBJECT), aud(f"https://{CLUSTER}")),
            {"token": token(aud=[f"https://{CLUSTER}"]), "client_ids": ()},
        ),
        (
            "kOps' audience everywhere",
            "allowed-by",
            "",
            when(sub(SUBJECT), aud("amazonaws.com")),
            {"token": token(aud=["amazonaws.com"]), "client_ids": ("amazonaws.com",)},
        ),
        (
            "China's audience everywhere",
            "odd-token-audience",
            AUDIENCE,
            when(sub(SUBJECT), aud("sts.amazonaws.com.cn")),
            {"token": token(aud=["sts.amazonaws.com.cn"]), "client_ids": ("sts.amazonaws.com.cn",)},
        ),
    )
