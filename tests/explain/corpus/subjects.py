"""Cases of the `sub` condition."""

from collections.abc import Iterator

from tests.explain.asking import AUDIENCE, SUBJECT
from tests.explain.corpus.example import AUD, DENY, RIGHT, SUB, Example, aud, examples, sub, when


def subjects() -> Iterator[Example]:
    write = f'Write "{SUB}": "{SUBJECT}"'
    ns, sa = "system:serviceaccount:", "payments:api"
    yield from examples(
        DENY,
        ("another namespace", "subject-differs", write, when(sub(f"{ns}payment:api"), aud())),
        (
            "another service account",
            "subject-differs",
            "serviceAccountName: app",
            when(sub(f"{ns}payments:app"), aud()),
        ),
        ("namespace and account exchanged", "subject-differs", write, when(sub(f"{ns}api:payments"), aud())),
        ("capital letters", "subject-differs", write, when(sub(f"{ns}Payments:API"), aud())),
        ("capital letters in a pattern", "subject-differs", write, when(sub(f"{ns}Payments:*", "StringLike"), aud())),
        ("a pattern of another namespace", "subject-differs", write, when(sub(f"{ns}web:*", "StringLike"), aud())),
        ("several, and none of them", "subject-differs", write, when(sub([f"{ns}web:a", f"{ns}web:b"]), aud())),
        ("no prefix", "subject-shape", SUBJECT, when(sub(sa), aud())),
        ("a slash between namespace and account", "subject-shape", SUBJECT, when(sub(f"{ns}payments/api"), aud())),
        ("the namespace alone", "subject-shape", SUBJECT, when(sub(f"{ns}payments"), aud())),
        ("the prefix alone", "subject-shape", SUBJECT, when(sub(ns), aud())),
        ("the prefix misspelt", "subject-shape", SUBJECT, when(sub(f"system:serviceaccounts:{sa}"), aud())),
        ("the account's name alone", "subject-shape", SUBJECT, when(sub("api"), aud())),
        ("a user of Kubernetes", "subject-shape", SUBJECT, when(sub("system:node:ip-10-0-0-1"), aud())),
        ("a star under StringEquals", "wildcard-under-equals", "StringLike", when(sub(f"{ns}payments:*"), aud())),
        (
            "a question mark under StringEquals",
            "wildcard-under-equals",
            "StringLike",
            when(sub(f"{SUBJECT[:-1]}?"), aud()),
        ),
        (
            "a star under StringEqualsIgnoreCase",
            "wildcard-under-equals",
            "StringLike",
            when(sub(f"{ns}payments:*", "StringEqualsIgnoreCase"), aud()),
        ),
        ("a star under StringEquals, elsewhere", "subject-differs", write, when(sub(f"{ns}web:*"), aud())),
        ("a space in front", "white-space", write, when(sub(f" {SUBJECT}"), aud())),
        ("a space behind", "white-space", write, when(sub(f"{SUBJECT} "), aud())),
        ("a line break behind", "white-space", write, when(sub(f"{SUBJECT}\n"), aud())),
        ("a tab inside", "white-space", write, when(sub(f"{ns}\tpayments:api"), aud())),
        ("a no-break space", "white-space", write, when(sub(f"{SUBJECT}\u00a0"), aud())),
        ("an ideographic space", "white-space", write, when(sub(f"\u3000{SUBJECT}"), aud())),
        ("a zero-width space", "invisible-character", write, when(sub(f"{ns}pay\u200bments:api"), aud())),
        ("a zero-width joiner", "invisible-character", write, when(sub(f"{SUBJECT}\u200d"), aud())),
        ("a byte order mark", "invisible-character", write, when(sub(f"\ufeff{SUBJECT}"), aud())),
        ("a soft hyphen", "invisible-character", write, when(sub(f"{ns}pay\u00adments:api"), aud())),
        ("a mark of direction", "invisible-character", write, when(sub(f"\u202a{SUBJECT}"), aud())),
        ("a control character", "invisible-character", write, when(sub(f"{SUBJECT}\u0007"), aud())),
        ("quotes inside", "quotes-in-value", write, when(sub(f'"{SUBJECT}"'), aud())),
        ("apostrophes inside", "quotes-in-value", write, when(sub(f"'{SUBJECT}'"), aud())),
        ("smart quotes inside", "quotes-in-value", write, when(sub(f"“{SUBJECT}”"), aud())),
        ("backticks inside", "quotes-in-value", write, when(sub(f"`{SUBJECT}`"), aud())),
        ("a Cyrillic a", "look-alike-character", write, when(sub(f"{ns}p\u0430yments:api"), aud())),
        ("a Greek omicron", "look-alike-character", write, when(sub(SUBJECT.replace("o", "\u03bf")), aud())),
        ("a full-width colon", "look-alike-character", write, when(sub(SUBJECT.replace(":", "\uff1a")), aud())),
        ("a letter with an accent", "look-alike-character", write, when(sub(f"{ns}páyments:api"), aud())),
        ("two subjects with a comma", "several-values-in-one", write, when(sub(f"{SUBJECT},{ns}web:front"), aud())),
        ("two subjects with a space", "several-values-in-one", write, when(sub(f"{SUBJECT} {ns}web:front"), aud())),
        (
            "two subjects with a semicolon",
            "several-values-in-one",
            write,
            when(sub(f"{SUBJECT}; {ns}web:front"), aud()),
        ),
        ("two subjects with a bar", "several-values-in-one", write, when(sub(f"{SUBJECT}|{ns}web:front"), aud())),
        (
            "a regular expression for any",
            "regular-expression",
            write,
            when(sub(f"{ns}payments:.*", "StringLike"), aud()),
        ),
        ("a regular expression with anchors", "regular-expression", write, when(sub(f"^{SUBJECT}$"), aud())),
        ("a regular expression of two", "regular-expression", write, when(sub(f"{ns}payments:(api|web)"), aud())),
        (
            "a regular expression of a class",
            "regular-expression",
            write,
            when(sub(f"{ns}[a-z]+:api", "StringLike"), aud()),
        ),
        ("the audience under sub", "audience-under-sub", AUD, when(sub(AUDIENCE))),
        ("sub and aud exchanged", "subject-under-aud", SUB, when({"StringEquals": {SUB: AUDIENCE, AUD: SUBJECT}})),
        ("the service account under aud", "subject-under-aud", SUB, when(aud(SUBJECT))),
        (
            "a placeholder of Terraform",
            "placeholder-in-value",
            write,
            when(sub("system:serviceaccount:${var.ns}:api"), aud()),
        ),
        (
            "a placeholder of Helm",
            "placeholder-in-value",
            write,
            when(sub("system:serviceaccount:{{ .ns }}:api"), aud()),
        ),
        (
            "a placeholder of a manual",
            "placeholder-in-value",
            write,
            when(sub("system:serviceaccount:<ns>:api"), aud()),
        ),
        (
            "a variable without a value",
            "variable-without-value",
            write,
            when(sub("${aws:username}", "StringLike"), aud()),
        ),
        ("it is excluded", "condition-excludes", "Remove the value", when(RIGHT, sub(SUBJECT, "StringNotEquals"))),
        (
            "its namespace is excluded",
            "condition-excludes",
            "Remove the value",
            when(RIGHT, sub(f"{ns}payments:*", "StringNotLike")),
        ),
    )
