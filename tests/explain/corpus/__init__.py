"""A corpus of cases for `explain`: each with its verdict, the mistake's name and what the fix says.

docs/explain.md publishes it (`make docs`), and the tests run it.
"""

from tests.explain.corpus.audiences import audiences
from tests.explain.corpus.example import Example
from tests.explain.corpus.keys import keys
from tests.explain.corpus.open_doors import open_doors
from tests.explain.corpus.principals import principals
from tests.explain.corpus.shared_issuers import shared_issuers
from tests.explain.corpus.stored import stored
from tests.explain.corpus.subjects import subjects
from tests.explain.corpus.tokens import tokens

__all__ = ["CORPUS", "Example"]

CORPUS: tuple[Example, ...] = (
    *subjects(),
    *audiences(),
    *keys(),
    *open_doors(),
    *principals(),
    *stored(),
    *tokens(),
    *shared_issuers(),
)
