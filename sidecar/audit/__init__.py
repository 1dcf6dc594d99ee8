"""Every service account of whole clusters against every role of whole accounts, from files: who can assume what.

Each single answer is `explain`'s: this room only chooses which questions have to be asked.
"""

from sidecar.audit.cluster import Cluster, ClusterServiceAccount
from sidecar.audit.cross_examination import Audit, audit
from sidecar.audit.kubectl_output import NotACluster, cluster_from
from sidecar.audit.roles import AuditedRole, NotAnAccount, roles_from

__all__ = [
    "Audit",
    "AuditedRole",
    "Cluster",
    "ClusterServiceAccount",
    "NotACluster",
    "NotAnAccount",
    "audit",
    "cluster_from",
    "roles_from",
]
