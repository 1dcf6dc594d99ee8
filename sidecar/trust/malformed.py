"""The one way a policy document can be unusable."""


class MalformedPolicy(ValueError):
    """Not a trust policy that IAM would store. `where` is the path to the fault, empty for the whole document."""

    def __init__(self, cause: str, *, fix: str, where: tuple[str | int, ...] = ()) -> None:
        super().__init__(f"{cause} {fix}")
        self.cause = cause
        self.fix = fix
        self.where = where
