"""What a setting's text means: each function turns text into a value, or raises `ValueError` saying what is allowed."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from sidecar.core.authorization_token import checked_token, read_token
from sidecar.core.model import SESSION_NAME, Seconds
from sidecar.core.regular_file import check_regular
from sidecar.http.addresses import is_host


def file_path(value: str) -> Path:
    if not value.startswith("/"):
        raise ValueError("is not an absolute path")
    if Path(value).name in {"", ".."}:
        raise ValueError("names no file")
    return Path(value)


def ca_bundle(value: str) -> Path:
    import ssl  # noqa: PLC0415 (the health check reads addresses only, once a second)

    try:
        check_regular(Path(value).stat())  # a pipe would be read for ever
        ssl.create_default_context(cafile=value)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"is not usable ({error.strerror or error}); use a readable PEM file") from None
    return Path(value)


def session_name(value: str) -> str:
    if not SESSION_NAME.fullmatch(value):
        raise ValueError("is not a role session name; use 2 to 64 of A-Z a-z 0-9 _ + = , . @ -")
    return value


def region(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", value):
        raise ValueError("is not a region; use a name such as eu-central-1")
    return value


def regions(value: str) -> tuple[str, ...]:
    """Regions with commas between them, in their order."""
    return tuple(region(name.strip()) for name in value.split(",")) if value else ()


def endpoint_url(value: str) -> str:
    try:
        url = urlsplit(value)
        ok = url.scheme in {"http", "https"} and is_host(url.hostname or "") and url.port != 0
        ok = ok and bool(re.fullmatch("[!-~]+", value))  # urlsplit drops line ends and passes spaces
    except ValueError:
        ok = False
    if not ok or url.username or url.password or url.query or url.fragment:
        raise ValueError("is not an endpoint; use http(s)://host[:port][/path], without user and query")
    return value


_YES, _NO = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})


def switch(value: str) -> bool:
    """AWS's SDKs take true and false only; the others mean nothing else to anybody."""
    lowered = value.strip().lower()
    if lowered not in _YES | _NO:
        raise ValueError("is neither true nor false")
    return lowered in _YES


def session_duration(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 900 <= int(value) <= 43_200):  # noqa: PLR2004 (STS's limits)
        raise ValueError("is not a duration; use 900 to 43200 (seconds), up to the role's MaxSessionDuration")
    return int(value)


def seconds(value: str) -> Seconds:
    if not re.fullmatch(r"\d{1,4}(\.\d+)?", value, re.ASCII) or float(value) > 3600:  # noqa: PLR2004 (an hour)
        raise ValueError("is not a time; use 0 to 3600 (seconds)")
    return float(value)


def availability_zone(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2}[a-z0-9-]{1,61}[a-z]", value):
        raise ValueError("is not an availability zone; use a name such as eu-central-1a")
    return value


def profile_name(value: str) -> str:
    if not re.fullmatch(r"[\w.@+=-]{1,64}", value, re.ASCII):
        raise ValueError("is not a profile; use 1 to 64 of A-Z a-z 0-9 _ . @ + = -")
    if value in {".", ".."}:
        raise ValueError("is a step in a path: no client could ask for it; use another name")
    return value


def profile_names(value: str) -> tuple[str, ...]:
    """Names separated by commas, each once; `*` alone for all."""
    found = tuple(dict.fromkeys(listed(value)))
    if found != ("*",):
        for name in found:
            profile_name(name)
    return found


def listed(value: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in value.split(","))
    if not all(parts):
        raise ValueError("has an empty place; separate what there is by single commas")
    return parts


def file_mode(value: str) -> int:
    if not re.fullmatch("0?[46][046][04]", value):
        raise ValueError("is not a permitted file mode; use one such as 0600, 0640 or 0644")
    return int(value, 8)


def socket_mode(value: str) -> int:
    if not re.fullmatch("0?[67][0267][0267]", value):
        raise ValueError("is not a permitted socket mode; use one such as 0600, 0660 or 0666")
    return int(value, 8)


def user(value: str) -> int:
    """A user's number, by itself or by the name that /etc/passwd has for it."""
    if _is_number_of_owner(value):
        return int(value)
    import pwd  # noqa: PLC0415 (few name a user, and the health check starts once a second)

    try:
        return pwd.getpwnam(value).pw_uid
    except KeyError:
        raise ValueError("is not a user of this image; use a number, such as the application's runAsUser") from None


def group(value: str) -> int:
    """A group's number, by itself or by the name that /etc/group has for it."""
    if _is_number_of_owner(value):
        return int(value)
    import grp  # noqa: PLC0415 (few name a group, and the health check starts once a second)

    try:
        return grp.getgrnam(value).gr_gid
    except KeyError:
        raise ValueError("is not a group of this image; use a number, such as the pod's fsGroup") from None


def _is_number_of_owner(value: str) -> bool:
    """Is it a uid or gid that a file can have? The highest number means "unchanged" to the kernel."""
    return re.fullmatch("[0-9]{1,10}", value) is not None and int(value) < 2**32 - 1


def log_level(value: str) -> str:
    lowered = value.strip().lower()
    return _one_of({"warn": "warning", "err": "error"}.get(lowered, lowered), "debug", "info", "warning", "error")


def log_format(value: str) -> str:
    return _one_of(value.strip().lower(), "json", "text")


def _one_of(value: str, *allowed: str) -> str:
    if value not in allowed:
        raise ValueError(f"is not one of {', '.join(allowed)}")
    return value


def authorization_token(value: str) -> str:
    try:
        return checked_token(value)
    except ValueError as error:
        raise ValueError(f"is not usable: {error}") from None


def authorization_file(value: str) -> Path:
    path = file_path(value)
    try:
        read_token(path)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}); use a file that holds the token") from None
    except ValueError as error:
        raise ValueError(f"does not hold a usable token: {error}") from None
    return path
