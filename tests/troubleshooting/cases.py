"""The problems of docs/troubleshooting.md, rehearsed: what the doctor, `explain` or our settings print for each.

The pod is always the same (tests/explain/asking.py); each case
spoils what its problem spoils, by the means of that part of the chain: a file, a variable, an answer of STS.
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from sidecar.core.findings import Finding, Level
from sidecar.doctor import container_endpoint, exchange, issuer, own_endpoint, report, sts_way
from sidecar.doctor.examination import APPLICATION, SETTINGS, TOKEN
from sidecar.doctor.pod import Pod
from sidecar.explain import PolicyText, explain
from sidecar.terminal.colour import Colour
from tests.doctor.servers import Page, a_server
from tests.doctor.snapshots import GOOD_APP, OURS, a_pod, written
from tests.explain.asking import ACCOUNT, CLUSTER, NOW, explained, policy, statement, token
from tests.explain.mistakes import BY_NAME
from tests.free_ports import free_port
from tests.kubelet import ProjectedVolume
from tests.recorded import recorded

PLAIN = Colour(on=False)
DIRECTORY = "/var/run/secrets/irsa-sidecar"
DENIED, BAD_REQUEST, UNAVAILABLE = 403, 400, 503
LOCAL = (*SETTINGS, *APPLICATION, *TOKEN)
"""The checks that need no network."""


@dataclass(frozen=True)
class Scene:
    """Where a case takes place."""

    directory: Path
    http: aiohttp.ClientSession

    async def local(self, check: str, changed: Mapping[str, str] | None = None, **more: Any) -> str:
        """One of the checks that need no network, on the right token unless `token_file` or claims say otherwise."""
        claims = more.pop("claims", {})
        token_file = more.pop("token_file", None) or written(self.directory, **claims)
        return self.of(check, await a_pod(token_file, changed, **more))

    def of(self, check: str, pod: Pod) -> str:
        found = [finding for one in LOCAL if (finding := one(pod)) is not None and finding.code == check]
        return self.printed(*found)

    async def refused(self, answer: str, status: int, **more: Any) -> str:
        """The real exchange, refused in words of STS's that were recorded."""
        claims, role_arn = more.pop("claims", {}), more.pop("role_arn", None)
        changed = {"AWS_ROLE_ARN": role_arn} if role_arn else {}
        async with a_server({"/": Page(recorded(answer), status=status)}) as url:
            pod = await a_pod(written(self.directory, **claims), {"AWS_ENDPOINT_URL_STS": url} | changed, **more)
            findings = (await exchange.exchange(pod, self.http)).findings
        return self.printed(*(finding for finding in findings if finding.level is not Level.SKIPPED))

    def printed(self, *findings: Finding | None) -> str:
        """As `doctor` prints, with the places of this machine replaced by a pod's."""
        text = "\n".join(report.as_text(finding, PLAIN) for finding in findings if finding is not None)
        return _like_a_pod(text.replace(str(self.directory / "sts-token"), DIRECTORY))


def _like_a_pod(text: str) -> str:
    text = re.sub(r"127\.0\.0\.1:\d{5}|127\.0\.0\.1:1(?=\D)", "127.0.0.1:9911", text)
    text = re.sub(r"in \d\.\d\d s", "in 0.01 s", text)
    text = re.sub(r": \d\.\d\d s,", ": 0.05 s,", text)
    text = re.sub(r"owner \d+:\d+", "owner 0:65532", text)
    return text.replace("http://127.0.0.1:9911/keys", f"https://{CLUSTER}/keys")


def told(mistake: str) -> str:
    """What `explain` prints of each error."""
    question = BY_NAME[mistake].question(f"https://{CLUSTER}", token(), NOW)
    found = [finding for finding in explain(question).findings if finding.level is Level.ERROR]
    return "\n".join(
        f"{finding.level:<8} {finding.code}\n  {finding.message}\n  Fix: {finding.fix}" for finding in found
    )


# --- the token's file -------------------------------------------------------------------------------------------


async def permission_denied(scene: Scene) -> str:
    token_file = ProjectedVolume(scene.directory / "sts-token", mode=0o600).write("a.b.c")
    await asyncio.to_thread(os.geteuid)  # without rights, the interpreter could not even load its threads
    with _without_rights(token_file):
        pod = await a_pod(token_file, user=OURS)
    text = scene.of("token-file", pod).replace("gid 0", f"gid {OURS.gid}")
    return re.sub(r"mode \d+, owner [\d:]+", "mode 0600, owner 0:0", text)


@contextmanager
def _without_rights(path: Path) -> Any:
    """As somebody who may not read the file: another user, or, where we cannot become one, nobody at all."""
    if os.geteuid() != 0:
        path.chmod(0)
        yield
        return
    for directory in (path.parent, *path.parents):
        with suppress(PermissionError):
            directory.chmod(directory.stat().st_mode | 0o055)
    os.seteuid(OURS.uid)
    try:
        yield
    finally:
        os.seteuid(0)


async def only_the_webhook_would_set_them(scene: Scene) -> str:
    pod = await a_pod(written(scene.directory), {"AWS_ROLE_ARN": "", "AWS_WEB_IDENTITY_TOKEN_FILE": ""})
    return scene.of("settings", pod)


async def another_volumes_token(scene: Scene) -> str:
    return await scene.refused("wrong_audience", BAD_REQUEST, claims={"aud": ["vault"]})


async def stale_token(scene: Scene) -> str:
    return await scene.local("token-life", now=NOW + 90_000)


async def overdue_rotation(scene: Scene) -> str:
    return await scene.local("token-rotation", now=NOW + 70_000)


async def legacy_token(scene: Scene) -> str:
    return await scene.local("token-form", claims=BY_NAME["15 a Secret's token"].claims)


async def rotated_away(scene: Scene) -> str:
    return await _keys_of(scene, "key-2", "key-3")


async def _keys_of(scene: Scene, *ids: str) -> str:
    pages: dict[str, Page] = {"/keys": Page({"keys": [{"kid": kid} for kid in ids]})}
    async with a_server(pages) as url:
        members = {"response_types_supported": ["id_token"], "subject_types_supported": ["public"]}
        members |= {"id_token_signing_alg_values_supported": ["RS256"]}
        discovery = {"issuer": url, "jwks_uri": f"{url}/keys", **members}
        pages["/.well-known/openid-configuration"] = Page(discovery)
        findings = await issuer.issuer(await a_pod(written(scene.directory, iss=url)), scene.http)
    return scene.printed(*(finding for finding in findings if finding.code == "issuer-keys"))


# --- the application ---------------------------------------------------------------------------------------------


async def _application(scene: Scene, check: str, changed: Mapping[str, str | None], **sidecar: str) -> str:
    app = {name: value for name, value in (GOOD_APP | dict(changed)).items() if value is not None}
    return await scene.local(check, sidecar, app=app)


async def two_authorization_tokens(scene: Scene) -> str:
    file = scene.directory / "authorization-token"
    file.write_text("the new one")
    changed = {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "the old one", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file)}
    text = await _application(scene, "app-authorization", changed, SIDECAR_AUTH_TOKEN="the new one")
    return text.replace(str(file), "/var/run/irsa-sidecar/authorization-token")


async def short_sessions(scene: Scene) -> str:
    return await scene.local("session-duration", {"SIDECAR_DURATION": "900"})


async def through_a_proxy(scene: Scene) -> str:
    return await _application(scene, "app-proxy", {"HTTP_PROXY": "http://proxy.internal:3128"})


async def way_to_the_node(scene: Scene) -> str:
    return await _application(scene, "app-imds", {"AWS_EC2_METADATA_DISABLED": None})


async def shadowed(scene: Scene) -> str:
    return await _application(
        scene,
        "app-web-identity",
        {
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
            "AWS_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/node",
        },
    )


async def not_ready(scene: Scene) -> str:
    error = {
        "code": "StsUnreachable",
        "cause": "STS did not answer within 5 s.",
        "fix": "Check DNS, route, proxy and VPC endpoint.",
    }
    pages = {"/readyz": Page({"ready": False, "phase": "empty", "last_error": error}, status=UNAVAILABLE)}
    async with a_server(pages) as url:
        address = url.removeprefix("http://")
        pod = await a_pod(scene.directory / "token", {"SIDECAR_ADMIN_LISTEN": address})
        return scene.printed(await own_endpoint.readiness(pod)).replace(":9911", ":9912")


async def the_agents_address(scene: Scene) -> str:
    return await _application(
        scene, "app-uri", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}
    )


async def no_association(scene: Scene) -> str:
    refusal = b"[0b5c1d2e-0000-4000-8000-000000000032]: (ResourceNotFoundException): None., fault: client\n"
    async with a_server({"/v1/credentials": Page(refusal, status=404)}) as url:
        environ = {
            "AWS_ROLE_ARN": "",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(written(scene.directory, aud="pods.eks.amazonaws.com")),
        }
        pod = await a_pod(scene.directory / "token", environ)
        return scene.printed(await container_endpoint.answer(pod)).replace("127.0.0.1:9911", "169.254.170.23")


# --- STS, IAM and the issuer -------------------------------------------------------------------------------------


async def global_endpoint(scene: Scene) -> str:
    return await scene.local("sts-setting", {"AWS_ENDPOINT_URL_STS": "https://sts.amazonaws.com"})


async def no_route(scene: Scene) -> str:
    pod = await a_pod(written(scene.directory), {"AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{free_port()}"})
    found = [finding for finding in await sts_way.way(pod, scene.http) if finding.code == "sts-connection"]
    text = scene.printed(*found).replace("http://127.0.0.1:9911", "https://sts.eu-west-1.amazonaws.com")
    return re.sub(r"\('127.0.0.1', \d+\)", "('10.0.12.34', 443)", text)


async def chinas_audience(scene: Scene) -> str:
    return await scene.local("token-audience", claims={"aud": ["sts.amazonaws.com.cn"]})


async def no_provider(scene: Scene) -> str:
    return await scene.refused("no_provider", BAD_REQUEST)


async def another_account(scene: Scene) -> str:
    role = BY_NAME["09 another account in the role's ARN"].role_arn
    return await scene.refused("no_provider", BAD_REQUEST, policy=PolicyText(policy()), role_arn=role)


async def star_under_equals(_: Scene) -> str:
    return told("02 a wildcard under StringEquals")


async def subject_under_aud(_: Scene) -> str:
    return told("03 the subject under the aud key")


async def over_the_quota(_: Scene) -> str:
    long = policy(statement(), *(statement(Sid=f"S{number}") for number in range(9)))
    found = [each for each in explained(policy=long).findings if "2048" in each.message]
    return "\n".join(f"{each.level:<8} {each.code}\n  {each.message}\n  Fix: {each.fix}" for each in found)


async def slow_issuer(scene: Scene) -> str:
    return await scene.refused("no_verification_key", BAD_REQUEST)


async def throttled(scene: Scene) -> str:
    return await scene.refused("throttled", BAD_REQUEST)


CASES: Mapping[str, Callable[[Scene], Awaitable[str]]] = {
    case.__name__: case
    for case in (
        permission_denied,
        only_the_webhook_would_set_them,
        another_volumes_token,
        overdue_rotation,
        stale_token,
        two_authorization_tokens,
        short_sessions,
        through_a_proxy,
        not_ready,
        shadowed,
        way_to_the_node,
        global_endpoint,
        no_route,
        chinas_audience,
        no_provider,
        another_account,
        star_under_equals,
        subject_under_aud,
        over_the_quota,
        slow_issuer,
        legacy_token,
        throttled,
        rotated_away,
        the_agents_address,
        no_association,
    )
}
