"""How many made-up cases a test tries: all of them in CI, fewer where a person waits for `make test`."""

import os

IN_CI = bool(os.environ.get("CI"))


def cases(in_ci: int, at_a_desk: int) -> int:
    return in_ci if IN_CI else at_a_desk
