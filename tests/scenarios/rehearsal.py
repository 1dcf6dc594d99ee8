"""One mistake in a running lab: IAM and token are spoilt, and the real exchange is refused."""

import json
import time

import pytest

from sidecar.core.claims import unverified_claims
from sidecar.core.clock import SystemClock
from sidecar.core.errors import ExchangeFailed
from sidecar.core.model import Credentials, Token
from sidecar.explain import Question
from sidecar.sts.exchange import StsCall, StsExchange, sts_session
from sidecar.sts.tls import tls_context
from tests.explain.asking import ROLE, SUBJECT
from tests.explain.mistakes import Mistake
from tests.lab.worlds import World


class Rehearsal:
    """The lab after `mistake` was made."""

    def __init__(self, mistake: Mistake, world: World) -> None:
        self.mistake = mistake
        self.world = world
        self.issuer = world.lab.issuer_url
        self.token = world.token(**{"sub": SUBJECT} | mistake.claims)
        self.trust(mistake.policy(self.issuer))
        if mistake.fault:
            world.lab.faults.start(mistake.fault)

    def trust(self, policy: object) -> None:
        """The role's trust policy from now on."""
        role = {"arn": ROLE, "trustPolicy": policy}
        iam = {"providers": [self.mistake.oidc_provider(self.issuer)], "roles": [role]}
        self.world.lab.state.iam.write_text(json.dumps(iam))

    async def exchange(self) -> Credentials:
        call = StsCall(endpoint=self.world.lab.sts_url, role_arn=self.mistake.role_arn, duration=3600)
        async with sts_session(tls_context(None)) as http:
            return await StsExchange(http, call, SystemClock())(Token(self.token, unverified_claims(self.token)))

    async def refusal(self) -> ExchangeFailed:
        with pytest.raises(ExchangeFailed) as refused:
            await self.exchange()
        return refused.value

    def question(self) -> Question:
        message = self.world.answers[-1].message if self.mistake.fault else ""
        return self.mistake.question(self.issuer, self.token, time.time(), message)
