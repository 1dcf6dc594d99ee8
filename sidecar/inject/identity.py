"""As whom a pod is to call AWS: its role, and its token's audience and life, from options and annotations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sidecar.core.arns import RoleArn, role_arn_parser
from sidecar.core.findings import Finding, Level
from sidecar.inject.names import EXPIRATION_ANNOTATION, POD_ROLE_ANNOTATION, ROLE_ANNOTATION
from sidecar.inject.options import MAXIMUM_EXPIRATION, MINIMUM_EXPIRATION, BadOptions, Options
from sidecar.inject.surroundings import Account
from sidecar.inject.workloads import Workload, mapping, service_account, text


@dataclass(frozen=True, slots=True)
class Identity:
    """The role, and the options with the token's audience and life of this pod; what is wrong, or should be known."""

    role_arn: str
    options: Options
    findings: tuple[Finding, ...] = ()


def identity_of(workload: Workload, options: Options) -> Identity:
    """What the pod says of itself goes before the options, and these before what its service account says."""
    if options.pod_identity:
        return Identity("", options)
    own = text(_annotations(workload), POD_ROLE_ANNOTATION).strip()
    accounts = _accounts(workload, options)
    wanted = {
        replace(each, namespace="", role_arn="" if own or options.role_arn else each.role_arn) for each in accounts
    }
    if len(wanted) > 1:
        return Identity("", options, (_finding(workload, Level.ERROR, _ambiguous(accounts)),))
    account = accounts[0] if accounts else Account("", "")
    role_arn = own or options.role_arn or account.role_arn
    if not role_arn:
        return Identity("", options, (_finding(workload, Level.ERROR, _NO_ROLE),))
    try:
        role = role_arn_parser(options.config.endpoint_url)(role_arn)
        asked, caution = _with_token(workload, options, account)
    except ValueError as error:
        about = f"{role_arn!r} " if not isinstance(error, BadOptions) else ""
        return Identity("", options, (_finding(workload, Level.ERROR, f"{about}{error}."),))
    cautions = [*_about_role(role, options), *_about_account(account), *caution]
    return Identity(role_arn, asked, tuple(_finding(workload, Level.WARNING, each) for each in cautions))


_NO_ROLE = (
    f"--role-arn: required, for the pod has no annotation {POD_ROLE_ANNOTATION}, and no ServiceAccount of its in these "
    f"files has the annotation {ROLE_ANNOTATION}."
)


def _annotations(workload: Workload) -> Mapping[str, Any]:
    return mapping(mapping(workload.pod, "metadata"), "annotations")


def _accounts(workload: Workload, options: Options) -> list[Account]:
    """Those that the pod may run as: of its namespace, or where a namespace is not written, of any."""
    name = service_account(mapping(workload.pod, "spec")) or "default"
    called = [account for account in options.surroundings.accounts if account.name == name]
    exact = [account for account in called if account.namespace == workload.namespace]
    return exact or [account for account in called if not account.namespace or not workload.namespace]


def _ambiguous(accounts: list[Account]) -> str:
    places = sorted({account.namespace or "none" for account in accounts})
    if len(places) == 1:
        return f"ServiceAccount {accounts[0].name} is there twice, with different annotations; leave out one."
    return (
        f"ServiceAccount {accounts[0].name} is there for the namespaces {', '.join(places)}, with different "
        "annotations; write the workload's metadata.namespace, or pass --role-arn, --audience and --token-expiration."
    )


def _with_token(workload: Workload, options: Options, account: Account) -> tuple[Options, list[str]]:
    """The options as annotations want the token. Raises `BadOptions`."""
    expiration = str(_annotations(workload).get(EXPIRATION_ANNOTATION) or account.token_expiration)
    if not (account.audience or expiration):
        return options, []
    asked = replace(options, audience=account.audience or options.audience)
    if not expiration:
        return asked, []
    if not expiration.isdecimal():
        return asked, [f"the annotation {EXPIRATION_ANNOTATION} is {expiration!r}, not a number of seconds; not used."]
    allowed = min(max(int(expiration[:9]), MINIMUM_EXPIRATION), MAXIMUM_EXPIRATION)
    return replace(asked, token_expiration=allowed), []


def _about_role(role: RoleArn, options: Options) -> Iterator[str]:
    if not role.is_in_aws_form:
        yield (
            f"{role} is not in AWS's form of a role's ARN: right for an STS server other than AWS's, a mistake "
            f"otherwise. AWS_ENDPOINT_URL_STS is {options.config.endpoint_url}."
        )


def _about_account(account: Account) -> Iterator[str]:
    if account.role_arn:
        yield (
            f"ServiceAccount {account.name} has the annotation {ROLE_ANNOTATION}: where the EKS webhook runs, "
            "it sets AWS_WEB_IDENTITY_TOKEN_FILE, and most SDKs then never call the sidecar. Remove the annotation; "
            "the role is in the sidecar now."
        )


def _finding(workload: Workload, level: Level, message: str) -> Finding:
    return Finding(level=level, where=(*workload.path, "spec", "serviceAccountName"), message=f"{workload}: {message}")
