"""Cases of principals and actions."""

from collections.abc import Iterator
from typing import Any

from tests.explain.asking import ACCOUNT, CLUSTER, OLD_CLUSTER, OTHER_ACCOUNT, PROVIDER_ARN, statement
from tests.explain.corpus.example import ALLOW, DENY, Example, document, examples, sub


def principals() -> Iterator[Example]:
    write = f'Write "Federated": "{PROVIDER_ARN}"'

    def by(arn: Any, **parts: Any) -> str:
        return document(statement(**{"Principal": {"Federated": arn}} | parts))

    yield from examples(
        DENY,
        (
            "a scheme in the provider's ARN",
            "scheme-in-provider-arn",
            PROVIDER_ARN,
            by(PROVIDER_ARN.replace(CLUSTER, f"https://{CLUSTER}")),
        ),
        ("another cluster's provider", "other-issuer", write, by(PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER))),
        (
            "another account's provider",
            "provider-in-other-account",
            write,
            by(PROVIDER_ARN.replace(ACCOUNT, OTHER_ACCOUNT)),
        ),
        ("an account of 11 digits", "account-misspelt", write, by(PROVIDER_ARN.replace(ACCOUNT, ACCOUNT[1:]))),
        ("no account", "account-misspelt", write, by(PROVIDER_ARN.replace(ACCOUNT, ""))),
        ("an account with dashes", "account-misspelt", write, by(PROVIDER_ARN.replace(ACCOUNT, "1111-2222-3333"))),
        (
            "a placeholder for the account",
            "placeholder-in-principal",
            write,
            by(PROVIDER_ARN.replace(ACCOUNT, "<account>")),
        ),
        (
            "a placeholder for the issuer",
            "placeholder-in-principal",
            write,
            by(PROVIDER_ARN.replace(CLUSTER, "${oidc}")),
        ),
        ("China's partition", "partition-differs", write, by(PROVIDER_ARN.replace("arn:aws:", "arn:aws-cn:"))),
        ("GovCloud's partition", "partition-differs", write, by(PROVIDER_ARN.replace("arn:aws:", "arn:aws-us-gov:"))),
        ("a trailing slash in the ARN", "trailing-slash", write, by(f"{PROVIDER_ARN}/")),
        ("small letters in the ARN", "issuer-case", write, by(PROVIDER_ARN.replace(CLUSTER, CLUSTER.lower()))),
        ("another region in the ARN", "issuer-misspelt", write, by(PROVIDER_ARN.replace("eu-west-1", "eu-west-2"))),
        ("the id cut short in the ARN", "issuer-misspelt", write, by(PROVIDER_ARN[:-4])),
        ("a claim behind the ARN", "issuer-misspelt", write, by(f"{PROVIDER_ARN}:sub")),
        ("the issuer for the ARN", "principal-not-an-arn", write, by(CLUSTER)),
        ("the issuer's URL for the ARN", "principal-not-an-arn", write, by(f"https://{CLUSTER}")),
        ("a space behind the ARN", "white-space", write, by(f"{PROVIDER_ARN} ")),
        ("a zero-width space in the ARN", "invisible-character", write, by(PROVIDER_ARN.replace("/id/", "/id/\u200b"))),
        ("a SAML provider", "not-an-oidc-provider", PROVIDER_ARN, by(f"arn:aws:iam::{ACCOUNT}:saml-provider/x")),
        (
            "EC2 as principal",
            "principal-not-federated",
            PROVIDER_ARN,
            document(statement(Principal={"Service": "ec2.amazonaws.com"})),
        ),
        (
            "EKS as principal",
            "principal-not-federated",
            PROVIDER_ARN,
            document(statement(Principal={"Service": "eks.amazonaws.com"})),
        ),
        (
            "the account as principal",
            "principal-not-federated",
            PROVIDER_ARN,
            document(statement(Principal={"AWS": ACCOUNT})),
        ),
        ("everyone as principal", "principal-not-federated", PROVIDER_ARN, document(statement(Principal="*"))),
        (
            "Pod Identity as principal",
            "pod-identity-principal",
            PROVIDER_ARN,
            document(
                statement(Principal={"Service": "pods.eks.amazonaws.com"}, Action=["sts:AssumeRole", "sts:TagSession"])
            ),
        ),
        (
            "sts:AssumeRole",
            "action-not-web-identity",
            "sts:AssumeRoleWithWebIdentity",
            document(statement(Action="sts:AssumeRole")),
        ),
        (
            "sts:AssumeRoleWithSAML",
            "action-not-web-identity",
            "sts:AssumeRoleWithWebIdentity",
            document(statement(Action="sts:AssumeRoleWithSAML")),
        ),
        (
            "the action misspelt",
            "action-not-web-identity",
            "sts:AssumeRoleWithWebIdentity",
            document(statement(Action="sts:AssumeRoleWithWebIdentities")),
        ),
        (
            "NotAction with the action",
            "action-not-web-identity",
            "sts:AssumeRoleWithWebIdentity",
            document(statement(Action=None, NotAction="sts:AssumeRoleWithWebIdentity")),
        ),
        ("only a Deny", "no-allow", "--fix", document(statement(Effect="Deny", Condition=sub("x")))),
    )
    yield from examples(
        ALLOW,
        (
            "several providers in a list",
            "allowed-by",
            "",
            by([PROVIDER_ARN.replace(CLUSTER, OLD_CLUSTER), PROVIDER_ARN]),
        ),
        ("sts:* as action", "allowed-by", "", document(statement(Action="sts:*"))),
        ("the action in small letters", "allowed-by", "", document(statement(Action="sts:assumerolewithwebidentity"))),
    )
