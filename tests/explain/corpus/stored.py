"""What IAM refuses to store, and what it stores."""

import json
from collections.abc import Iterator

from tests.explain.asking import ACCOUNT, PROVIDER_ARN, SUBJECT, statement
from tests.explain.corpus.example import ALLOW, AUD, RIGHT, SUB, UNSTORABLE, Example, document, examples, sub, when


def stored() -> Iterator[Example]:
    yield from examples(
        UNSTORABLE,
        (
            "NotPrincipal with Allow",
            "malformed-policy",
            "Principal",
            document(statement(Principal=None, NotPrincipal={"Federated": PROVIDER_ARN})),
        ),
        ("a Sid with spaces", "malformed-policy", '"Sid": "Allowpods"', document(statement(Sid="Allow pods"))),
        ("a Sid with a dash", "malformed-policy", '"Sid": "allowpods"', document(statement(Sid="allow-pods"))),
        ("a Sid used twice", "malformed-policy", "Sid of its own", document(statement(Sid="A"), statement(Sid="A"))),
        ("no Action", "malformed-policy", '"Action"', document(statement(Action=None))),
        ("no Principal", "malformed-policy", '"Principal"', document(statement(Principal=None))),
        ("no Effect", "malformed-policy", '"Effect"', document(statement(Effect=None))),
        ("effect in small letters", "malformed-policy", '"Allow"', document(statement(Effect="allow"))),
        ("no Statement", "malformed-policy", "Add one", '{"Version": "2012-10-17"}'),
        ("a Resource", "malformed-policy", "Remove it", document(statement(Resource="*"))),
        (
            "Conditions for Condition",
            "malformed-policy",
            "Condition",
            document(statement(Condition=None, Conditions={})),
        ),
        ("an operator misspelt", "malformed-policy", "StringEquals", when({"StringEqual": {SUB: SUBJECT}})),
        ("an unknown version", "malformed-policy", "2012-10-17", document(statement(), Version="2024-01-01")),
        (
            "a star inside a principal",
            "malformed-policy",
            "full ARN",
            document(statement(Principal={"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/*"})),
        ),
        ("a key that stands twice", "malformed-policy", "Merge the two", when(RIGHT).replace(f'"{AUD}"', f'"{SUB}"')),
        ("a comment", "malformed-policy", "no comments", when(RIGHT).replace("{", "{ // ours\n", 1)),
        ("a trailing comma", "malformed-policy", "comma", when(RIGHT)[:-1] + ",}"),
        ("smart quotes as quotes", "malformed-policy", "straight", when(RIGHT).replace('"Version"', "“Version”")),
        ("an empty list of values", "malformed-policy", "at least one value", when(sub([]))),
        (
            "an address that is none",
            "malformed-policy",
            "IpAddress",
            when(RIGHT, {"IpAddress": {"aws:SourceIp": "10.0.0.0/33"}}),
        ),
    )
    yield from examples(
        ALLOW,
        ("a policy without a version", "allowed-by", "", json.dumps({"Statement": statement()})),
        (
            "one statement without a list",
            "allowed-by",
            "",
            json.dumps({"Version": "2012-10-17", "Statement": statement()}),
        ),
        ("a policy with an Id", "allowed-by", "", document(statement(), Id="x y")),
        ("two statements without a Sid", "allowed-by", "", document(statement(Sid=""), statement(Sid=""))),
    )
