"""What the roles of one sidecar mean only together: who listens where, who writes what, who could pass by a token."""

from collections.abc import Iterator

from sidecar.core.variables import AUTHORIZATION_FILE
from sidecar.faces.registry import CONTAINER, ECS, FACES, IMDS, FaceSpec
from sidecar.http.addresses import Address, UnixAddress
from sidecar.settings import rules
from sidecar.settings.complaints import BadSetting
from sidecar.settings.container_source import unusable_endpoint
from sidecar.settings.places import section_place
from sidecar.settings.roles import ContainerSettings, CredentialsFileSettings, RoleSet, RoleSettings
from sidecar.settings.rules import Named, Values

KEY_OF: dict[FaceSpec, str] = {CONTAINER: "sidecar_listen", ECS: "sidecar_ecs_listen", IMDS: "sidecar_imds_listen"}

CONFIG_FILE = "AWS_CONFIG_FILE"
TOKEN_FILE, WRITTEN, TRUSTED = "web_identity_token_file", "sidecar_credentials_file", "ca_bundle"
AUTHORIZATION = "sidecar_authorization_token_file"
SHARED = {
    TOKEN_FILE: "AWS_WEB_IDENTITY_TOKEN_FILE",
    WRITTEN: "SIDECAR_CREDENTIALS_FILE",
    TRUSTED: "AWS_CA_BUNDLE",
}
"""What a role may have of its own, and the variable that is its default."""


def across(roles: RoleSet, values: Values) -> Iterator[BadSetting]:
    """Complaints about two things that want one place, ways past the default role's own token, and loops."""
    own = tuple(_addresses(roles, values))
    for role in roles:
        yield from unusable_endpoint(role, (*rules.addresses(values), *own))
    yield from rules.taken_twice((*rules.addresses(values), *own))
    yield from rules.colliding((*rules.paths(values), *rules.sockets(own), *_files(roles, values)))
    yield from _one_section_twice(roles, values)
    yield from _written_elsewhere(roles.default_role, values)
    yield from _past_the_token(roles.default_role, values)


def _place(role: RoleSettings, key: str, values: Values) -> str:
    return f"{section_place(values.get(CONFIG_FILE), role.name)} {key}"


def _addresses(roles: RoleSet, values: Values) -> Iterator[Named[Address]]:
    """Each address of a role's own."""
    for role in roles:
        for face, addresses in role.listen.items():
            for address in addresses:
                yield _place(role, KEY_OF[face], values), address


def _files(roles: RoleSet, values: Values) -> Iterator[Named[str]]:
    """Each file of a role's own. Roles may share a projected token, a credentials file, CAs and a policy: of those
    each once.
    """
    seen = {(key, values.get(variable)) for key, variable in SHARED.items()}
    yield from ((f"{values.get(CONFIG_FILE)}: sidecar_policy_file", str(path)) for path in dict.fromkeys(roles.files))
    for role in roles:
        written = role.credentials_file.path if role.credentials_file else None
        for key, path in ((TOKEN_FILE, role.token_file), (WRITTEN, written), (TRUSTED, role.ca_bundle)):
            if path is not None and (key, path) not in seen:
                seen.add((key, path))
                yield _setting_of(key, role, values), str(path)
        if role.auth_token_file:
            yield _place(role, AUTHORIZATION, values), str(role.auth_token_file)


def _setting_of(key: str, role: RoleSettings, values: Values) -> str:
    """Only a variable names the token of a container endpoint."""
    from_endpoint = key == TOKEN_FILE and isinstance(role.source, ContainerSettings)
    return AUTHORIZATION_FILE if from_endpoint else _place(role, key, values)


def _one_section_twice(roles: RoleSet, values: Values) -> Iterator[BadSetting]:
    """Complaints about two roles in one section of a credentials file."""
    used: dict[CredentialsFileSettings, str] = {}
    for role in roles:
        if (file := role.credentials_file) is None:
            continue
        if file in used:
            problem = f"has the section [{file.profile}] from {used[file]} already; give one of them another file."
            yield BadSetting(CONFIG_FILE, problem, given_by=_place(role, WRITTEN, values), value=repr(str(file.path)))
        used.setdefault(file, role.name)


def _written_elsewhere(role: RoleSettings, values: Values) -> Iterator[BadSetting]:
    """A complaint where the default role has two credentials files."""
    asked, own = values.get("SIDECAR_CREDENTIALS_FILE"), role.credentials_file
    if asked is not None and own is not None and own.path != asked:
        problem = f"is for the default role, whose profile names {own.path}; keep one of the two."
        yield BadSetting("SIDECAR_CREDENTIALS_FILE", problem, value=repr(str(asked)))


def _past_the_token(role: RoleSettings, values: Values) -> Iterator[BadSetting]:
    """Complaints about the shared listeners where the default role would be had without its own token."""
    if role.auth_token_file is None:
        return
    for face in FACES:
        open_to_all = [address for address in values.get(face.setting, ()) if not isinstance(address, UnixAddress)]
        if open_to_all and not face.protected:
            problem = (
                f"would give the role {role.name} to every container of the pod, past {AUTHORIZATION}: its clients "
                "send no token; turn it off, or name another default role."
            )
            yield BadSetting(face.setting, problem, value=repr(str(open_to_all[0])))
