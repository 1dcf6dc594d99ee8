"""Container B, which wants the role of container A. Standard library only: it runs as a program in B's namespaces.

It is told the whole pod spec, and looks at everything that it can open: its own files, `/proc`, the pod's sockets.
Whatever could be a token is tried at every address and path. It writes what it was given.
"""

import http.client
import json
import os
import re
import socket
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from tests.waiting import HANGS_AFTER

IMDS_TOKEN = "/latest/api/token"
IMDS_NAMES = "/latest/meta-data/iam/security-credentials/"
TOKEN_LIKE = re.compile(rb"[A-Za-z0-9_-]{43}")
LARGEST = 1 << 20


def main(spec: dict[str, Any]) -> None:
    """`spec`: uid, gid, groups, mounts; names of all roles; ports; texts of the pod spec; the pids of the pod."""
    become(spec)
    tokens = list(dict.fromkeys(["", *spec["texts"], *found_in_files(spec["mounts"]), *found_in_proc(spec["pids"])]))
    given = [*by_container_endpoint(spec, tokens), *by_imds(spec), *by_sockets(spec, tokens)]
    answer = {
        "capabilities": re.findall(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())[0],
        "opened": opened(spec),
        "tokens": len(tokens),
        "given": list({answer["key"]: answer for answer in given}.values()),
        "readable": [path for path in spec["paths"] if readable(path)],
    }
    sys.stdout.write(json.dumps(answer) + "\n")


def become(spec: dict[str, Any]) -> None:
    os.setgroups(spec["groups"])
    os.setresgid(*[spec["gid"]] * 3)
    os.setresuid(*[spec["uid"]] * 3)


# --- what it can read ------------------------------------------------------------------------------------------


def found_in_files(mounts: list[str]) -> Iterator[str]:
    """Whatever its own volumes hold."""
    for mount in mounts:
        for path in Path(mount).rglob("*"):
            yield from tokens_in(path)


def found_in_proc(pids: list[int]) -> Iterator[str]:
    """What each process of the pod shows of itself: command line, environment, memory, open files, its root."""
    for process in (Path(f"/proc/{pid}") for pid in pids):
        for name in ("cmdline", "environ", "mem", "maps", "comm", "auxv", "stack"):
            yield from tokens_in(process / name)
        for directory in ("fd", "root/run", "cwd", "map_files"):
            yield from tokens_below(process / directory)


def tokens_below(directory: Path) -> Iterator[str]:
    try:
        found = [Path(top) / name for top, _, names in os.walk(directory) for name in names][:2000]
    except OSError:
        return
    for path in found:
        yield from tokens_in(path)


def tokens_in(path: Path) -> Iterator[str]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return
    try:
        content = os.read(descriptor, LARGEST)
    except OSError:
        return
    finally:
        os.close(descriptor)
    yield from (text.decode() for text in TOKEN_LIKE.findall(content)[:20])


def opened(spec: dict[str, Any]) -> list[str]:
    """What of the other processes' private parts it could open."""
    parts = ("environ", "mem", "root/run/a/token", "root/run/b/token", "root/", "cwd/", "fd/")
    wanted = [f"/proc/{pid}/{part}" for pid in spec["pids"] for part in parts]
    return [path for path in wanted if readable(path)]


def readable(path: str) -> bool:
    try:
        os.scandir(path).close() if path.endswith("/") else Path(path).open("rb").close()
    except OSError:
        return False
    return True


# --- what it is given ------------------------------------------------------------------------------------------


def by_container_endpoint(spec: dict[str, Any], tokens: list[str]) -> Iterator[dict[str, Any]]:
    for port, path, token in product(spec["ports"], paths(spec["names"]), tokens):
        for headers in ({"Authorization": token}, {"Authorization": f"Bearer {token}"}) if token else ({},):
            yield from asked(connected(port), path, headers)


def paths(names: list[str]) -> list[str]:
    named = [f"/v1/credentials/{name}" for name in names]
    odd = [f"/v1/credentials/%{ord(name[0]):02x}{name[1:]}" for name in names] + [
        f"//v1//credentials//{n}/" for n in names
    ]
    return ["/", "/v1/credentials", "/v1/credentials/", *named, *odd, *(f"{path}?role=a" for path in named)]


def by_imds(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for port in spec["ports"]:
        put = plain(port, "PUT", IMDS_TOKEN, {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        headers = {"X-aws-ec2-metadata-token": put}
        for name in (*spec["names"], *spec["arn_names"], plain(port, "GET", IMDS_NAMES, headers)):
            yield from asked(connected(port), IMDS_NAMES + name, headers)


def connected(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=HANGS_AFTER)


def plain(port: int, method: str, path: str, headers: dict[str, str]) -> str:
    connection = connected(port)
    try:
        connection.request(method, path, headers=headers)
        text = connection.getresponse().read().decode()
        return text if re.fullmatch(r"[\w.@+=/-]+", text) else ""
    except OSError:
        return ""
    finally:
        connection.close()


def by_sockets(spec: dict[str, Any], tokens: list[str]) -> Iterator[dict[str, Any]]:
    """The sidecar's sockets by every name: the pod spec's, the kernel's, and those through other processes' roots."""
    listed = re.findall(r"(\S+)$", Path("/proc/net/unix").read_text(), re.MULTILINE)
    names = [*spec["sockets"], *(name for name in listed if name.endswith(".sock") and "/run/" in name)]
    names += [f"/proc/{pid}/root{socket}" for pid in spec["pids"] for socket in spec["sockets"]]
    for path, token in product(dict.fromkeys(names), tokens):
        connection = http.client.HTTPConnection("localhost", timeout=HANGS_AFTER)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(path)
        except OSError:
            continue
        yield from asked(connection, "/", {"Authorization": token} if token else {})


def asked(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> Iterator[dict[str, Any]]:
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
    except (OSError, http.client.HTTPException):
        return
    finally:
        connection.close()
    for key in re.findall(r'"AccessKeyId": "(\w+)"', text):
        yield {"path": path, "port": connection.port, "key": key}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
