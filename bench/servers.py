"""The servers under test: the sidecar by two of its faces, its peers, and two that show what their platforms can do."""

import json
import re
import shutil
import time
from pathlib import Path

from bench import python
from bench.asking import Request
from bench.install import CACHE, HERE
from bench.launch import CREDENTIALS, Kind, Launch, Server, environment, with_imds_token
from bench.machine import free_ports
from bench.upstream import KEY_ID, ROLE, SECRET
from bench.world import PATIENCE, World
from sidecar import __version__

AUTHORIZATION = "bench-0123456789abcdef0123456789abcdef"
REGION = "us-east-1"


# --- irsa-sidecar --------------------------------------------------------------------------------------------------


def _sidecar(world: World) -> tuple[tuple[str, ...], dict[str, str], int, int]:
    container, imds, admin = free_ports(3)
    settings = environment(
        world,
        AWS_ROLE_ARN=ROLE,
        AWS_WEB_IDENTITY_TOKEN_FILE=world.token_file,
        AWS_ENDPOINT_URL_STS=world.sts,
        AWS_REGION=REGION,
        SIDECAR_LISTEN=f"127.0.0.1:{container}",
        SIDECAR_IMDS_LISTEN=f"127.0.0.1:{imds}",
        SIDECAR_ADMIN_LISTEN=f"127.0.0.1:{admin}",
        SIDECAR_AUTH_TOKEN=AUTHORIZATION,
        SIDECAR_GRACE="1",
        **python.VARIABLES,
    )
    return python.under_test().running("sidecar.cli", "serve"), settings, container, imds


def sidecar_container(world: World) -> Launch:
    command, settings, container, _ = _sidecar(world)
    return Launch(command, settings, _with_authorization, container)


def sidecar_imds(world: World) -> Launch:
    command, settings, _, imds = _sidecar(world)
    return Launch(command, settings, with_imds_token, imds)


def _with_authorization(_: int) -> Request:
    return Request("/v1/credentials", {"Authorization": AUTHORIZATION})


# --- peers ---------------------------------------------------------------------------------------------------------


def imds_broker(world: World) -> Launch:
    """A profile with a web identity; its port is its own choice, on all addresses."""
    token, config = world.directory / "token", world.directory / "config"
    token.write_text("any.token.will-do")
    config.write_text(f"[profile bench]\nrole_arn = {ROLE}\nweb_identity_token_file = {token}\nregion = {REGION}\n")
    program = CACHE / "imds-broker/node_modules/@jamestelfer/imds-broker-linux-x64/imds-broker"
    command = (str(program), "--log-level", "error", "serve", "--quiet", "--profile", "bench", "--region", REGION)
    settings = environment(world, AWS_CONFIG_FILE=str(config), AWS_ENDPOINT_URL_STS=world.fake)
    return Launch(command, settings, with_imds_token)


_PROCESS = """\
state={state}
sleep "$(sed -n 's/.*"slow": "\\([0-9.]*\\)".*/\\1/p' "$state/faults.json" 2>/dev/null | grep . || echo 0)"
date '+%s.%N credential_process' >> {calls}
if grep -q http-500 "$state/faults.json" 2>/dev/null; then exit 1; fi
document='{{"Version":1,"AccessKeyId":"{key}","SecretAccessKey":"{secret}","SessionToken":"{token}","Expiration":"%s"}}'
printf "$document" "$(date -u -d '+{life} seconds' +%Y-%m-%dT%H:%M:%SZ)"
"""


def aws_vault(world: World) -> Launch:
    """Its STS endpoint cannot be moved, so a `credential_process` that costs next to nothing stands for STS.

    It insists on a way to ask for a second factor that is not the terminal, and never uses it here.
    """
    script, config, told = (world.directory / name for name in ("process.sh", "config", "told"))
    filled = _PROCESS.format(
        state=world.directory / "lab",
        calls=world.directory / "calls",
        key=KEY_ID,
        secret=SECRET,
        token="t" * world.token_bytes,
        life=world.life,
    )
    script.write_text(filled)
    config.write_text(f"[profile bench]\ncredential_process = sh {script}\nregion = {REGION}\n")
    application = ("sh", "-c", 'env > "$1.part"; mv "$1.part" "$1"; exec sleep 100000', "sh", str(told))
    command = (
        str(CACHE / "aws-vault/aws-vault"),
        "exec",
        "--ecs-server",
        "bench",
        "--",
        *application,
    )
    prompts = world.directory / "prompts"
    prompts.mkdir()
    (prompts / "kdialog").symlink_to(shutil.which("false") or "/bin/false")
    keyring = {"AWS_VAULT_BACKEND": "file", "AWS_VAULT_FILE_PASSPHRASE": "made up", "AWS_CONFIG_FILE": str(config)}
    settings = environment(world, **keyring)
    settings["PATH"] = f"{settings['PATH']}:{prompts}"
    return Launch(command, settings, lambda _: Request("/", {"Authorization": _token_told(told)}))


def _token_told(told: Path) -> str:
    """The application alone is told the token, once it is started: after the first credentials were fetched."""
    deadline = time.monotonic() + PATIENCE
    while not told.exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    text = told.read_text() if told.exists() else ""
    found = re.search("^AWS_CONTAINER_AUTHORIZATION_TOKEN=(.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def metadataproxy(world: World) -> Launch:
    """One gevent worker, as it ships; kept connections, which its own configuration turns off, are left on."""
    (port,) = free_ports(1)
    roles = world.directory / "roles.json"
    roles.write_text(json.dumps({"127.0.0.1": "demo@111122223333"}))
    settings = environment(
        world,
        ROLE_MAPPING_FILE=str(roles),
        AWS_DEFAULT_REGION=REGION,
        AWS_ENDPOINT_URL_STS=world.fake,
        AWS_ACCESS_KEY_ID="AKIAEXAMPLEEXAMPLE00",
        AWS_SECRET_ACCESS_KEY=SECRET,
    )
    worker = ("-k", "gevent", "--workers", "1", "--keep-alive", "30", "--log-level", "warning")
    python = CACHE / "metadataproxy/venv/bin/python"
    command = (str(python), "-m", "gunicorn", "metadataproxy:app", *worker, "-b", f"127.0.0.1:{port}")
    return Launch(command, settings, lambda _: Request(f"{CREDENTIALS}demo"), port)


# --- bounds --------------------------------------------------------------------------------------------------------


def go_server(world: World) -> Launch:
    (port,) = free_ports(1)
    file = world.directory / "document"
    file.write_bytes(_document(world))
    command = (str(CACHE / "go-server/go-server"), f"127.0.0.1:{port}", str(file), AUTHORIZATION)
    return Launch(command, environment(world), _with_authorization, port)


def constant(world: World) -> Launch:
    (port,) = free_ports(1)
    file, document = world.directory / "answer", _document(world)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(document)}\r\n\r\n"
    file.write_bytes(head.encode() + document)
    command = python.under_test().running("bench.peers.constant", str(port), str(file))
    return Launch(command, environment(world), _with_authorization, port)


def _document(world: World) -> bytes:
    return json.dumps({"AccessKeyId": KEY_ID, "Token": "t" * world.token_bytes}).encode()


def _pinned(file: str, pattern: str) -> str:
    found = re.search(pattern, (HERE / "peers" / file).read_text(), re.MULTILINE)
    assert found, file
    return found[1]


_NO_CREDENTIALS = dict.fromkeys(("fixed", "burst", "outage", "sigterm"), "no credential server")
_SAME_PROCESS = dict.fromkeys(("burst", "idle", "sigterm"), "the same process as the row above")

SERVERS = (
    Server(
        "irsa-sidecar, container endpoint",
        Kind.OURS,
        __version__,
        sidecar_container,
    ),
    Server(
        "irsa-sidecar, IMDSv2",
        Kind.OURS,
        __version__,
        sidecar_imds,
        not_for=_SAME_PROCESS,
        note="in an outage it stops early by design: SDKs go on using what they read from IMDS after its end",
    ),
    Server(
        "imds-broker",
        Kind.PEER,
        _pinned("imds-broker/package.json", 'x64": "([^"]+)'),
        imds_broker,
        build="imds-broker",
    ),
    Server(
        "aws-vault",
        Kind.PEER,
        _pinned("aws-vault/go.mod", r"aws-vault/v7 v(\S+)"),
        aws_vault,
        build="aws-vault",
    ),
    Server(
        "metadataproxy",
        Kind.PEER,
        _pinned("metadataproxy/requirements.in", r"^metadataproxy==(\S+)"),
        metadataproxy,
        build="metadataproxy",
    ),
    Server("Go net/http, a fixed answer", Kind.BOUND, "", go_server, build="go-server", not_for=_NO_CREDENTIALS),
    Server("asyncio with uvloop, a fixed answer", Kind.BOUND, "", constant, not_for=_NO_CREDENTIALS),
)
