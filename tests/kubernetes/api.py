"""Kubernetes' REST API, as far as the tests speak it."""

import json
import re
from typing import Any

import aiohttp

Object = dict[str, Any]


class Refused(Exception):
    """The API server says no. `reason` is a word such as Forbidden or Invalid, the text its message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Api:
    """One client. Every method raises `Refused`."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def text(self, path: str) -> str:
        async with self._http.get(path) as answer:
            await _check(answer)
            return await answer.text()

    async def get(self, path: str) -> Object:
        async with self._http.get(path) as answer:
            await _check(answer)
            found: Object = await answer.json(content_type=None)
            return found

    async def post(self, path: str, content: Object, **parameters: str) -> Object:
        async with self._http.post(path, json=content, params=parameters) as answer:
            await _check(answer)
            made: Object = await answer.json()
            return made

    async def create(self, content: Object, namespace: str) -> Object:
        """Keep it, in the namespace if its kind has one, whatever namespace it names."""
        return await self.post(await self._path(content, namespace), _moved(content, namespace))

    async def dry_run(self, content: Object, namespace: str) -> Object:
        """Decode, default, admit and validate it, as for keeping it, but keep nothing (`--dry-run=server`).

        Strict: a field that the API does not know is an error, as it is for kubectl.
        """
        path = await self._path(content, namespace)
        return await self.post(path, _moved(content, namespace), dryRun="All", fieldValidation="Strict")

    async def apply(self, content: Object, namespace: str = "") -> Object:
        """Create it or make it so, as `kubectl apply --server-side` does."""
        path = await self._path(content, content["metadata"].get("namespace", namespace))
        headers = {"Content-Type": "application/apply-patch+yaml"}
        parameters = {"fieldManager": "tests", "force": "true"}
        where = f"{path}/{content['metadata']['name']}"
        async with self._http.patch(where, data=json.dumps(content), params=parameters, headers=headers) as answer:
            await _check(answer)
            made: Object = await answer.json()
            return made

    async def delete(self, content: Object, namespace: str = "") -> None:
        path = await self._path(content, content["metadata"].get("namespace", namespace))
        async with self._http.delete(f"{path}/{content['metadata']['name']}") as answer:
            await _check(answer)

    async def warnings(self, content: Object, namespace: str) -> list[str]:
        """What a dry run warns of, if it does not refuse."""
        path = await self._path(content, namespace)
        async with self._http.post(path, json=_moved(content, namespace), params={"dryRun": "All"}) as answer:
            await _check(answer)
            found = (re.fullmatch(r'299 - "(.*)"', header) for header in answer.headers.getall("Warning", []))
            return [each[1] for each in found if each]

    async def _path(self, content: Object, namespace: str) -> str:
        """Where objects of this kind live: the API server knows their plural, and whether they are in namespaces."""
        version = content["apiVersion"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        kinds = (await self.get(root))["resources"]
        (kind,) = (kind for kind in kinds if kind["kind"] == content["kind"] and "/" not in kind["name"])
        return f"{root}/namespaces/{namespace}/{kind['name']}" if kind["namespaced"] else f"{root}/{kind['name']}"


def _moved(content: Object, namespace: str) -> Object:
    metadata = content["metadata"]
    return content | {"metadata": metadata | {"namespace": namespace}} if "namespace" in metadata else content


async def _check(answer: aiohttp.ClientResponse) -> None:
    if answer.status < 400:
        return
    told = await answer.json(content_type=None) if answer.content_type == "application/json" else {}
    raise Refused(answer.status, told.get("reason", ""), told.get("message", await answer.text()))
