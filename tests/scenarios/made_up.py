"""Accounts, policies and tokens made up at random, and the lab's STS asked without HTTP; the keys are at hand."""

import json
import random
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from sidecar import trust
from sidecar.explain import Question
from sidecar.explain.question import IamLocation, OidcProvider
from sidecar.lab.aws.answers import StsRefusal
from sidecar.lab.aws.arns import parse_role_arn
from sidecar.lab.aws.iam import Iam, IamOidcProvider, IamRole
from sidecar.lab.aws.operations import Operations
from sidecar.lab.aws.sessions import Sessions
from sidecar.lab.aws.token_verification import IssuerKeys, no_key
from tests.explain.asking import ACCOUNT, AUDIENCE, CLUSTER, NOW, OLD_CLUSTER, OTHER_ACCOUNT, ROLE, SUBJECT

GITHUB, GOOGLE = "token.actions.githubusercontent.com", "accounts.google.com"
INSIDE = "kubernetes.default.svc.cluster.local"
SESSION = "payments.api-0"
Json = dict[str, Any]


def arn(issuer: str = CLUSTER, account: str = ACCOUNT, partition: str = "aws") -> str:
    return f"arn:{partition}:iam::{account}:oidc-provider/{issuer}"


# --- tokens ------------------------------------------------------------------------------------------------------

REPOSITORY = {
    "iss": f"https://{GITHUB}",
    "sub": "repo:acme/shop:ref:refs/heads/main",
    "repository": "acme/shop",
    "ref": "refs/heads/main",
}
TAGS = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["pay"]}, "transitive_tag_keys": ["team"]}}
CLAIMS: tuple[Json, ...] = (
    {},
    {"sub": "system:serviceaccount:payments:other"},
    {"sub": "system:serviceaccount:web:front"},
    {"aud": ["vault"]},
    {"aud": [AUDIENCE, "vault"]},
    {"aud": [AUDIENCE, "vault"], "azp": AUDIENCE},
    {"aud": ["https://kubernetes.default.svc"]},
    {"aud": ["pods.eks.amazonaws.com"]},
    {"aud": [f"https://{CLUSTER}"]},
    {"aud": None},
    {"exp": int(NOW) - 1},
    {"iat": int(NOW) - 90_000, "exp": int(NOW) + 60},
    {"nbf": int(NOW) + 60},
    {"iss": f"https://{OLD_CLUSTER}"},
    {"iss": f"https://{CLUSTER}/"},
    {"iss": f"https://{INSIDE}"},
    {"iss": "https://10.0.0.1:6443"},
    {"amr": ["authenticated", "x"]},
    TAGS,
    {"https://aws.amazon.com/tags/principal_tags/team": "pay"},
    {"https://aws.amazon.com/source_identity": "ann"},
    REPOSITORY,
    REPOSITORY | {"ref": "refs/pull/7/merge", "sub": "repo:acme/shop:pull_request"},
    REPOSITORY | TAGS,
    {"iss": f"https://{GOOGLE}", "sub": "1234567890", "aud": "app", "azp": "party"},
)


@dataclass(frozen=True)
class Signed:
    """A token, and what its issuer would publish."""

    text: str
    issuer: str


KEY = ec.generate_private_key(ec.SECP256R1())
PUBLISHED = {"kid": "k1", **json.loads(jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key()))}


def signed(claims: Json) -> Signed:
    times = {"iat": int(NOW) - 60, "nbf": int(NOW) - 60, "exp": int(NOW) + 3000}
    usual = {"iss": f"https://{CLUSTER}", "sub": SUBJECT, "aud": [AUDIENCE], "kubernetes.io": {"namespace": "payments"}}
    whole: Json = {**usual, **times, **claims}
    whole = {name: value for name, value in whole.items() if value is not None}
    return Signed(jwt.encode(whole, KEY, "ES256", {"kid": "k1"}), str(whole["iss"]))


TOKENS = [signed(claims) for claims in CLAIMS]


class Keys(IssuerKeys):
    """The keys of all issuers that AWS can reach."""

    def __init__(self) -> None:
        """No network."""

    async def find(self, issuer: str, kid: str) -> Mapping[str, Any]:  # noqa: ARG002 (all have one key)
        if INSIDE in issuer or "//10." in issuer:
            raise no_key("AWS reaches no such host.")
        return PUBLISHED


# --- policies ----------------------------------------------------------------------------------------------------

OPERATORS = (
    *("StringEquals",) * 6,
    *("StringLike",) * 3,
    *("StringNotEquals", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "ArnLike"),
    *("ForAnyValue:StringEquals", "ForAllValues:StringLike", "ForAnyValue:StringNotEquals"),
    *("StringEqualsIfExists", "StringNotLikeIfExists", "ForAllValues:StringEqualsIfExists"),
    *("Null", "Bool", "IpAddress", "NumericLessThan", "DateGreaterThan"),
)
KEYS = (
    *(f"{CLUSTER}:sub",) * 6,
    *(f"{CLUSTER}:aud",) * 4,
    *(f"{CLUSTER}:SUB", f"https://{CLUSTER}:sub", f"{OLD_CLUSTER}:sub", f"{CLUSTER}/:sub", f"{CLUSTER}:amr"),
    *(f"{CLUSTER}:oaud", f"{CLUSTER}:kubernetes.io/namespace", "sub", f"{CLUSTER}/sub", f"{arn()}:sub"),
    *(f"{GITHUB}:sub", f"{GITHUB}:repository", f"{GITHUB}:ref", f"{GITHUB}:aud", f"{GITHUB}:head_ref"),
    *(f"{GOOGLE}:aud", f"{GOOGLE}:oaud", f"{GOOGLE}:sub", "${issuer}:sub"),
    *("aws:SourceArn", "aws:SourceAccount", "aws:MultiFactorAuthPresent", "aws:PrincipalOrgID", "aws:PrincipalArn"),
    *("sts:ExternalId", "sts:RoleSesionName", "sts:RoleSessionName", "sts:SourceIdentity", "aws:RequestTag/team"),
    *("aws:TagKeys", "sts:TransitiveTagKeys", "aws:SecureTransport", "aws:CurrentTime"),
    *("aws:SourceIp", "aws:SourceVpce", "iam:ResourceTag/team"),
)
VALUES: tuple[str | list[str], ...] = (
    *(SUBJECT,) * 5,
    *(AUDIENCE,) * 4,
    *("system:serviceaccount:payments:*", "system:*", "*", "?*", "*:*", "repo:*", "repo:acme/shop:*", "sts.*"),
    *(SUBJECT.upper(), f" {SUBJECT}", "payments:api", f"{SUBJECT},x:y", "${sts:RoleSessionName}", "${aws:username}"),
    *("${aws:SourceIp}", "acme/shop", "refs/heads/main", "pay", "team", "ann", SESSION, "party", "app", "1234567890"),
    *(["system:serviceaccount:web:front", SUBJECT], ["vault", AUDIENCE], ["x"], "true", "false", "vault"),
)
OF_THEIR_OWN: Mapping[str, tuple[str, ...]] = {
    "Null": ("true", "false"),
    "Bool": ("true", "false"),
    "IpAddress": ("10.0.0.0/8",),
    "NumericLessThan": ("5",),
    "DateGreaterThan": ("2020-01-01T00:00:00Z", "2060-01"),
}
PRINCIPALS: tuple[Any, ...] = (
    *({"Federated": arn()},) * 12,
    *({"Federated": arn(GITHUB)},) * 3,
    *({"Federated": GOOGLE}, {"Federated": arn(f"{CLUSTER}/")}, {"Federated": arn(OLD_CLUSTER)}),
    *({"Federated": arn(account=OTHER_ACCOUNT)}, {"Federated": arn(partition="aws-cn")}),
    *({"Federated": [arn(OLD_CLUSTER), arn()]}, {"Federated": CLUSTER}, {"Federated": arn(f"https://{CLUSTER}")}),
    *({"Service": "pods.eks.amazonaws.com"}, {"AWS": ACCOUNT}, {"AWS": "*"}, "*"),
)
ACTIONS = (
    *("sts:AssumeRoleWithWebIdentity",) * 5,
    *("sts:*", "*", "sts:AssumeRole", "sts:AssumeRole*", "STS:assumerolewithwebidentity"),
    ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
    ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
)


def a_statement(rng: random.Random) -> Json:
    conditions: dict[str, Json] = {}
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3))):
        operator = rng.choice(OPERATORS)
        conditions.setdefault(operator, {})[rng.choice(KEYS)] = rng.choice(OF_THEIR_OWN.get(operator, VALUES))
    return {
        "Effect": rng.choice(("Allow",) * 6 + ("Deny",)),
        "Principal": rng.choice(PRINCIPALS),
        rng.choice(("Action",) * 12 + ("NotAction",)): rng.choice(ACTIONS),
        "Condition": conditions,
    }


def a_policy(rng: random.Random) -> str:
    statements = [a_statement(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
    version = {"Version": rng.choice(("2012-10-17",) * 5 + ("2008-10-17",))}
    return json.dumps(version | {"Statement": statements})


PROVIDERS = (
    *((CLUSTER, GITHUB),) * 5,
    (CLUSTER, f"{CLUSTER}/", OLD_CLUSTER, INSIDE, "10.0.0.1:6443", GITHUB),
    (f"{CLUSTER}/",),
)
CLIENT_IDS = (*((AUDIENCE,),) * 5, (AUDIENCE, "vault", f"https://{CLUSTER}"), ("sigstore",))
ROLES = (*(ROLE,) * 10, ROLE.replace(ACCOUNT, OTHER_ACCOUNT), f"arn:aws:iam::{ACCOUNT}:role/api", "api")


@dataclass(frozen=True)
class World:
    """One account, one role, one call's target."""

    policy: str
    providers: tuple[str, ...]
    client_ids: tuple[str, ...]
    role_arn: str

    def question(self, token: Signed) -> Question:
        return Question(
            token=token.text,
            policy=self.policy,
            policy_of=ROLE,
            now=NOW,
            role_arn=self.role_arn,
            providers=tuple(OidcProvider(name, IamLocation("aws", ACCOUNT)) for name in self.providers),
            client_ids=self.client_ids,
            session_name=SESSION,
        )

    def operations(self) -> Operations:
        providers = tuple(
            IamOidcProvider(f"https://{name}", ACCOUNT, "aws", self.client_ids) for name in self.providers
        )
        iam = Iam(providers, (IamRole(parse_role_arn(ROLE), trust.parse(self.policy)),))
        return Operations(lambda: iam, Sessions(b"0" * 32), Keys())


def worlds(seed: int, count: int) -> Iterator[World]:
    rng = random.Random(seed)
    for _ in range(count):
        yield World(a_policy(rng), rng.choice(PROVIDERS), rng.choice(CLIENT_IDS), rng.choice(ROLES))


def at_once(work: Coroutine[Any, Any, object]) -> object:
    """The result of something asynchronous that never waits."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


def code_of_the_lab(operations: Operations, world: World, token: Signed, source_ip: str) -> str:
    form = {"RoleArn": world.role_arn, "RoleSessionName": SESSION, "WebIdentityToken": token.text}
    try:
        at_once(operations.assume_role_with_web_identity(form, NOW, source_ip))
    except StsRefusal as refusal:
        return refusal.code
    return ""


def claims_of(token: Signed) -> Any:
    return jwt.decode(token.text, options={"verify_signature": False})
