"""Each mistake that people make with IRSA, rehearsed whole: the lab answers as AWS, the sidecar says what it means and
when it will try again, and `explain` names it and mends it."""

from pathlib import Path

import pytest

from sidecar.core.errors import Retry, TokenRefused
from sidecar.explain import corrected, explain
from tests.explain.asking import ACCOUNT
from tests.explain.mistakes import MISTAKES, MISTAKES_OF_POLICIES, NOTHING_WRONG, Mistake, filled
from tests.lab.worlds import a_lab
from tests.scenarios.rehearsal import Rehearsal


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
async def test_a_mistake_is_refused_as_by_aws_classified_and_explained(mistake: Mistake, tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        rehearsal = Rehearsal(mistake, world)

        error = await rehearsal.refusal()
        assert (error.status, error.aws_code) == mistake.aws
        assert type(error) is mistake.ours
        assert error.retry is (Retry.NEW_TOKEN if mistake.ours is TokenRefused else Retry.SLOWLY)
        assert error.request_id == world.answers[-1].request_id
        assert error.fix

        told = explain(rehearsal.question())
        assert told.aws_code == mistake.aws[1]
        text = " ".join(f"{found.message} {found.fix}" for found in told.findings if found.code == mistake.code)
        assert [word for word in filled(mistake.words, rehearsal.issuer) if word not in text] == []


async def test_without_a_mistake_the_same_world_issues_credentials(tmp_path: Path) -> None:
    """Else the tests above could pass for a reason that has nothing to do with the mistake."""
    async with a_lab(tmp_path) as world:
        rehearsal = Rehearsal(NOTHING_WRONG, world)

        assert (await rehearsal.exchange()).assumed_role_arn.startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/api/")
        assert explain(rehearsal.question()).verdict.value == "allow"


@pytest.mark.parametrize("mistake", MISTAKES_OF_POLICIES, ids=str)
async def test_a_fixed_policy_is_let_in_by_the_lab(mistake: Mistake, tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world:
        rehearsal = Rehearsal(mistake, world)

        rehearsal.trust(corrected(rehearsal.question()))

        assert (await rehearsal.exchange()).assumed_role_arn
