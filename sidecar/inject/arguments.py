"""The arguments that describe the sidecar, for each command that adds it to pods."""

import argparse
from functools import partial
from typing import Any

from sidecar import __version__
from sidecar.core import audiences
from sidecar.inject.options import PULL_POLICIES, USUAL_EXPIRATION, Options
from sidecar.inject.resources import USUAL_LIMITS, USUAL_REQUESTS, Resources
from sidecar.terminal.files import BadArguments as BadArguments  # noqa: PLC0414 (for those who parse these arguments)


def add_sidecar_options(group: argparse._ArgumentGroup, before_default: str = "") -> None:
    """Options that are the same for every pod. `before_default`: what decides on the token where no option does."""
    add = group.add_argument
    add("--region", default="", metavar="REGION", help="the region whose STS is called; set for the applications too")
    add("--image", default=f"irsa-sidecar:{__version__}", metavar="IMAGE", help="[%(default)s]")
    add(
        "--audience",
        metavar="NAME",
        help=f"the token's audience [{before_default}{audiences.STS}, in every partition]",
    )
    life = (
        f"lifetime of the token, 600 to 86400; a pod's annotation goes before it [{before_default}{USUAL_EXPIRATION}]"
    )
    add("--token-expiration", type=int, metavar="SECONDS", help=life)
    each = partial(add, action="append", default=[])
    each("--set", metavar="NAME=VALUE", help="a further setting of the sidecar; repeatable")
    _add_pod_options(group)


def _add_pod_options(group: argparse._ArgumentGroup) -> None:
    """Options about the sidecar's share of the node, its image and its pod."""
    add = group.add_argument
    usual = {"--requests": USUAL_REQUESTS, "--limits": USUAL_LIMITS}
    for flag, resources in usual.items():
        known = ",".join(f"{name}={value}" for name, value in resources.items())
        text = f"the sidecar's resource {flag.strip('-')}, beside [{known}]; `none` removes one"
        add(flag, default="", metavar="NAME=QUANTITY,...", help=text)
    add("--image-pull-policy", default="", metavar="POLICY", help=" or ".join(PULL_POLICIES))
    add(
        "--image-pull-secret",
        action="append",
        default=[],
        metavar="NAME",
        help="a Secret of the namespace for the image's registry, added to the pod; repeatable",
    )
    add("--priority-class", default="", metavar="NAME", help="the pod's PriorityClass, where it names none")


def described(given: argparse.Namespace, **more: Any) -> Options:
    """What these arguments describe, with further options. Raises `BadOptions`, `BadArguments`."""
    return Options(
        region=given.region,
        image=given.image,
        audience=audiences.STS if given.audience is None else given.audience,
        token_expiration=USUAL_EXPIRATION if given.token_expiration is None else given.token_expiration,
        settings=dict(_setting(text) for text in given.set),
        resources=Resources(_resources(given.requests, "--requests"), _resources(given.limits, "--limits")),
        image_pull_policy=given.image_pull_policy,
        image_pull_secrets=tuple(dict.fromkeys(given.image_pull_secret)),
        priority_class=given.priority_class,
        **more,
    )


def _resources(text: str, flag: str) -> dict[str, str]:
    """Raises `BadArguments`."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    for name, equals, value in pairs:
        if not equals or not value:
            raise BadArguments(f"{flag} {name}: there is no quantity; write {flag} memory=64Mi.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadArguments(f"--set {name}: there is no value; write --set NAME=VALUE.")
    return name, value
