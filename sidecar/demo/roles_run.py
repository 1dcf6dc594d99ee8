"""The demo with two applications, each with a role of its own: shown side by side, and each kept from the other's."""

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from sidecar.core.variables import AUTHORIZATION_FILE, FULL_URI
from sidecar.demo import narration, run, two_roles
from sidecar.demo.processes import lines, python
from sidecar.demo.progress import Progress
from sidecar.demo.two_roles import PARTNER, REPORTS, ROLES, NamedRole
from sidecar.lab.app import Lab


class RolesDemo(run.Demo):
    """`reports` has its role by the pod's own token, `partner` one in another account by a chain on the pod's role."""

    def __init__(self, plan: run.Plan, progress: Progress, directory: Path) -> None:
        super().__init__(plan, progress, directory)
        self._profiles = directory / "roles"
        self._of = {role.name: Progress() for role in ROLES}
        self._row: dict[str, str] = {}

    async def run(self, lab: Lab, aws_url: str) -> None:
        two_roles.write_profiles(self._profiles)
        two_roles.add_to_iam(lab.state.iam)
        for role in ROLES:
            self._progress.print("demo", f"{role.name:<8} {role.described}")
        await super().run(lab, aws_url)

    @property
    def succeeded(self) -> bool:
        """Did no call fail for which there were credentials, and did each key change if the demo ended by itself?"""
        counts = [progress.counts for progress in self._of.values()]
        return all(each.failed_calls == 0 and (not self._plan.ends or len(each.access_keys) > 1) for each in counts)

    def ended(self) -> str:
        return "; ".join(f"{name}: {progress.counts.of_calls}" for name, progress in self._of.items())

    async def _planned_end(self) -> None:
        if not self._plan.once:
            await asyncio.Event().wait()
        for progress in self._of.values():
            await progress.until(lambda counts: len(counts.access_keys) > 1)

    def _sidecar_settings(self, lab: Lab) -> dict[str, str]:
        return super()._sidecar_settings(lab) | two_roles.variables(self._profiles)

    def _issued(self, fields: Mapping[str, Any]) -> None:
        super()._issued(fields)
        if "role" in fields:
            self._of[fields["role"]].credentials_issued(fields["expires_in"], fields["next_attempt_in"])

    async def _run_applications(self, aws_url: str) -> None:
        url = await self._serving
        for progress in self._of.values():
            await progress.until(lambda counts: counts.issued > 0)
        await self._try_the_others(url)
        async with asyncio.TaskGroup() as group:
            for role in ROLES:
                group.create_task(self._run_application_of(role, url, aws_url))

    async def _try_the_others(self, url: str) -> None:
        """Each asks for the other's role, with the only token that its container has."""
        async with aiohttp.ClientSession() as http:
            for own, other in ((REPORTS, PARTNER), (PARTNER, REPORTS)):
                headers = {"Authorization": own.token_file(self._profiles).read_text()}
                async with http.get(f"{url}/{other.name}", headers=headers) as answer:
                    self._progress.print("demo", f"{own.name}'s token for {other.name}'s role: {answer.status}")
                    if answer.ok:
                        raise run.ProcessEnded(f"{own.name} gets the credentials of {other.name}")

    async def _run_application_of(self, role: NamedRole, url: str, aws_url: str) -> None:
        environment = self._environment | {
            FULL_URI: f"{url}/{role.name}",
            AUTHORIZATION_FILE: str(role.token_file(self._profiles)),
            "AWS_DEFAULT_REGION": run.REGION,
            "AWS_ENDPOINT_URL_STS": aws_url,
        }
        command = ["-m", "sidecar.demo.application", str(run.CALL_INTERVAL)]
        async with python(command, environment, stdout=PIPE, stderr=DEVNULL) as process:
            async for line in lines(process.stdout):
                self._called(role, json.loads(line))
            raise run.ProcessEnded(f"{role.name} ended unexpectedly (exit code {await process.wait()})")

    def _called(self, role: NamedRole, fields: dict[str, Any]) -> None:
        self._of[role.name].called(fields)
        self._row[role.name] = narration.of_application_briefly(fields)
        if len(self._row) == len(ROLES):
            self._progress.print("applications", narration.side_by_side([self._row.pop(each.name) for each in ROLES]))
