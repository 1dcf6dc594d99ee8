"""The current IAM: what the file says, and what the active faults make of it."""

from collections.abc import Callable
from dataclasses import replace

from sidecar.lab.aws.iam import Iam, IamRole
from sidecar.lab.aws.iam_yaml import parse_iam
from sidecar.lab.faults import Faults, changed_policy
from sidecar.lab.state import ReloadedFile, StateDirectory
from sidecar.lab.yaml_file import BadFile


class IamFile:
    """`iam.yaml`, read again when it changes. While its content is unusable, the last good content stays in force."""

    def __init__(self, state: StateDirectory) -> None:
        self._file = ReloadedFile(state.iam, lambda content: parse_iam(content.decode(), state.iam.name))
        self._good: Iam | None = None
        self.trouble: BadFile | None = None

    def current(self) -> Iam:
        """Raises BadFile if no content was usable yet."""
        try:
            self._good = self._file.current()
            self.trouble = None
        except BadFile as error:
            self.trouble = error
            if self._good is None:
                raise
        return self._good


def with_faults(faults: Faults, iam: IamFile) -> Callable[[], Iam]:
    """A function that gives the current IAM with the active faults applied."""

    def current() -> Iam:
        found = iam.current()
        if faults.get("provider-removed") is not None:
            found = replace(found, providers=())
        if faults.get("role-deleted") is not None:
            found = replace(found, roles=())
        policy = faults.get("policy-changed")
        return found if policy is None else replace(found, roles=tuple(_changed(role, policy) for role in found.roles))

    return current


def _changed(role: IamRole, policy: str) -> IamRole:
    principals = (principal for statement in role.policy.statements for principal in statement.principals)
    federated = next((principal.name for principal in principals if principal.kind == "Federated"), "")
    return replace(role, policy=changed_policy(federated, policy))
