"""`explain --fix` under the lab's eyes: the token gets in, and nobody else's answer changes."""

import json
from dataclasses import replace

import pytest

from sidecar.explain import corrected, judge
from sidecar.lab.aws import token_verification
from tests.explain.asking import AUDIENCE, CLUSTER, OLD_CLUSTER, ROLE
from tests.scale import cases
from tests.scenarios.made_up import GITHUB, TOKENS, Signed, World, claims_of, code_of_the_lab, worlds


@pytest.fixture
def no_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of these tokens are well signed: that much need not be computed a hundred thousand times."""
    monkeypatch.setattr(token_verification, "check_signature", lambda token, key: None)


@pytest.mark.usefixtures("no_signatures")
@pytest.mark.parametrize("seed", range(100, 103))
def test_a_correction_lets_the_token_in_and_changes_the_answer_for_no_other_subject(seed: int) -> None:
    """By the lab, and never `CannotFix`: each of these policies could be stored."""
    providers = (CLUSTER, GITHUB, OLD_CLUSTER, f"{CLUSTER}/")
    for made_up in worlds(seed, cases(16, 3)):
        world = replace(made_up, role_arn=ROLE, providers=providers, client_ids=(AUDIENCE, "vault"))
        before = answers_in(world)
        for token in (token for token in TOKENS if before[token] in ("", "AccessDenied")):
            mended = replace(world, policy=json.dumps(corrected(world.question(token))))
            after = answers_in(mended)
            assert after[token] == "" or judge(mended.question(token)).depends_on, (world, claims_of(token))
            others = [other for other in TOKENS if subject_of(other) != subject_of(token)]
            assert [after[other] for other in others] == [before[other] for other in others], (world, claims_of(token))


def answers_in(world: World) -> dict[Signed, str]:
    operations = world.operations()
    return {token: code_of_the_lab(operations, world, token, "10.1.2.3") for token in TOKENS}


def subject_of(token: Signed) -> tuple[str, str]:
    claims = claims_of(token)
    return claims["iss"], claims["sub"]
