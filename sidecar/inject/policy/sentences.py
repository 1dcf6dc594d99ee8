"""The CEL of lists of sentences about a pod and its containers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sidecar.inject import names
from sidecar.inject.policy.cel import written

IS_SIDECAR = f"container.name == '{names.SIDECAR}'"
CONTAINERS = "(object.spec.?initContainers.orValue([]) + object.spec.containers)"


def when(condition: str, sentence: str) -> str:
    """That sentence or none."""
    return f"{condition}\n  ? [{written(sentence)}]\n  : []"


@dataclass(frozen=True, slots=True)
class ContainerRule:
    """A sentence, which is CEL, for each item of a list of the containers but the sidecar's for which `found` is true.

    `key` is the list, `each` what an item is called in the CEL.
    """

    key: str
    each: str
    found: str
    sentence: str

    def __str__(self) -> str:
        return f"""\
{CONTAINERS}
  .filter(container, !({IS_SIDECAR}))
  .map(container, container.?{self.key}.orValue([])
    .filter({self.each}, {self.found})
    .map({self.each}, 'container ' + container.name + ', {self.key}: ' + {self.sentence})
  ).flatten()"""


_LONGEST = 5000
"""Bytes of a message. Kubernetes takes 5120, and none with a line break; it says `failed expression` then."""
_KEPT = 1200
"""Characters of a longer one, which have no more bytes than that."""


def message(sentences: str) -> str:
    """One text of a list of sentences, as Kubernetes takes it. An annotation that is quoted may have several lines."""
    fits = f"text.size() <= {_KEPT} || bytes(text).size() <= {_LONGEST}"
    cut = f"text.substring(0, {_KEPT}) + ' ... and more'"
    return f"[{sentences}.join('; ').replace('\\n', ' ')].map(text, {fits} ? text : {cut})[0]"


Rules = Mapping[str, str | ContainerRule]
"""Each by its name, which is that of a CEL variable. As a text, a rule is the CEL of a list of sentences."""


def variables(found: str, sentence: str) -> ContainerRule:
    """A rule about the containers' variables: each is an `item`."""
    return ContainerRule("env", "item", found, f"item.name + ': ' + {sentence}")


def any_found(rules: Rules) -> str:
    """Whether one of the rules finds something: in one pass over the containers, and without their sentences."""
    of_pods = [f"({rule}).size() > 0" for rule in rules.values() if isinstance(rule, str)]
    return "\n|| ".join([*of_pods, *_in_one_pass([rule for rule in rules.values() if not isinstance(rule, str)])])


def _in_one_pass(rules: Sequence[ContainerRule]) -> Iterator[str]:
    lists = dict.fromkeys((rule.key, rule.each) for rule in rules)
    looks = [f"container.?{key}.orValue([]).exists({each}, {_either(rules, key)})" for key, each in lists]
    if looks:
        found = "\n  || ".join(looks)
        yield f"{CONTAINERS}.exists(container, !({IS_SIDECAR}) && ({found}))"


def _either(rules: Sequence[ContainerRule], key: str) -> str:
    return "\n    || ".join(f"({rule.found})" for rule in rules if rule.key == key)
