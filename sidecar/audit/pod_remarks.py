"""Pods that do not run as their service account's annotation says."""

from collections.abc import Iterator

from sidecar.audit.cluster import Cluster, ClusterServiceAccount, RunningPod
from sidecar.audit.role_remarks import Observation
from sidecar.core.findings import Finding, warning


def about(cluster: Cluster) -> Iterator[Observation]:
    """The webhook changes a pod once, as it is created: an annotation says nothing to pods that are older."""
    for account in cluster.accounts:
        for pod in account.pods if account.role_arn else ():
            if finding := _out_of_step(account, pod):
                yield Observation(f"{cluster.name} {account.namespace}/{pod.name}", finding)


def _out_of_step(account: ClusterServiceAccount, pod: RunningPod) -> Finding | None:
    if account.role_arn in pod.roles or pod.hidden or (pod.skipped and not pod.roles):
        return None
    restart = f"Let its owner create it again: `kubectl delete pod -n {account.namespace} {pod.name}`"
    if pod.roles:
        return warning(
            "pod-has-another-role",
            f"The pod asks for {', '.join(pod.roles)}, its service account {account.name} is annotated with "
            f"{account.role_arn}: it started before the annotation was changed, or its manifest sets AWS_ROLE_ARN.",
            f"{restart}, or take AWS_ROLE_ARN out of its manifest.",
        )
    return warning(
        "pod-older-than-annotation",
        f"The pod has no AWS_ROLE_ARN, though its service account {account.name} is annotated with {account.role_arn}: "
        "it started before the annotation, or the pod identity webhook did not see it.",
        f"{restart}. If it then still has none, the webhook does not run.",
    )
