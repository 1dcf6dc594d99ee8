"""Cases of condition keys: misspelt, never carried, or not to be seen from here."""

from collections.abc import Iterator

from tests.explain.asking import ACCOUNT, CLUSTER, OLD_CLUSTER, PROVIDER_ARN, ROLE, SUBJECT, statement
from tests.explain.corpus.example import ALLOW, AUD, DENY, RIGHT, SUB, Example, aud, document, examples, sub, when


def keys() -> Iterator[Example]:
    region = CLUSTER.replace("eu-west-1", "eu-west-2")
    right = f'Write "{SUB}"'
    yield from examples(
        DENY,
        ("a scheme in the key", "scheme-in-condition-key", SUB, when(sub(SUBJECT, key=f"https://{SUB}"))),
        ("a bare sub", "bare-key", right, when(sub(SUBJECT, key="sub"))),
        ("a bare aud", "bare-key", f'Write "{AUD}"', when(RIGHT, aud(key="aud"))),
        ("a slash for the colon", "slash-for-colon", right, when(sub(SUBJECT, key=f"{CLUSTER}/sub"))),
        ("no claim in the key", "claim-missing-in-key", right, when(sub(SUBJECT, key=CLUSTER))),
        ("a colon and no claim", "claim-missing-in-key", right, when(sub(SUBJECT, key=f"{CLUSTER}:"))),
        ("the provider's ARN in the key", "arn-in-key", right, when(sub(SUBJECT, key=f"{PROVIDER_ARN}:sub"))),
        (
            "a placeholder of Terraform in the key",
            "placeholder-in-key",
            right,
            when(sub(SUBJECT, key="${local.oidc}:sub")),
        ),
        ("a placeholder of Helm in the key", "placeholder-in-key", right, when(sub(SUBJECT, key="{{ oidc }}:sub"))),
        ("a placeholder of a manual in the key", "placeholder-in-key", right, when(sub(SUBJECT, key="<oidc>:sub"))),
        ("a placeholder of a shell in the key", "placeholder-in-key", right, when(sub(SUBJECT, key="$(OIDC):sub"))),
        ("a space before the key", "white-space", right, when(sub(SUBJECT, key=f" {SUB}"))),
        ("a zero-width space in the key", "invisible-character", right, when(sub(SUBJECT, key=f"{CLUSTER}\u200b:sub"))),
        ("quotes in the key", "quotes-in-value", right, when(sub(SUBJECT, key=f"'{SUB}'"))),
        ("subject for sub", "claim-misspelt", right, when(sub(SUBJECT, key=f"{CLUSTER}:subject"))),
        ("audience for aud", "claim-misspelt", f'Write "{AUD}"', when(sub(SUBJECT), aud(key=f"{CLUSTER}:audience"))),
        ("another cluster in the key", "other-issuer", right, when(sub(SUBJECT, key=f"{OLD_CLUSTER}:sub"))),
        ("a trailing slash in the key", "trailing-slash", right, when(sub(SUBJECT, key=f"{CLUSTER}/:sub"))),
        ("another region in the key", "issuer-misspelt", right, when(sub(SUBJECT, key=f"{region}:sub"))),
        (
            "China's domain in the key",
            "issuer-misspelt",
            right,
            when(sub(SUBJECT, key=f"{CLUSTER.replace('amazonaws.com', 'amazonaws.com.cn')}:sub")),
        ),
        ("the id cut short in the key", "issuer-misspelt", right, when(sub(SUBJECT, key=f"{CLUSTER[:-4]}:sub"))),
        (
            "the id alone in the key",
            "issuer-misspelt",
            right,
            when(sub(SUBJECT, key=f"{CLUSTER[-32:]}:sub")),
        ),
        ("/keys behind the issuer", "issuer-misspelt", right, when(sub(SUBJECT, key=f"{CLUSTER}/keys:sub"))),
        (
            "two letters exchanged in the issuer",
            "issuer-misspelt",
            right,
            when(sub(SUBJECT, key=f"{CLUSTER[:-4]}4D44:sub")),
        ),
        (
            "Kubernetes' namespace as key",
            "claim-is-no-key",
            "in sub",
            when(sub("payments", key=f"{CLUSTER}:kubernetes.io/namespace")),
        ),
        ("another claim as key", "claim-is-no-key", "in sub", when(sub("x", key=f"{CLUSTER}:jti"))),
        (
            "amr that no cluster writes",
            "condition-key-absent",
            "Correct the condition",
            when(RIGHT, sub("authenticated", key=f"{CLUSTER}:amr")),
        ),
        (
            "keys of two issuers in one statement",
            "other-issuer",
            "two statements",
            when(RIGHT, sub(SUBJECT, key=f"{OLD_CLUSTER}:sub")),
        ),
    )
    never = "Remove the condition"
    yield from examples(
        DENY,
        ("aws:SourceArn", "key-never-carried", never, when(RIGHT, {"ArnLike": {"aws:SourceArn": "arn:aws:eks:*"}})),
        ("aws:SourceAccount", "key-never-carried", never, when(RIGHT, sub(ACCOUNT, key="aws:SourceAccount"))),
        (
            "aws:MultiFactorAuthPresent",
            "key-never-carried",
            never,
            when(RIGHT, {"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        ),
        (
            "aws:MultiFactorAuthAge",
            "key-never-carried",
            never,
            when(RIGHT, {"NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}),
        ),
        ("aws:PrincipalOrgID", "key-never-carried", never, when(RIGHT, sub("o-1234567890", key="aws:PrincipalOrgID"))),
        ("aws:PrincipalArn", "key-never-carried", never, when(RIGHT, sub(ROLE, key="aws:PrincipalArn"))),
        ("aws:PrincipalTag", "key-never-carried", never, when(RIGHT, sub("x", key="aws:PrincipalTag/team"))),
        ("aws:SourceOrgID", "key-never-carried", never, when(RIGHT, sub("o-1234567890", key="aws:SourceOrgID"))),
        ("aws:userid", "key-never-carried", never, when(RIGHT, sub("x", key="aws:userid"))),
        ("sts:ExternalId", "key-never-carried", never, when(RIGHT, sub("x", key="sts:ExternalId"))),
        (
            "a misspelt sts key",
            "key-never-carried",
            "sts:RoleSessionName",
            when(RIGHT, sub("x", key="sts:RoleSesionName")),
        ),
        (
            "a misspelt aws key",
            "key-never-carried",
            "aws:SourceVpce",
            when(RIGHT, sub("vpce-1", key="aws:SourceVpcE1")),
        ),
        (
            "a tag that the token does not bring",
            "condition-key-absent",
            "Correct the condition",
            when(RIGHT, sub("pay", key="aws:RequestTag/team")),
        ),
        (
            "another session name",
            "session-name-differs",
            "AWS_ROLE_SESSION_NAME",
            when(RIGHT, sub("ci", key="sts:RoleSessionName")),
        ),
        (
            "a Deny on a key that is never there",
            "explicit-deny",
            "Narrow the Deny",
            document(
                statement(), statement(Effect="Deny", Condition=sub("o-1", "StringNotEquals", "aws:PrincipalOrgID"))
            ),
        ),
        (
            "a Deny without MFA",
            "explicit-deny",
            "Narrow the Deny",
            document(
                statement(),
                statement(Effect="Deny", Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}),
            ),
        ),
        (
            "a Deny for all",
            "explicit-deny",
            "Narrow the Deny",
            document(statement(), statement(Effect="Deny", Condition=None)),
        ),
        (
            "a Deny for everyone",
            "explicit-deny",
            "Narrow the Deny",
            document(statement(), statement(Effect="Deny", Principal="*", Action="sts:*", Condition=None)),
        ),
    )
    yield from examples(
        ALLOW,
        (
            "aws:SourceIp",
            "condition-unseen",
            "route to STS",
            when(RIGHT, {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
        ),
        ("aws:SourceVpce", "condition-unseen", "route to STS", when(RIGHT, sub("vpce-1", key="aws:SourceVpce"))),
        (
            "a Deny outside a VPC endpoint",
            "condition-unseen",
            "route to STS",
            document(
                statement(), statement(Effect="Deny", Condition=sub("vpce-1", "StringNotEquals", "aws:SourceVpce"))
            ),
        ),
        (
            "a tag of the role",
            "condition-unseen",
            "route to STS",
            when(RIGHT, sub("prod", key="iam:ResourceTag/stage")),
        ),
        ("the case of a key's name", "allowed-by", "", when(sub(SUBJECT, key=SUB.upper()), aud())),
        (
            "a negated condition on a key that is never there",
            "condition-without-effect",
            "correct the key",
            when(RIGHT, sub("x", "StringNotEquals", "aws:PrincipalOrgID")),
        ),
        (
            "IfExists on a key that is never there",
            "condition-without-effect",
            "correct the key",
            when(RIGHT, sub("o-1", "StringEqualsIfExists", "aws:PrincipalOrgID")),
        ),
        (
            "Null on a key that is never there",
            "condition-without-effect",
            "correct the key",
            when(RIGHT, {"Null": {"sts:ExternalId": "true"}}),
        ),
        (
            "the pattern of session names",
            "allowed-by",
            "",
            when(RIGHT, {"StringLike": {"sts:RoleSessionName": "payments.*"}}),
        ),
        ("a moment in the past", "allowed-by", "", when(RIGHT, {"DateGreaterThan": {"aws:CurrentTime": "2020-01"}})),
    )
