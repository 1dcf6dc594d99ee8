"""What a token's `aud` reveals: audiences that people confuse with STS's, and tokens that are meant for other services.

Pure, and used wherever a token is judged: by the serving process when STS refuses, by `explain` and `doctor` before.
"""

from sidecar.core.issuers import GITHUB

STS = "sts.amazonaws.com"
"""In every region and partition: it is what the EKS webhook asks for, and not the name of a host."""
POD_IDENTITY = "pods.eks.amazonaws.com"
_API_SERVER = ("kubernetes.default.svc", "kubernetes.svc.default")


def remark(audience: str) -> str:
    """What is odd about an audience, as a clause; "" for one that nobody mistakes for STS's."""
    plain = audience.strip().casefold().removeprefix("https://").removesuffix("/")
    if audience == STS or not plain.startswith("sts."):
        return ""
    if plain == STS:
        return f"it must be exactly {STS}"
    if audience == f"{STS}.cn":
        return f"in China too it is {STS}; endpoints and ARNs differ there, the audience does not"
    if audience.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return f"this is a regional endpoint; the audience is {STS} in every region"
    return f"this looks like a misspelled {STS}"


def ask_for(audience: str, issuer: str) -> str:
    """How to get a token with another audience from this issuer, as a clause."""
    if issuer.startswith(GITHUB):
        return f"give the workflow's step audience: {audience}"
    if issuer == "accounts.google.com":
        return f"request the token for the client {audience}"
    return f"project the token with audience {audience}"


def is_for_the_api_server(audience: str) -> bool:
    """The audience of a pod's default token, in which the cluster names itself."""
    host = audience.removeprefix("https://")
    return any(host == name or host.startswith(name + ".") for name in _API_SERVER)


def meant_for_another(audience: str, issuer: str) -> str:
    """Whose token this is, as a clause; "" if it may be STS's."""
    if audience == POD_IDENTITY:
        return "it is EKS Pod Identity's, not IRSA's"
    if audience == issuer:
        return "it is the issuer itself, as in a pod's token for the API server"
    if is_for_the_api_server(audience):
        return "it is the pod's token for the API server (/var/run/secrets/kubernetes.io/serviceaccount/token)"
    return ""
