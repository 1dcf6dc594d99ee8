"""`irsa-sidecar healthcheck` as a probe runs it: a process, its exit code, and a reason on standard error."""

import asyncio
import os
import resource
import sys
from pathlib import Path

import pytest

import sidecar
from sidecar.admin.status import STUCK_AFTER
from sidecar.client.running_sidecar import refused_requests
from sidecar.core.errors import StsUnreachable
from sidecar.core.model import Credentials
from sidecar.http.addresses import Address, TcpAddress, UnixAddress
from sidecar.observe.sdk_family import Sdk
from tests.admin.kit import SetRole, served_admin
from tests.doubles import credentials
from tests.needs import on_ipv6
from tests.observe.kit import UNAUTHORIZED
from tests.waiting import HANGS_AFTER

DOWN = StsUnreachable("STS is not reachable.", fix="Check the network.")
START = f"""
import sys
sys.path.append({str(Path(sidecar.__file__).parents[1])!r})
from sidecar.cli import main
sys.argv = ["irsa-sidecar", "healthcheck"]
code = main()
"""
"""As the image's entry point starts it: no `site`, nothing from the environment."""
SLOW = [
    *("aiohttp", "argparse", "asyncio", "dataclasses", "email", "http", "json"),
    *("logging", "pathlib", "re", "ssl", "typing", "urllib"),
]


class AskedAfter(SetRole):
    """Remembers that somebody wanted to know."""

    def __init__(self, error: StsUnreachable) -> None:
        super().__init__(error=error)
        self.asked = asyncio.Event()

    def usable(self) -> Credentials | None:
        self.asked.set()
        return super().usable()


async def run(*arguments: str, admin: Address | str, **environ: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a Python that is told nothing but where the admin face is."""
    inherited = {name: text for name, text in os.environ.items() if name.startswith(("COVERAGE_", "PATH"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env=inherited | {"SIDECAR_ADMIN_LISTEN": str(admin)} | environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(HANGS_AFTER):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def check(*question: str, admin: Address | str) -> tuple[int, str]:
    code, out, err = await run("-m", "sidecar", "healthcheck", *question, admin=admin)
    assert out == ""
    return code, err


async def test_ready_is_0_and_silence() -> None:
    async with served_admin(SetRole(held=credentials())) as address:
        assert await check(admin=address) == (0, "")
        assert await check("ready", admin=address) == (0, "")


async def test_ready_while_refreshes_fail_is_0_and_says_what_to_mend() -> None:
    async with served_admin(SetRole(held=credentials(), error=DOWN)) as address:
        assert await check(admin=address) == (
            0,
            "irsa-sidecar healthcheck: credentials are served, but the refresh is failing: "
            "STS is not reachable. Check the network.\n",
        )


async def test_ready_while_requests_are_refused_is_0_and_says_what_to_mend() -> None:
    role = SetRole(held=credentials())
    for _ in range(9):
        role.refusals("container", Sdk("boto3", "1"), UNAUTHORIZED)
    async with served_admin(role) as address:
        code, err = await check(admin=address)
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith("irsa-sidecar healthcheck: credentials are served, but requests for them are refused: ")
    assert "no Authorization header. Set AWS_CONTAINER_AUTHORIZATION_TOKEN and" in err
    assert err.endswith("(9 times on container)\n")


@pytest.mark.parametrize("refused", ["nine", ["nine"], [{}], [{"times": "nine"}], None], ids=repr)
def test_whatever_is_told_of_refusals_is_no_crash(refused: object) -> None:
    assert refused_requests({"refused": refused}) == []


async def test_waiting_ends_with_the_first_credential() -> None:
    role = AskedAfter(error=DOWN)
    async with served_admin(role) as address, asyncio.TaskGroup() as group:
        waiting = group.create_task(check("--wait", "9", admin=address))
        await role.asked.wait()
        role.held = credentials()
        assert (await waiting)[0] == 0


async def test_waiting_in_vain_is_1_and_says_why() -> None:
    async with served_admin(SetRole(error=DOWN)) as address:
        assert await check("--wait", "0.3", admin=address) == (
            1,
            "irsa-sidecar healthcheck: STS is not reachable. Check the network.\n",
        )


async def test_not_ready_is_1_and_says_the_cause_and_the_fix() -> None:
    async with served_admin(SetRole(error=DOWN)) as address:
        assert await check(admin=address) == (
            1,
            "irsa-sidecar healthcheck: STS is not reachable. Check the network.\n",
        )


async def test_not_ready_without_an_error_says_the_phase() -> None:
    async with served_admin(SetRole()) as address:
        assert await check(admin=address) == (1, "irsa-sidecar healthcheck: phase empty\n")


async def test_live_asks_for_the_loop_alone() -> None:
    role = SetRole(error=DOWN)
    async with served_admin(role) as address:
        assert await check("live", admin=address) == (0, "")
        role.idle_for = STUCK_AFTER
        assert await check("live", admin=address) == (1, f"irsa-sidecar healthcheck: 503 at {address}\n")


async def test_nobody_there_is_1_with_the_address() -> None:
    async with served_admin(SetRole()) as address:
        pass
    code, err = await check(admin=address)
    assert code == 1
    assert err.startswith(f"irsa-sidecar healthcheck: no answer at {address}: ")
    assert "Connection refused" in err


async def test_someone_who_speaks_no_http_is_1() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")  # what is left unread would make the kernel reset the connection
        writer.write(b"220 smtp.example\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        code, err = await check(admin=f"{host}:{port}")
    assert (code, err) == (
        1,
        f"irsa-sidecar healthcheck: no answer at {host}:{port}: the program that listens there does not speak HTTP\n",
    )


async def test_a_setting_that_is_no_address_is_1_and_named() -> None:
    code, err = await check(admin="9912")
    assert code == 1
    assert "no answer at 9912: is not an address to listen on" in err


async def test_a_question_that_is_none_is_a_usage_error() -> None:
    code, err = await check("well", admin="127.0.0.1:1")
    assert code == 2
    assert "invalid choice: 'well'" in err


@pytest.mark.parametrize(("bound", "wildcard"), [("127.0.0.1", "0.0.0.0"), pytest.param("::1", "::", marks=on_ipv6)])
async def test_a_wildcard_is_asked_on_loopback(bound: str, wildcard: str) -> None:
    async with served_admin(SetRole(held=credentials()), TcpAddress(bound, 0)) as address:
        assert isinstance(address, TcpAddress)
        assert await check(admin=TcpAddress(wildcard, address.port)) == (0, "")


async def test_a_unix_socket_is_asked_too(tmp_path: Path) -> None:
    address = UnixAddress(tmp_path / "s")
    async with served_admin(SetRole(held=credentials()), address):
        assert await check(admin=address) == (0, "")
    code, err = await check(admin=UnixAddress(tmp_path / "none"))
    assert (code, "No such file or directory" in err) == (1, True)


async def test_the_first_of_several_addresses_is_asked() -> None:
    async with served_admin(SetRole(held=credentials())) as address:
        assert await check(admin=f"{address},127.0.0.1:1") == (0, "")


async def test_a_proxy_in_the_environment_is_not_asked() -> None:
    async with served_admin(SetRole(held=credentials())) as address:
        arguments = ("-m", "sidecar", "healthcheck")
        code, _, err = await run(
            *arguments, admin=address, http_proxy="http://127.0.0.1:1", HTTP_PROXY="http://127.0.0.1:1"
        )
    assert (code, err) == (0, "")


async def test_it_loads_no_library_that_a_probe_would_wait_for() -> None:
    async with served_admin(SetRole(held=credentials())) as address:
        shown = f"print(*sorted(set({SLOW}) & set(sys.modules))); sys.exit(code)"
        code, out, err = await run("-IS", "-c", START + shown, admin=address)
    assert (code, err) == (0, "")
    assert out.split() == []


async def test_it_costs_little_more_cpu_than_a_python_that_does_nothing() -> None:
    async def cost(program: str) -> float:
        """CPU seconds."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert await run("-IS", "-c", program, admin=address) == (0, "", "")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    async with served_admin(SetRole(held=credentials())) as address:
        # In turn: what else runs here makes both dearer, and by the least of several it makes them so least.
        costs = [(await cost(START), await cost("pass")) for _ in range(7)]
    asking, nothing = map(min, zip(*costs, strict=True))
    assert asking < 4.5 * nothing  # 25 ms and 8 ms
