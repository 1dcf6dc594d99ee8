"""IMDS for one role: the default one, or the one that has an address of its own."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.core.errors import NoSuchPath
from sidecar.core.ports import Clock
from sidecar.core.refresh import RefreshPolicy
from sidecar.faces.guards import Guard
from sidecar.faces.imds import ImdsFace
from sidecar.faces.imds_tokens import SessionTokens
from sidecar.faces.instance import Instance
from sidecar.faces.problems import problem
from sidecar.faces.registry import IMDS
from sidecar.http.addresses import Address
from sidecar.http.messages import Face, Repeatable, Reply, Request
from sidecar.roles.running_role import RunningRole
from sidecar.settings.config import Config


@dataclass(frozen=True, slots=True)
class MetadataFaces:
    """Makes what answers for a role. `host_name` names the pod."""

    config: Config
    clock: Clock
    policy: RefreshPolicy
    host_name: str

    def face(self, role: RunningRole, guard: Guard, tokens: SessionTokens) -> ImdsFace:
        config, sts = self.config, role.settings.sts
        region = (sts.region if sts else None) or config.region
        return ImdsFace(
            role.broker,
            guard,
            tokens,
            instance=Instance(role.settings.role_arn, self.host_name, region, config.availability_zone, role.name),
            v1=config.imds_v1,
            min_life=config.imds_min_life,
            policy=self.policy,
            now=self.clock.now,
            role=role.name,
        )

    def endpoint(self, role: str, addresses: tuple[Address, ...], guard: Guard) -> "MetadataEndpoint":
        """`role`: the one that alone is shown there, empty for the default."""
        return MetadataEndpoint(role, addresses, guard, self)


class MetadataEndpoint:
    """Shows the role that needs no name. IMDS's clients can present no token, so one that asks for one is not shown.

    The session tokens that clients hold stay good when another role takes the place.
    """

    spec = IMDS

    def __init__(self, role: str, addresses: tuple[Address, ...], guard: Guard, faces: MetadataFaces) -> None:
        self.role = role
        self.addresses = addresses
        self.face = SwitchedFace(NoRole())
        self._guard = guard
        self._faces = faces
        self._tokens = SessionTokens(secrets.token_bytes(), faces.clock.now)

    def show(self, roles: Sequence[RunningRole], default: str, rendered: object) -> None:  # noqa: ARG002 (an endpoint's signature)
        shown = next((role for role in roles if role.name == default and role.authorization is None), None)
        self.face.current = NoRole() if shown is None else self._faces.face(shown, self._guard, self._tokens)


class SwitchedFace:
    """A face in whose place another can be put while it is served."""

    name = IMDS.name

    def __init__(self, current: Face) -> None:
        self.current = current

    def answer(self, request: Request) -> Reply:
        asked = self.current
        reply = asked.answer(request)
        if isinstance(reply, Repeatable):
            return Repeatable(reply.response, lambda: self.current is asked and reply.holds())
        return reply


class NoRole:
    """Where there is none to show."""

    name = IMDS.name

    def answer(self, request: Request) -> Reply:  # noqa: ARG002 (a face's signature)
        return problem(
            NoSuchPath(
                "There is no role at this address.",
                fix="Its profile was taken out of AWS_CONFIG_FILE, or asks for an authorization token, which no client "
                "of IMDS can send: use AWS_CONTAINER_CREDENTIALS_FULL_URI.",
            )
        )
