"""The regions whose STS stands in for the home region's: which may be named, and where each is called."""

from collections.abc import Iterator, Mapping
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
    if url and not is_of_aws(str(url)):
        problem = f"cannot be combined with the STS server at {url}: AWS's own would be given its tokens."
        raise BadSetting(VARIABLE, problem)
    if values["AWS_REGION"] is None:
        raise BadSetting(VARIABLE, "stands in for AWS_REGION, which is not set; set both.")
    seen = {str(values["AWS_REGION"])}
    for name in names:
        _check(name, str(values["AWS_REGION"]), seen)
        seen.add(name)


def _check(name: str, home: str, seen: set[str]) -> None:
    rules.refuse_misspelt(name, VARIABLE)
    if name in seen:
        problem = "is AWS_REGION itself; name other regions." if name == home else "is named twice; once is enough."
        raise BadSetting(VARIABLE, problem, value=repr(name))
    if not same_partition(name, home):
        problem = f"is in another partition than {home}, where the role does not exist; name regions of the same one."
        raise BadSetting(VARIABLE, problem, value=repr(name))


def fallbacks(values: Values, home: str | None, environ: Mapping[str, str]) -> tuple[FallbackRegion, ...]:
    """What is asked in place of `home`'s STS; none where `home` is not known. Raises `BadSetting`."""
    if home is None:
        return ()
    return tuple(_fallbacks(values, home, environ))


def _fallbacks(values: Values, home: str, environ: Mapping[str, str]) -> Iterator[FallbackRegion]:
    fips, dualstack = bool(values.get("AWS_USE_FIPS_ENDPOINT")), bool(values.get("AWS_USE_DUALSTACK_ENDPOINT"))
    for name in values.get(VARIABLE, ()):
        if name != home and same_partition(name, home):
            url = _endpoint(name, fips=fips, dualstack=dualstack)
            yield FallbackRegion(region=name, endpoint=url, proxy=rules.proxy(url, environ))


def _endpoint(name: str, *, fips: bool, dualstack: bool) -> str:
    try:
        return sts_endpoint(name, fips=fips, dualstack=dualstack)
    except ValueError as error:
        raise BadSetting(VARIABLE, str(error)) from None
