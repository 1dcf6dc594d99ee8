"""The regions whose STS stands in for the home region's: which may be named, and where each is called."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from sidecar.settings import rules
from sidecar.settings.complaints import BadSetting
from sidecar.settings.roles import FallbackRegion
from sidecar.sts.endpoints import is_of_aws, same_partition, sts_endpoint

VARIABLE = "SIDECAR_STS_FALLBACK_REGIONS"
Values = Mapping[str, Any]


def check_fallbacks(values: Values) -> None:
    """Raises `BadSetting` where the regions that were given cannot stand in for the one that AWS_REGION names.

    `values`: each setting's value by its variable; one that was refused is missing.
    """
    names, url = values.get(VARIABLE, ()), values.get("AWS_ENDPOINT_URL_STS")
    if not names or "AWS_REGION" not in values:
        return
    check_names(values)
    if url and not is_of_aws(str(url)):
        problem = f"cannot be combined with the STS server at {url}: AWS's own would be given its tokens."
        raise BadSetting(VARIABLE, problem)
    if values["AWS_REGION"] is None:
        raise BadSetting(VARIABLE, "stands in for AWS_REGION, which is not set; set both.")
    for name in names:
        _check(name, str(values["AWS_REGION"]))


def check_names(values: Values) -> None:
    """Raises `BadSetting` for what is no region, or named twice, whichever role it may be for."""
    names = values.get(VARIABLE, ())
    for name in names:
        rules.refuse_misspelt(name, VARIABLE)
        if not _is_regional(name):
            raise BadSetting(VARIABLE, "means the global endpoint; name regions.", value=repr(name))
        if names.count(name) > 1:
            raise BadSetting(VARIABLE, "is named twice; once is enough.", value=repr(name))


def _check(name: str, home: str) -> None:
    if name == home:
        raise BadSetting(VARIABLE, "is AWS_REGION itself; name other regions.", value=repr(name))
    if not same_partition(name, home):
        problem = f"is in another partition than {home}, where the role does not exist; name regions of the same one."
        raise BadSetting(VARIABLE, problem, value=repr(name))


def fallbacks(values: Values, home: str | None, environ: Mapping[str, str]) -> tuple[FallbackRegion, ...]:
    """What is asked in place of `home`'s STS; none where `home` is not known. Raises `BadSetting`.

    A name in another partition than this role's is left out: other roles may be there.
    """
    if home is None:
        return ()
    return tuple(_fallbacks(values, home, environ))


def _fallbacks(values: Values, home: str, environ: Mapping[str, str]) -> Iterator[FallbackRegion]:
    fips, dualstack = bool(values.get("AWS_USE_FIPS_ENDPOINT")), bool(values.get("AWS_USE_DUALSTACK_ENDPOINT"))
    for name in values.get(VARIABLE, ()):
        if name != home and same_partition(name, home) and _is_regional(name):
            url = sts_endpoint(name, fips=fips, dualstack=dualstack)
            yield FallbackRegion(region=name, endpoint=url, proxy=rules.proxy(url, environ))


def _is_regional(name: str) -> bool:
    """What is not has its complaint already."""
    with suppress(ValueError):
        return bool(sts_endpoint(name, fips=False, dualstack=False))
    return False
