"""The sidecar's own endpoint, if it runs."""

from pathlib import Path

from sidecar.core.findings import Finding, Level
from sidecar.doctor import own_endpoint
from tests.doctor.servers import Page, a_server
from tests.doctor.snapshots import a_pod, outcome
from tests.doubles import KEY_CANARY
from tests.explain.asking import ROLE
from tests.free_ports import free_port


async def of_the_sidecar(tmp_path: Path, pages: dict[str, Page], **more: str) -> tuple[Finding | None, Finding | None]:
    """What is said of readiness and credentials where two servers with the same pages play both."""
    async with a_server(pages) as container, a_server(pages) as admin:
        listen = {"SIDECAR_LISTEN": container, "SIDECAR_ADMIN_LISTEN": admin}
        given = {name: url.removeprefix("http://") for name, url in listen.items()} | more
        pod = await a_pod(tmp_path / "token", given)
        return await own_endpoint.readiness(pod), await own_endpoint.credentials(pod)


async def test_a_sidecar_that_serves_passes(tmp_path: Path) -> None:
    ready = {"ready": True, "assumed_role": ROLE, "seconds_left": 1800}
    served = {"RoleArn": ROLE, "Expiration": "2030-01-01T00:00:00Z", "SecretAccessKey": KEY_CANARY}

    found = await of_the_sidecar(tmp_path, {"/readyz": Page(ready), "/v1/credentials": Page(served)})

    assert [outcome(finding) for finding in found] == [("sidecar-ready", "pass"), ("sidecar-credentials", "pass")]
    assert KEY_CANARY not in str(found)


async def test_a_sidecar_that_fails_tells_its_own_cause_and_fix(tmp_path: Path) -> None:
    error = {"code": "TrustRefused", "cause": "The role refuses.", "fix": "Mend it."}
    pages = {
        "/readyz": Page({"ready": False, "phase": "failing", "last_error": error}, status=503),
        "/v1/credentials": Page({"code": "NoCredentials", "message": "Nothing yet."}, status=503),
    }

    ready, served = await of_the_sidecar(tmp_path, pages)

    assert ready is not None
    assert served is not None
    assert (ready.level, ready.message, ready.fix) == (Level.ERROR, "The role refuses.", "Mend it.")
    assert (served.level, served.message) == (Level.ERROR, "Nothing yet.")


async def test_a_sidecar_that_has_just_started_needs_a_moment(tmp_path: Path) -> None:
    pages = {"/readyz": Page({"phase": "starting", "last_error": None}, status=503)}

    ready, served = await of_the_sidecar(tmp_path, pages)

    assert outcome(ready) == ("sidecar-ready", "fail")
    assert outcome(served) == ("sidecar-credentials", "fail")


async def test_the_authorization_token_is_sent_and_never_told(tmp_path: Path) -> None:
    pages = {"/readyz": Page({}), "/v1/credentials": Page({"message": "no"}, status=401)}

    _, served = await of_the_sidecar(tmp_path, pages, SIDECAR_AUTH_TOKEN="hunter2")

    assert outcome(served) == ("sidecar-credentials", "fail")
    assert "hunter2" not in str(served)


async def test_a_default_role_of_its_own_address_and_token_is_asked_for_there(tmp_path: Path) -> None:
    token = tmp_path / "authorization"
    token.write_text("hunter2")
    served = Page({"RoleArn": ROLE, "Expiration": "2030-01-01T00:00:00Z"})
    async with a_server({"/v1/credentials": served}) as own, a_server({}) as shared:
        config = tmp_path / "config"
        config.write_text(
            f"[profile api]\nrole_arn = {ROLE}\nsidecar_listen = {own.removeprefix('http://')}\n"
            f"sidecar_authorization_token_file = {token}\n"
        )
        profile = {"AWS_CONFIG_FILE": str(config), "SIDECAR_DEFAULT_PROFILE": "api", "AWS_ROLE_ARN": ""}
        pod = await a_pod(tmp_path / "token", profile | {"SIDECAR_LISTEN": shared.removeprefix("http://")})

        assert outcome(await own_endpoint.credentials(pod)) == ("sidecar-credentials", "pass"), pod.complaints


async def test_no_sidecar_is_no_fault(tmp_path: Path) -> None:
    nobody = {name: f"127.0.0.1:{free_port()}" for name in ("SIDECAR_LISTEN", "SIDECAR_ADMIN_LISTEN")}
    pod = await a_pod(tmp_path / "token", nobody)

    assert outcome(await own_endpoint.readiness(pod)) == ("sidecar-ready", "skip")
    assert outcome(await own_endpoint.credentials(pod)) == ("sidecar-credentials", "skip")


async def test_an_endpoint_that_is_off_is_not_asked(tmp_path: Path) -> None:
    on = {"SIDECAR_LISTEN": "off", "SIDECAR_IMDS_LISTEN": f"127.0.0.1:{free_port()}"}
    assert await own_endpoint.credentials(await a_pod(tmp_path / "token", on)) is None


async def test_something_else_on_the_port_is_told(tmp_path: Path) -> None:
    ready, _ = await of_the_sidecar(tmp_path, {"/readyz": Page(b"<html>hello")})

    assert outcome(ready) == ("sidecar-ready", "fail")


async def test_a_unix_socket_is_asked_too(tmp_path: Path) -> None:
    from aiohttp import web

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"assumed_role": ROLE, "seconds_left": 1})

    app = web.Application()
    app.router.add_get("/readyz", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, tmp_path / "admin").start()
    try:
        pod = await a_pod(tmp_path / "token", {"SIDECAR_ADMIN_LISTEN": f"unix:{tmp_path}/admin"})
        assert outcome(await own_endpoint.readiness(pod)) == ("sidecar-ready", "pass")
    finally:
        await runner.cleanup()


async def test_without_settings_there_is_nobody_to_ask(tmp_path: Path) -> None:
    pod = await a_pod(tmp_path / "token", {"AWS_ROLE_ARN": "x"})

    assert await own_endpoint.readiness(pod) is None
