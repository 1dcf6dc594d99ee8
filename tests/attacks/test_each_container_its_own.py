"""Two containers of one pod, a role each: neither gets the other's, whatever it knows and whatever it sends."""

import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
import sysconfig
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from sidecar.core.timestamps import timestamp
from tests.doubles import KEY_CANARY, SESSION_CANARY, a_token
from tests.free_ports import free_ports
from tests.needs import needs, on_linux, without
from tests.waiting import HANGS_AFTER

pytestmark = on_linux

REPOSITORY = Path(__file__).parents[2]
INTRUDER = Path(__file__).with_name("intruder.py")
FS_GROUP = 3000
SIDECAR, A, B = 65532, 10001, 10002
"""Their uids."""
OF_A = ("a", "a-by-socket")
NAMES = ("default", *OF_A, "b", "legacy")
POD_UID = "4c1ff2a9-35a7-4b0e-9a6c-3f4a6f6d6f0e"
A_SOCKET = "/run/a/a.sock"

BECOME = """
import os, sys
uid, group, *command = sys.argv[1:]
os.setgroups([int(group)])
os.setresgid(*[int(uid)] * 3)
os.setresuid(*[int(uid)] * 3)
os.chdir("/")
os.execv(command[0], command)
"""
ASK_AS_A = """
import http.client, socket, sys, time
port, token = int(sys.argv[1]), open("/run/a/token").read()
asked = http.client.HTTPConnection("127.0.0.1", port)
asked.request("GET", "/v1/credentials/a", headers={"Authorization": token})
print(asked.getresponse().read().decode().replace("\\n", ""), flush=True)
asked = http.client.HTTPConnection("localhost")
asked.sock = socket.socket(socket.AF_UNIX)
asked.sock.connect("/run/a/a.sock")
asked.request("GET", "/")
print(asked.getresponse().read().decode().replace("\\n", ""), flush=True)
time.sleep(600)
"""


# --- a pod -----------------------------------------------------------------------------------------------------


@dataclass
class RolesSts:
    """An STS that issues an hour of any role, and knows which key is whose."""

    url: str = ""
    owners: dict[str, str] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        role = str(form["RoleArn"]).rpartition("/")[2]
        key = f"ASIA{len(self.owners):012}"
        self.owners[key] = role.removeprefix("of-")
        return web.Response(
            content_type="text/xml",
            text=f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
              <AssumeRoleWithWebIdentityResult>
                <AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/{role}/pod</Arn></AssumedRoleUser>
                <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{KEY_CANARY}</SecretAccessKey>
                  <SessionToken>{SESSION_CANARY}/{key}</SessionToken>
                  <Expiration>{timestamp(time.time() + 3600)}</Expiration></Credentials>
              </AssumeRoleWithWebIdentityResult>
            </AssumeRoleWithWebIdentityResponse>""",
        )


@dataclass
class Pod:
    """The volumes of a pod, and what starts its containers: a mount namespace each, one network, one /proc."""

    directory: Path
    sts: RolesSts
    ports: list[int] = field(default_factory=lambda: free_ports(5))

    def volume(self, name: str) -> Path:
        """An emptyDir as the kubelet makes it for a pod with an fsGroup."""
        path = self.directory / name
        if not path.exists():
            path.mkdir()
            os.chown(path, 0, FS_GROUP)
            path.chmod(0o2770)
        return path

    @property
    def config(self) -> str:
        """The profiles, as the pod's ConfigMap has them."""
        arn = "role_arn = arn:aws:iam::111122223333:role/of-"
        return "\n".join(
            (
                f"[profile a]\n{arn}a\nsidecar_authorization_token_file = /run/a/token",
                f"[profile a-by-socket]\n{arn}a-by-socket\nsidecar_listen = unix:{A_SOCKET}",
                f"[profile b]\n{arn}b\nsidecar_authorization_token_file = /run/b/token",
                f"[profile legacy]\n{arn}legacy\nsidecar_imds_listen = 127.0.0.1:{self.ports[4]}",
            )
        )

    @property
    def variables(self) -> dict[str, str]:
        """The sidecar's."""
        container, ecs, imds, admin, _ = (f"127.0.0.1:{port}" for port in self.ports)
        return {
            "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/of-default",
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/run/sidecar/token",
            "AWS_ENDPOINT_URL_STS": self.sts.url,
            "AWS_CONFIG_FILE": "/run/sidecar/config",
            "SIDECAR_PROFILES": "*",
            "SIDECAR_LISTEN": container,
            "SIDECAR_ECS_LISTEN": ecs,
            "SIDECAR_IMDS_LISTEN": imds,
            "SIDECAR_ADMIN_LISTEN": admin,
            "SIDECAR_SOCKET_MODE": "0660",
            "SIDECAR_SOCKET_GROUP": str(FS_GROUP),
        }

    def container(self, uid: int, mounts: Sequence[str], *command: str, become: bool = True) -> list[str]:
        """The command that runs Python as `uid`, with these volumes below /run and no others."""
        volumes = [word for name in mounts for word in ("--bind", str(self.volume(name)), f"/run/{name}")]
        code = ("--ro-bind", sys.base_prefix, "/run/python", "--ro-bind", str(REPOSITORY), "/run/repository")
        python = f"/run/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
        start = (python, "-c", BECOME, str(uid), str(FS_GROUP)) if become else ()
        hidden = ("--tmpfs", str(self.directory))
        return [
            "bwrap",
            "--bind",
            "/",
            "/",
            "--tmpfs",
            "/run",
            *code,
            *volumes,
            *hidden,
            "--",
            *start,
            python,
            *command,
        ]

    async def started(self, *command: str, **variables: str) -> Process:
        packages = Path(sysconfig.get_path("purelib"))
        code = f"/run/repository:{Path('/run/repository') / packages.relative_to(REPOSITORY)}"
        python = {"PYTHONHOME": "/run/python", "PYTHONPATH": code, "LD_LIBRARY_PATH": "/run/python/lib"}
        environ = {"PATH": os.environ["PATH"], **python, **variables}
        return await asyncio.create_subprocess_exec(*command, env=environ, stdout=PIPE, stderr=DEVNULL)


@pytest.fixture
async def pod(tmp_path: Path) -> AsyncIterator[Pod]:
    needs("bwrap")
    if os.geteuid():
        without("only root can start containers of different users")
    sts = RolesSts()
    app = web.Application()
    app.router.add_post("/", sts.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sts.url = "http://{}:{}".format(*runner.addresses[0])
    yield Pod(tmp_path, sts)
    await runner.cleanup()


@asynccontextmanager
async def ended(process: Process) -> AsyncIterator[Process]:
    try:
        yield process
    finally:
        for pid in reversed(family(process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await process.communicate()


def family(pid: int) -> list[int]:
    """The process, and those that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(each for child in children for each in family(int(child)))]


async def until(path: Path) -> None:
    async with asyncio.timeout(HANGS_AFTER):
        while not path.exists():
            await asyncio.sleep(0.05)


async def a_line(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    async with asyncio.timeout(HANGS_AFTER):
        return dict(json.loads(await process.stdout.readline()))


# --- real containers -------------------------------------------------------------------------------------------


async def test_a_container_that_knows_the_whole_pod_gets_its_own_role_and_never_another_containers(pod: Pod) -> None:
    own = pod.volume("sidecar")
    (own / "token").write_text(a_token(issued_at=time.time()).raw)
    (own / "config").write_text(pod.config)
    async with AsyncExitStack() as stack:
        serve = pod.container(SIDECAR, ("sidecar", "a", "b"), "-m", "sidecar", "serve")
        sidecar = await stack.enter_async_context(ended(await pod.started(*serve, **pod.variables)))
        await until(pod.volume("a") / "a.sock")
        token = pod.volume("a") / "token"
        made = token.stat()
        assert (stat.S_IMODE(made.st_mode), made.st_uid, made.st_gid) == (0o640, SIDECAR, FS_GROUP)

        application = pod.container(A, ("a",), "-c", ASK_AS_A, str(pod.ports[0]))
        running = await stack.enter_async_context(ended(await pod.started(*application)))
        given = [pod.sts.owners[(await a_line(running))["AccessKeyId"]] for _ in range(2)]
        assert given == ["a", "a-by-socket"], "whom a role is for gets it"

        spec = {
            "uid": B,
            "gid": B,
            "groups": [FS_GROUP],
            "mounts": ["/run/b"],
            "names": NAMES,
            "arn_names": [f"of-{name}" for name in NAMES],
            "ports": pod.ports,
            "sockets": [A_SOCKET],
            "texts": [POD_UID, "a", "token", *NAMES, *pod.variables.values()],
            "pids": [family(process.pid)[-1] for process in (sidecar, running)],
            "paths": ["/run/a/token", A_SOCKET, str(token), "/run/sidecar/token"],
        }
        intruder = pod.container(B, ("b",), "/run/repository/tests/attacks/intruder.py", json.dumps(spec), become=False)
        found = await a_line(await stack.enter_async_context(ended(await pod.started(*intruder))))
    got = {pod.sts.owners[answer["key"]] for answer in found["given"]}
    assert got == {"default", "b", "legacy"}, "what is its own, and what is for everybody"
    assert int(found["capabilities"], 16) == 0
    assert (found["readable"], found["opened"]) == ([], [])
    assert found["tokens"] > 10
