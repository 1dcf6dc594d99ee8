"""What the sources of many roles share, and what they forget when a role goes."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.core.arns import RoleArn
from sidecar.core.broker import Broker
from sidecar.core.errors import TokenUnreadable
from sidecar.core.refresh import RefreshPolicy
from sidecar.core.session_request import ChainedSessionRequest, SessionRequest
from sidecar.settings.roles import ChainSettings, FallbackRegion, RoleSettings, StsConnection, WebIdentitySettings
from sidecar.sources.chain import Chain
from sidecar.sources.regional_exchange import RegionalExchange
from sidecar.sources.role_sources import RoleSources, role_sources
from sidecar.sources.token_file import TokenFile
from sidecar.sources.web_identity import WebIdentity
from sidecar.sts.assume_role import AssumeRole
from sidecar.sts.exchange import no_observer
from tests.chains import TARGET_ARN
from tests.doubles import ROLE_ARN, Pod, Recorder, VirtualClock


def no_broker(name: str) -> Broker:
    raise AssertionError(name)


@pytest.fixture
async def sources() -> AsyncIterator[RoleSources]:
    async with role_sources(VirtualClock(), no_broker) as made:
        yield made


def role(name: str, token_file: Path) -> RoleSettings:
    return RoleSettings(
        name=name,
        source=WebIdentitySettings(
            role_arn=RoleArn.parse(ROLE_ARN),
            token_file=token_file,
            session=SessionRequest(),
            sts=StsConnection(endpoint="http://127.0.0.1:1", region=None),
        ),
    )


def token_file_of(made: object) -> TokenFile:
    assert isinstance(made, WebIdentity)
    found = made._tokens
    assert isinstance(found, TokenFile)
    return found


async def test_roles_with_the_same_token_file_read_it_together_others_do_not(sources: RoleSources) -> None:
    files = [
        token_file_of(sources.source(role(name, Path(path)), no_observer))
        for name, path in (("one", "/tokens/a"), ("two", "/tokens/a"), ("three", "/tokens/b"))
    ]
    assert files[0] is files[1] is not files[2]


async def test_what_no_role_needs_any_more_is_forgotten(sources: RoleSources) -> None:
    kept, gone = role("kept", Path("/tokens/kept")), role("gone", Path("/tokens/gone"))
    stays = token_file_of(sources.source(kept, no_observer))
    goes = weakref.ref(token_file_of(sources.source(gone, no_observer)))
    sources.keep_only([kept, gone])
    gc.collect()
    assert goes() is not None
    sources.keep_only([kept])
    gc.collect()
    assert goes() is None
    assert token_file_of(sources.source(replace(kept, name="again"), no_observer)) is stays


@pytest.mark.parametrize("key", ["AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file"])
async def test_an_error_about_a_token_file_names_the_setting_that_names_the_file(
    sources: RoleSources, tmp_path: Path, key: str
) -> None:
    settings = role("one", tmp_path / "missing")
    assert isinstance(settings.source, WebIdentitySettings)
    found = sources.source(replace(settings, source=replace(settings.source, token_file_key=key)), no_observer)
    with pytest.raises(TokenUnreadable) as told:
        await found.check()
    assert f"point {key} at the file" in told.value.fix


def chained(*, fallbacks: tuple[FallbackRegion, ...] = ()) -> RoleSettings:
    return RoleSettings(
        name="partner",
        source=ChainSettings(
            role_arn=RoleArn.parse(TARGET_ARN),
            base="shop",
            session=ChainedSessionRequest(external_id="42"),
            sts=StsConnection(endpoint="http://127.0.0.1:1", region="eu-west-1", fallbacks=fallbacks),
        ),
    )


async def test_a_chain_stands_on_the_broker_that_has_its_bases_name_at_each_look() -> None:
    brokers = {"shop": Pod().broker}
    async with role_sources(VirtualClock(), lambda name: brokers[name]) as made:
        chain = made.source(chained(), no_observer)
        assert isinstance(chain, Chain)
        assert chain.token is None
        brokers["shop"] = (pod := Pod()).broker
        await pod.tokens.read()
        assert chain.token is pod.tokens.current.value


async def test_a_chain_that_is_taken_out_with_its_base_ends_while_it_waits_for_it() -> None:
    """Its task ends all others with it where it ends otherwise."""
    brokers = {"shop": Pod().broker}
    async with role_sources(VirtualClock(), lambda name: brokers[name]) as made:
        broker = Broker(
            role="partner",
            source=made.source(chained(), no_observer),
            clock=VirtualClock(),
            jitter=lambda: 0.5,
            observe=Recorder(),
            policy=RefreshPolicy(),
        )
        refreshing = asyncio.create_task(broker.keep_fresh())
        await asyncio.sleep(0)
        brokers.clear()
        refreshing.cancel()
        await asyncio.wait([refreshing])
        assert refreshing.cancelled()
        assert broker.token is None  # what a page asks that is being written


async def test_a_chain_asks_in_its_fallback_regions_too(sources: RoleSources) -> None:
    """What its base gets there would be worth nothing while the chain itself stays with the region that is down."""
    fallback = FallbackRegion(region="eu-central-1", endpoint="http://127.0.0.1:2")
    chain = sources.source(chained(fallbacks=(fallback,)), no_observer)
    assert isinstance(chain, Chain)
    assert isinstance(chain._exchange, RegionalExchange)
    asked = [each.ask for each in chain._exchange._calls]
    assert all(isinstance(each, AssumeRole) for each in asked)
    assert [(each._call.region, each._call.route.endpoint) for each in asked if isinstance(each, AssumeRole)] == [
        ("eu-west-1", "http://127.0.0.1:1"),
        ("eu-central-1", "http://127.0.0.1:2"),
    ]
