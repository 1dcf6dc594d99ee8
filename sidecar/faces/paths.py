"""One spelling of a request's path: what SDKs make of a base URL that ends in a slash."""


def canonical(path: str) -> str:
    """The path without doubled slashes and a last one: SDKs double a slash where a base URL ended in one, and some
    leave out the last.
    """
    return "/" + "/".join(part for part in path.split("/") if part)
