"""Where a profile's role alone is served, and whether others could get it there."""

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.faces.registry import CONTAINER, ECS, IMDS, FaceSpec
from sidecar.http.addresses import Address, UnixAddress
from sidecar.settings import rules
from sidecar.settings.complaints import BadSetting
from sidecar.settings.profile import Profile
from sidecar.settings.profile_sts import KEY_OF, PlainSettings, placed


def own_addresses(profile: Profile, plain: PlainSettings) -> dict[FaceSpec, tuple[Address, ...]]:
    keys, values = profile.keys, plain.values
    given = {CONTAINER: keys.listen, ECS: keys.ecs_listen, IMDS: keys.imds_listen}
    return {face: rules.with_access(addresses, values) for face, addresses in given.items() if addresses is not None}


def unprotected(profile: Profile, plain: PlainSettings) -> Iterator[BadSetting]:
    """Complaints about addresses where others would be given the role."""
    listen = own_addresses(profile, plain)
    values: dict[str, Any] = {face.setting: addresses for face, addresses in listen.items()}
    tokens = {name: plain.values.get(name) for name in ("SIDECAR_AUTH_TOKEN", "SIDECAR_AUTH_TOKEN_FILE")}
    own = {"SIDECAR_AUTH_TOKEN_FILE": profile.keys.auth_token_file} if profile.keys.auth_token_file else {}
    for complaint in rules.exposed(values | tokens | own):
        yield placed(complaint, profile)
    if profile.keys.auth_token_file:
        yield from _past_the_token(profile, listen)


def _past_the_token(profile: Profile, listen: Mapping[FaceSpec, tuple[Address, ...]]) -> Iterator[BadSetting]:
    for face, addresses in listen.items():
        open_to_all = [address for address in addresses if not isinstance(address, UnixAddress)]
        if open_to_all and not face.protected:
            problem = (
                "would give the role to every container of the pod, past sidecar_authorization_token_file: its "
                "clients send no token; take one of the two out."
            )
            yield profile.complaint(KEY_OF[face.setting], problem, value=repr(str(open_to_all[0])))
