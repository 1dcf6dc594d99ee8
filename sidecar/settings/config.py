"""Environment and flags, parsed once, all complaints together."""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.core.arns import RoleArn
from sidecar.core.model import Seconds
from sidecar.http.addresses import LINK_LOCAL, WILDCARDS, Address, UnixAddress
from sidecar.settings.catalogue import FROM_ENVIRONMENT, SETTINGS, InForce, Setting, bare
from sidecar.sts.endpoints import proxy_for, sts_endpoint

AUTHORIZATION = ("SIDECAR_AUTH_TOKEN", "SIDECAR_AUTH_TOKEN_FILE")


class BadConfig(Exception):
    """Settings that nothing can be run with. One complaint a line: setting, value, what is allowed."""

    def __init__(self, complaints: Sequence[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings that can be run with."""

    role_arn: RoleArn
    token_file: Path
    session_name: str | None
    sts_endpoint: str
    proxy: str | None = field(repr=False)
    ca_bundle: Path | None
    listen: tuple[Address, ...]
    admin_listen: tuple[Address, ...]
    auth_token: str | None = field(repr=False)
    auth_token_file: Path | None
    duration: int
    log_level: str
    log_format: str
    grace: Seconds
    region: str | None = None
    ecs_listen: tuple[Address, ...] = ()
    imds_listen: tuple[Address, ...] = ()
    imds_v1: bool = False
    imds_min_life: Seconds = 900
    availability_zone: str | None = None
    credentials_file: Path | None = None
    credentials_profile: str = "default"
    credentials_mode: int = 0o600
    credentials_removed: bool = False
    in_force: tuple[InForce, ...] = field(default=(), compare=False, repr=False)
    """The same as the operator gave it, to show."""

    @property
    def host_names(self) -> frozenset[str] | None:
        """The names a request may be sent to; None where we listen on all of a pod's addresses."""
        hosts = _hosts(self.listen)
        return None if hosts & WILDCARDS else hosts

    @property
    def link_local_names(self) -> frozenset[str]:
        """The same for the faces that no token protects: theirs, and the addresses that SDKs know them by."""
        return _hosts((*self.ecs_listen, *self.imds_listen)) | LINK_LOCAL


def _hosts(addresses: Sequence[Address]) -> frozenset[str]:
    return frozenset(address.host for address in addresses if not isinstance(address, UnixAddress)) | {"localhost"}


def load(environ: Mapping[str, str], argv: Sequence[str], program: str = "irsa-sidecar serve") -> Config:
    """The settings from flags, then variables, then defaults. Raises `BadConfig` with every complaint there is."""
    arguments, unknown = _parser(program).parse_known_args(argv)
    given = _Given(environ, {name: value for name, value in vars(arguments).items() if value is not None})
    found = {setting.variable: given.value(setting) for setting in SETTINGS}
    endpoint = given.endpoint(found)
    proxy = given.proxy(endpoint)
    complaints = [*given.complaints, *given.missing(), *_exposed(found), *_nobody_served(found)]
    complaints += [*_unknown_flags(unknown), *_unknown_variables(environ)]
    if complaints:
        raise BadConfig(complaints)
    return Config(
        role_arn=found["AWS_ROLE_ARN"],
        token_file=found["AWS_WEB_IDENTITY_TOKEN_FILE"],
        session_name=found["AWS_ROLE_SESSION_NAME"],
        sts_endpoint=endpoint,
        proxy=proxy,
        ca_bundle=found["AWS_CA_BUNDLE"],
        listen=found["SIDECAR_LISTEN"],
        admin_listen=found["SIDECAR_ADMIN_LISTEN"],
        auth_token=found["SIDECAR_AUTH_TOKEN"],
        auth_token_file=found["SIDECAR_AUTH_TOKEN_FILE"],
        duration=found["SIDECAR_DURATION"],
        log_level=found["SIDECAR_LOG_LEVEL"],
        log_format=found["SIDECAR_LOG_FORMAT"],
        grace=found["SIDECAR_GRACE"],
        region=found["AWS_REGION"],
        ecs_listen=found["SIDECAR_ECS_LISTEN"] or (),
        imds_listen=found["SIDECAR_IMDS_LISTEN"] or (),
        imds_v1=found["SIDECAR_IMDS_V1"],
        imds_min_life=found["SIDECAR_IMDS_MIN_LIFE"],
        availability_zone=found["SIDECAR_IMDS_AVAILABILITY_ZONE"],
        credentials_file=found["SIDECAR_CREDENTIALS_FILE"],
        credentials_profile=found["SIDECAR_CREDENTIALS_FILE_PROFILE"],
        credentials_mode=found["SIDECAR_CREDENTIALS_FILE_MODE"],
        credentials_removed=found["SIDECAR_CREDENTIALS_FILE_REMOVE"],
        in_force=tuple(map(given.in_force, SETTINGS)),
    )


class _Given:
    """What was given, by which name, and what is wrong with it."""

    def __init__(self, environ: Mapping[str, str], flags: Mapping[str, str]) -> None:
        self._environ = environ
        self._flags = flags
        self.complaints: list[str] = []

    def source(self, setting: Setting) -> tuple[str, str | None]:
        """The name it was given by, as the operator typed it, and its text. An empty variable counts as unset."""
        if setting.variable in self._flags:
            return setting.flag or "", self._flags[setting.variable]
        for name in (setting.variable, *setting.aliases):
            if text := self._environ.get(name):
                return name, text
        return setting.variable, setting.default

    def in_force(self, setting: Setting) -> InForce:
        name, text = self.source(setting)
        given = setting.variable in self._flags or bool(self._environ.get(name))
        return InForce(setting.variable, "set" if setting.secret and text else text, name if given else None)

    def value(self, setting: Setting) -> Any:
        name, text = self.source(setting)
        if text is None:
            self._complain_if_emptied(setting)
            return None
        try:
            return setting.parse(text)
        except ValueError as error:
            self.complaints.append(f"{name}: {_shown(setting, text)} {error}.")
            return None

    def _complain_if_emptied(self, setting: Setting) -> None:
        if setting.variable in AUTHORIZATION and setting.variable in self._environ:
            self.complaints.append(
                f"{setting.variable}: empty, so nothing would be protected; give a token or unset it."
            )

    def missing(self) -> Iterator[str]:
        """Complaints about required settings that were not given by any name."""
        for setting in SETTINGS:
            if setting.required and self.source(setting)[1] is None:
                yield f"{setting.variable}: required. {setting.meaning}"

    def endpoint(self, found: Mapping[str, Any]) -> str:
        """STS's URL, or "" after a complaint. Never the global endpoint, which a private subnet cannot reach."""
        url, region = found["AWS_ENDPOINT_URL_STS"], found["AWS_REGION"]
        fips, dualstack = bool(found["AWS_USE_FIPS_ENDPOINT"]), bool(found["AWS_USE_DUALSTACK_ENDPOINT"])
        if url:
            if fips or dualstack:
                self.complaints.append(
                    f"AWS_ENDPOINT_URL_STS: {url!r} leaves no choice of FIPS or dual-stack; set the one or the other."
                )
            return str(url)
        if region:
            try:
                return sts_endpoint(str(region), fips=fips, dualstack=dualstack)
            except ValueError as error:
                self.complaints.append(f"AWS_REGION: {error}")
        elif not any(line.startswith(("AWS_REGION", "AWS_DEFAULT_REGION", "--region")) for line in self.complaints):
            self.complaints.append(
                "AWS_REGION: required, to call that region's STS (the global endpoint is never used); "
                "or set AWS_ENDPOINT_URL_STS."
            )
        return ""

    def proxy(self, endpoint: str) -> str | None:
        """The proxy on the way to `endpoint`; None to go direct, or after a complaint."""
        try:
            return proxy_for(endpoint, self._environ)
        except ValueError as error:
            self.complaints.append(str(error))
            return None


def _shown(setting: Setting, text: str) -> str:
    """The text of a bad value, but no secret: nor a URL's password, which is refused because it is one."""
    return "the value (not shown)" if setting.secret else re.sub("//.*@", "//(not shown)@", repr(text))


def _exposed(found: Mapping[str, Any]) -> Iterator[str]:
    for variable in ("SIDECAR_ECS_LISTEN", "SIDECAR_IMDS_LISTEN"):
        for address in found[variable] or ():
            if not address.private:
                yield (
                    f"{variable}: {str(address)!r} can be reached from outside the pod, and no token can protect it; "
                    "listen on a loopback or link-local address."
                )
    if found["SIDECAR_AUTH_TOKEN"] or found["SIDECAR_AUTH_TOKEN_FILE"]:
        return
    for address in found["SIDECAR_LISTEN"] or ():
        if not address.private:
            yield (
                f"SIDECAR_LISTEN: {str(address)!r} can be reached from outside the pod; "
                "set SIDECAR_AUTH_TOKEN or SIDECAR_AUTH_TOKEN_FILE, or listen on 127.0.0.1."
            )


def _nobody_served(found: Mapping[str, Any]) -> Iterator[str]:
    ways = ("SIDECAR_LISTEN", "SIDECAR_ECS_LISTEN", "SIDECAR_IMDS_LISTEN", "SIDECAR_CREDENTIALS_FILE")
    if found["SIDECAR_LISTEN"] == () and not any(found[way] for way in ways):
        yield "SIDECAR_LISTEN: off, and nothing else is on: nobody would get credentials."


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        allow_abbrev=False,
        description="Keep the credentials of one role fresh and serve them. Every setting is a variable; flags win.",
        epilog=f"By variable only, as they may be secret: {', '.join(_variables_only())}.",
    )
    for setting in SETTINGS:
        if setting.flag:
            usual = f" [{setting.default}]" if setting.default else ""
            text = f"{setting.variable}: {setting.meaning}{usual}".replace("%", "%%")
            parser.add_argument(setting.flag, dest=setting.variable, metavar="VALUE", help=text)
    return parser


def _variables_only() -> Iterator[str]:
    yield from (setting.variable for setting in SETTINGS if not setting.flag)
    yield from (name for name, _ in FROM_ENVIRONMENT)


def _unknown_flags(unknown: Sequence[str]) -> Iterator[str]:
    flags = {setting.flag: setting.flag for setting in SETTINGS if setting.flag}
    before = ""
    for name in (argument.partition("=")[0] for argument in unknown):
        if name == "--auth-token":
            yield "--auth-token: everyone on the node could read it; use SIDECAR_AUTH_TOKEN or --auth-token-file."
        elif name.startswith("-") and before != "--auth-token":  # what follows that may be a token with a hyphen
            yield f"{name}: no such flag{_nearest(name, flags)}"
        before = name
    if unknown and not any(argument.startswith("-") for argument in unknown):
        yield f"{len(unknown)} arguments (not shown) belong to no flag; see --help."


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    known = {bare(setting.variable): setting.variable for setting in SETTINGS}
    for name in sorted(environ):
        if name.startswith("SIDECAR_") and name not in known.values() and not _is_service_link(name, environ[name]):
            yield f"{name}: no such setting{_nearest(bare(name), known)}"


def _is_service_link(name: str, value: str) -> bool:
    """Kubernetes describes every Service of the namespace in variables: one called `sidecar` must not stop us."""
    if re.fullmatch(r"SIDECAR_(\w+_)?SERVICE_(HOST|PORT(_\w+)?)", name):
        return True
    in_port = re.fullmatch(r"SIDECAR_(\w+_)?PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?", name)
    return bool(in_port) and (name.count("_PORT_") > 0 or "://" in value)


def _nearest(name: str, known: Mapping[str, str]) -> str:
    import difflib  # noqa: PLC0415 (only a mistake needs it)

    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {known[near[0]]}?" if near else "; see --help for those there are."
