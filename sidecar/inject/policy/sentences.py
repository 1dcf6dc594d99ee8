"""The CEL of lists of sentences about a pod and its containers."""

from sidecar.inject import names
from sidecar.inject.policy.cel import written

IS_SIDECAR = f"container.name == '{names.SIDECAR}'"
CONTAINERS = "(object.spec.?initContainers.orValue([]) + object.spec.containers)"


def when(condition: str, sentence: str) -> str:
    """That sentence or none."""
    return f"{condition}\n  ? [{written(sentence)}]\n  : []"


def variables(found: str, sentence: str) -> str:
    """A sentence, which is CEL, for each variable (`item`) of the containers for which `found` is true."""
    return in_containers("env", "item", found, f"item.name + ': ' + {sentence}")


def in_containers(key: str, each: str, found: str, sentence: str) -> str:
    """A sentence for each item of a list of the containers, but the sidecar's."""
    return f"""\
{CONTAINERS}
  .filter(container, !({IS_SIDECAR}))
  .map(container, container.?{key}.orValue([])
    .filter({each}, {found})
    .map({each}, 'container ' + container.name + ', {key}: ' + {sentence})
  ).flatten()"""
