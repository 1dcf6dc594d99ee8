"""The judge is botocore: what a pod's own SDK makes of the container face, over a real socket."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import boto3
import pytest
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError
from botocore.utils import ContainerMetadataFetcher

from sidecar.core.errors import NoCredentials, TrustRefused
from sidecar.core.model import Credentials
from sidecar.core.refresh import RefreshPolicy, floor
from sidecar.faces.container import ContainerFace
from tests.conftest import Canary
from tests.doubles import KEY_CANARY, SESSION_CANARY, credentials
from tests.faces.kit import AUTH_TOKEN, OneToken, Requests, Source, container_face, served

REFUSED = TrustRefused("The role does not trust shop/checkout.", fix="Add the service account to its trust policy.")
NOTHING = NoCredentials(REFUSED, cause=REFUSED.cause, fix=REFUSED.fix, retry_after=30)


def living(left: float) -> Credentials:
    """Credentials with so many seconds left by the clock that botocore reads."""
    return replace(credentials(), expiration=time.time() + left)


@pytest.fixture(autouse=True)
def nothing_but_the_pods_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No profile and no key of the machine's; botocore's second between its three tries is not waited for."""
    with monkeypatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ROLE_ARN"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        patch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
        yield


def find(environ: dict[str, str], uses: int = 1) -> RefreshableCredentials:
    """What an application's `boto3.Session()` finds, used so many times."""
    with pytest.MonkeyPatch.context() as patch:
        for name, text in environ.items():
            patch.setenv(name, text)
        found = boto3.Session().get_credentials()
        assert isinstance(found, RefreshableCredentials)
        for _ in range(uses):
            found.get_frozen_credentials()
        return found


async def ask(
    face: ContainerFace,
    environ: Mapping[str, str] = MappingProxyType({}),
    *,
    requests: Requests | None = None,
    host: str = "127.0.0.1",
    uses: int = 1,
) -> RefreshableCredentials:
    async with served(face, requests) as port:
        given = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{host}:{port}/v1/credentials", **environ}
        return await asyncio.to_thread(find, given, uses)


async def test_botocore_takes_all_that_it_needs_from_the_document() -> None:
    held = living(3600)
    found = await ask(container_face(Source(held)))
    frozen = found.get_frozen_credentials()
    assert found.method == "container-role"
    assert (frozen.access_key, frozen.secret_key, frozen.token, frozen.account_id) == (
        *(held.access_key_id, KEY_CANARY, SESSION_CANARY, "111122223333"),
    )
    assert found._expiry_time.timestamp() == int(held.expiration)


async def test_localhost_will_do_as_well() -> None:
    assert (await ask(container_face(Source(living(3600))), host="localhost")).access_key


@pytest.mark.parametrize("where", ["variable", "file", "both"])
async def test_the_token_may_be_in_the_variable_in_a_file_or_in_both(where: str, tmp_path: Path) -> None:
    file = tmp_path / "auth"
    file.write_text(AUTH_TOKEN)
    names = {
        "variable": {"AWS_CONTAINER_AUTHORIZATION_TOKEN": AUTH_TOKEN},
        "file": {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file)},
    }
    environ = names.get(where, names["variable"] | names["file"])
    found = await ask(container_face(Source(living(3600)), authorization=OneToken()), environ)
    assert found.secret_key == KEY_CANARY


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"AWS_CONTAINER_AUTHORIZATION_TOKEN": "wrong"}, "The Authorization header is not the sidecar's token."),
        ({"AWS_CONTAINER_AUTHORIZATION_TOKEN": f"Bearer {AUTH_TOKEN}"}, "without `Bearer` and without a newline"),
        ({}, "Set AWS_CONTAINER_AUTHORIZATION_TOKEN and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    ],
)
async def test_a_wrong_token_ends_in_an_error_that_says_what_to_change(
    environ: dict[str, str], sentence: str, canary: Canary
) -> None:
    with pytest.raises(CredentialRetrievalError) as refused:
        await ask(container_face(Source(living(3600)), authorization=OneToken()), environ)
    assert "401" in str(refused.value)
    assert sentence in str(refused.value)
    assert AUTH_TOKEN not in str(refused.value)
    canary.saw(refused.value)


async def test_with_nothing_valid_the_application_reads_our_cause_and_fix() -> None:
    requests = Requests()
    with pytest.raises(CredentialRetrievalError) as failed:
        await ask(container_face(Source(after_waiting=NOTHING)), requests=requests)
    assert "The role does not trust shop/checkout. Add the service account to its trust policy." in str(failed.value)
    assert requests.seen == [("container", 503)] * ContainerMetadataFetcher.RETRY_ATTEMPTS


async def test_a_wrong_path_ends_in_an_error_that_names_the_right_one() -> None:
    async with served(container_face(Source(living(3600)))) as port:
        with pytest.raises(CredentialRetrievalError, match="must end in /v1/credentials"):
            await asyncio.to_thread(find, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}/creds"})


async def test_just_before_a_refresh_of_ours_botocore_still_asks_only_once() -> None:
    requests = Requests()
    await ask(container_face(Source(living(floor(3600, RefreshPolicy())))), requests=requests, uses=20)
    assert requests.seen == [("container", 200)]


async def test_inside_its_last_quarter_of_an_hour_botocore_asks_on_every_use() -> None:
    """Why the policy's floor is where it is: this is what a shorter one would cost."""
    requests = Requests()
    await ask(container_face(Source(living(14 * 60))), requests=requests, uses=5)
    assert len(requests.seen) > 5
