"""Which service account has which role by EKS Pod Identity: `pod-identity.yaml`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sidecar.lab import yaml_file
from sidecar.lab.aws.arns import parse_role_arn
from sidecar.lab.state import ReloadedFile, StateDirectory
from sidecar.lab.yaml_file import BadFile

_KEYS = ("namespace", "serviceAccount", "roleArn")


@dataclass(frozen=True, slots=True)
class Association:
    """One role for one service account."""

    namespace: str
    service_account: str
    role_arn: str

    @property
    def subject(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.service_account}"


def default_text(role_arn: str) -> str:
    """A first file: one association."""
    return f"""\
# EKS Pod Identity associations. Edit this while the lab runs: it is read again when it changes.
associations:
  - namespace: default
    serviceAccount: old-app
    roleArn: {role_arn}
"""


def parse_associations(text: str, name: str = "pod-identity.yaml") -> tuple[Association, ...]:
    """Raises BadFile with every complaint and its line."""
    document = yaml_file.load(text, name)
    complaints = []
    found = []
    for index, item in enumerate(document.items("associations")):
        wrong = list(_complaints(item))
        complaints += [document.complain(complaint, "associations", index) for complaint in wrong]
        if not wrong:
            found.append(Association(item["namespace"], item["serviceAccount"], item["roleArn"]))
    subjects = [each.subject for each in found]
    if len(set(subjects)) < len(subjects):
        complaints.append(document.complain("a service account has one association; one has two", "associations"))
    if complaints:
        raise BadFile(complaints)
    return tuple(found)


def _complaints(item: Any) -> Iterator[str]:
    if not (isinstance(item, dict) and set(item) == set(_KEYS) and all(isinstance(item[key], str) for key in _KEYS)):
        yield f"an association has exactly {', '.join(_KEYS)}"
        return
    try:
        parse_role_arn(item["roleArn"])
    except ValueError as error:
        yield f"roleArn: {error}"


class AssociationsFile:
    """`pod-identity.yaml`, read again when it changes. While its content is unusable, the last good one holds."""

    def __init__(self, state: StateDirectory) -> None:
        path = state.associations
        self._file = ReloadedFile(path, lambda content: parse_associations(content.decode(), path.name))
        self._good: tuple[Association, ...] | None = None

    def current(self) -> tuple[Association, ...]:
        """Raises BadFile if no content was usable yet."""
        try:
            self._good = self._file.current()
        except BadFile:
            if self._good is None:
                raise
        return self._good
