"""What stands for AWS, as a process: the lab for the sidecar, a small fake of STS for the peers.

`python -m bench.upstream DIRECTORY LIFE TOKEN_BYTES` serves until it is ended. The fake checks nothing: peers shall be
slowed by nobody. Both obey the lab's faults `http-500` and `slow`, which are a file, and append a line to `calls` for
each credential that they gave or refused.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from sidecar.lab.app import running
from sidecar.lab.events import Answered, LabEvent
from sidecar.lab.faults import Faults
from sidecar.lab.settings import LabSettings
from sidecar.lab.state import StateDirectory

ANY_PORT = ("127.0.0.1", 0)
STATE, CALLS, READY = "lab", "calls", "upstream.json"
ROLE = "arn:aws:iam::111122223333:role/demo"
SESSION = "arn:aws:sts::111122223333:assumed-role/demo/bench"
_XML = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result>{1}</{0}Result>\
<ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></{0}Response>"""
_CREDENTIALS = """<Credentials><AccessKeyId>{0}</AccessKeyId><SecretAccessKey>{1}</SecretAccessKey>\
<SessionToken>{2}</SessionToken><Expiration>{3}</Expiration></Credentials><AssumedRoleUser><Arn>{4}</Arn>\
<AssumedRoleId>AROAEXAMPLEEXAMPLE000:bench</AssumedRoleId></AssumedRoleUser>"""
_IDENTITY = "<Arn>{0}</Arn><UserId>AROAEXAMPLEEXAMPLE000:bench</UserId><Account>111122223333</Account>"
KEY_ID, SECRET = "ASIAEXAMPLEEXAMPLE00", "made-up/secret/access/key/of/40/letters/"


class Fake:
    """STS's role-assuming operations, with made-up credentials of a chosen life and size."""

    def __init__(self, directory: Path, life: int, token_bytes: int) -> None:
        self._directory = directory
        self._faults = Faults(StateDirectory(directory / STATE))
        self._life = life
        self._token = "t" * token_bytes

    def serve(self, app: web.Application) -> None:
        app.router.add_post("/", self.sts)

    async def sts(self, request: web.Request) -> web.Response:
        """`AssumeRole`, `AssumeRoleWithWebIdentity`, `GetCallerIdentity`: form in, XML out."""
        action = str((await request.post())["Action"])
        if action == "GetCallerIdentity":
            return _xml(action, _IDENTITY.format(SESSION))
        if not await self._works(action):
            return web.Response(status=500)
        ends = datetime.fromtimestamp(int(time.time()) + self._life, UTC)
        stamp = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
        return _xml(action, _CREDENTIALS.format(KEY_ID, SECRET, self._token, stamp, SESSION))

    async def _works(self, action: str) -> bool:
        await asyncio.sleep(self._faults.seconds("slow"))
        note_call(self._directory, action)
        return self._faults.get("http-500") is None


def _xml(action: str, result: str) -> web.Response:
    return web.Response(text=_XML.format(action, result), content_type="text/xml")


def calls_noted(directory: Path) -> list[float]:
    """When (Unix time) credentials were asked for."""
    file = directory / CALLS
    return [float(line.split()[0]) for line in file.read_text().splitlines()] if file.exists() else []


def note_call(directory: Path, action: str) -> None:
    with (directory / CALLS).open("a") as calls:
        calls.write(f"{time.time():.6f} {action}\n")


@contextlib.asynccontextmanager
async def _serving(fake: Fake) -> AsyncIterator[str]:
    app = web.Application()
    fake.serve(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, *ANY_PORT)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def main(directory: Path, life: int, token_bytes: int) -> None:
    def observe(event: LabEvent) -> None:
        if isinstance(event, Answered) and event.action != "GetCallerIdentity":
            note_call(directory, event.action)

    settings = LabSettings(directory / STATE, ANY_PORT, ANY_PORT, ANY_PORT, session_lifetime=life)
    async with running(settings, observe) as lab, _serving(Fake(directory, life, token_bytes)) as fake:
        ready = directory / READY
        found = {"sts": lab.sts_url, "fake": fake, "token_file": str(lab.token_file)}
        ready.with_suffix(".part").write_text(json.dumps(found))
        ready.with_suffix(".part").rename(ready)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
