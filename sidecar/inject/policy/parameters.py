"""The parameters of the policy: what a cluster's administrator changes without a new policy, in a ConfigMap."""

from collections.abc import Iterator
from dataclasses import replace

from sidecar.inject.names import EXPIRATION_ANNOTATION
from sidecar.inject.options import MAXIMUM_EXPIRATION, MINIMUM_EXPIRATION, Options
from sidecar.inject.policy.cel import CelNumber, CelText, CelTree

IMAGE, REGION, AUDIENCE, EXPIRATION = "image", "region", "audience", "tokenExpirationSeconds"
_RESOURCES = "resources."
"""The beginning of keys such as `resources.limits.memory`; there may be more of them than the policy was made with."""


def marked(options: Options) -> Options:
    """The same options, with each value that is a parameter marked by the expression that reads it."""
    return replace(
        options,
        image=CelText(options.image, f"params.data.{IMAGE}"),
        region=CelText(options.region, f"params.data.{REGION}") if options.region else "",
        audience=CelText(options.audience, f"params.data.{AUDIENCE}"),
        token_expiration=CelNumber(options.token_expiration, _EXPIRATION),
    )


ASKED_EXPIRATION = f"object.metadata.?annotations[?'{EXPIRATION_ANNOTATION}'].orValue('')"
"""What the pod says itself, which goes before the parameter."""
_DIGITS = 9
"""More than these are too many seconds anyhow, and too large a number for CEL."""
_SECONDS = (
    f"(asked.size() > {_DIGITS} || int(asked) > {MAXIMUM_EXPIRATION} ? {MAXIMUM_EXPIRATION}"
    f" : int(asked) < {MINIMUM_EXPIRATION} ? {MINIMUM_EXPIRATION} : int(asked))"
)
_EXPIRATION = (
    f"[{ASKED_EXPIRATION}].map(asked, asked.matches('^[0-9]+$') ? {_SECONDS} : int(params.data.{EXPIRATION}))[0]"
)


def resources() -> dict[str, CelTree]:
    """A container's resources."""
    return {kind: CelTree(_amounts(f"{_RESOURCES}{kind}.")) for kind in ("requests", "limits")}


def _amounts(begin: str) -> str:
    name = f"key.substring({len(begin)})"
    return f"params.data.transformMapEntry(key, amount, key.startsWith('{begin}'), {{{name}: amount}})"


def values(options: Options) -> dict[str, str]:
    """What the ConfigMap holds."""
    return {
        IMAGE: options.image,
        **({REGION: options.region} if options.region else {}),
        AUDIENCE: options.audience,
        EXPIRATION: str(options.token_expiration),
        **{
            f"{_RESOURCES}{kind}.{name}": amount
            for kind, amounts in options.resources.manifest().items()
            for name, amount in amounts.items()
        },
    }


def conditions(options: Options) -> Iterator[str]:
    """What the ConfigMap must satisfy, so that no pod is changed by half."""
    for key in (IMAGE, *((REGION,) if options.region else ()), AUDIENCE):
        yield f"params.?data[?'{key}'].orValue('') != ''"
    yield f"params.?data[?'{EXPIRATION}'].orValue('').matches('^[0-9]{{3,5}}$')"
    yield f"params.?data.orValue({{}}).all(key, !key.startsWith('{_RESOURCES}') || isQuantity(params.data[key]))"
