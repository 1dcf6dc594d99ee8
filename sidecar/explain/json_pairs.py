"""JSON read and written without a loss: a key that stands twice in an object stays there twice."""

import json
from typing import Any


class PairedObject(dict[str, Any]):
    """A JSON object that remembers every pair."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def loads(text: str) -> Any:
    """As json.loads; objects are `PairedObject`."""
    return json.loads(text, object_pairs_hook=PairedObject)


def written(value: Any) -> str:
    """JSON text without white space."""
    if isinstance(value, dict):
        pairs = value.pairs if isinstance(value, PairedObject) else list(value.items())
        return "{" + ",".join(f"{json.dumps(str(key))}:{written(item)}" for key, item in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)
