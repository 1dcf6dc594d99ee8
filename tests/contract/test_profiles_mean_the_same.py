"""botocore is the judge of what a profile means: with the same file it makes the same call to the same STS."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import BotoCoreError
from botocore.loaders import create_loader
from botocore.session import Session
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sidecar.settings.complaints import BadConfig
from sidecar.settings.config import load
from sidecar.settings.roles import ChainSettings, ContainerSettings, SourceSettings, WebIdentitySettings

LOADER = create_loader()
BASE = "arn:aws:iam::111122223333:role/base"
ROLE = "arn:aws:iam::444455556666:role/reports"
ISSUED = b"""<%(action)sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%(action)sResult><Credentials>
<AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>y</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></%(action)sResult></%(action)sResponse>"""


@dataclass(frozen=True)
class Call:
    """What STS is asked."""

    url: str
    parameters: dict[str, str]

    @property
    def action(self) -> str:
        return self.parameters["Action"]

    def of(self, *names: str) -> dict[str, str]:
        return {name: self.parameters[name] for name in names if name in self.parameters}


@dataclass(frozen=True)
class Judge:
    """botocore with a config file, and an STS that issues whatever is asked for."""

    path: Path
    calls: list[Call] = field(default_factory=list)

    def last_call(self, profile: str) -> Call:
        """Raises `BotoCoreError`."""
        self.calls.clear()
        session = Session(profile=profile)
        session.register_component("data_loader", LOADER)
        session.register("before-send.sts.*", self._answer)
        assert session.get_credentials().get_frozen_credentials()
        return self.calls[-1]

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        parameters = dict(parse_qsl(request.body.decode() if isinstance(request.body, bytes) else request.body))
        self.calls.append(Call(request.url.rstrip("/"), parameters))
        body = ISSUED % {b"action": parameters["Action"].encode()}
        answer = AWSResponse(request.url, 200, {}, None)
        answer._content = body
        return answer


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    directory = tmp_path_factory.mktemp("aws")
    (directory / "token").write_text("a.projected.token")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", str(directory / "config"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(directory / "none"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield Judge(directory / "config")


def ours(path: Path) -> SourceSettings:
    """Raises `BadConfig`."""
    environ = {"AWS_CONFIG_FILE": str(path), "SIDECAR_DEFAULT_PROFILE": "reports"}
    return load(environ, []).roles.default_role.source


def assert_the_same_call(judge: Judge, source: SourceSettings) -> None:
    assert not isinstance(source, ContainerSettings)
    call = judge.last_call("reports")
    session = source.session
    assert call.url == source.sts.endpoint.rstrip("/")
    assert call.action == ("AssumeRole" if isinstance(source, ChainSettings) else "AssumeRoleWithWebIdentity")
    assert call.parameters["RoleArn"] == str(source.role_arn)
    if session.name is not None:
        assert call.parameters["RoleSessionName"] == session.name
    if isinstance(source, ChainSettings):
        assert call.of("ExternalId", "DurationSeconds") == asked_of(judge.path, source)
        assert judge.calls[0].action == "AssumeRoleWithWebIdentity"
        assert judge.calls[0].parameters["RoleArn"] == BASE


def asked_of(path: Path, chain: ChainSettings) -> dict[str, str]:
    """botocore sends no duration that the profile does not name."""
    asked = {} if chain.session.external_id is None else {"ExternalId": chain.session.external_id}
    if "duration_seconds" in path.read_text().lower():
        asked["DurationSeconds"] = str(chain.session.duration)
    return asked


# --- by hand ---------------------------------------------------------------------------------------------------

OWN_TOKEN = "web_identity_token_file = {directory}/token\n"
CHAINED = "source_profile = base\n"
BASE_SECTION = f"\n[profile base]\nrole_arn = {BASE}\n{OWN_TOKEN}region = eu-west-3\n"

BY_HAND = [
    f"region = eu-central-1\n{OWN_TOKEN}",
    f"region = us-gov-west-1\nrole_session_name = me\n{OWN_TOKEN}",
    f"region = cn-north-1\nuse_fips_endpoint = true\n{OWN_TOKEN}",
    f"region = eu-central-1\nuse_fips_endpoint = TRUE\nuse_dualstack_endpoint = true\n{OWN_TOKEN}",
    f"region = eu-central-1\nendpoint_url = https://sts.example:8443/path\n{OWN_TOKEN}",
    f"region = eu-central-1\nendpoint_url = https://all.example\nservices = local\n{OWN_TOKEN}"
    "[services local]\nsts =\n  endpoint_url = https://sts.local\n",
    f"region = eu-central-1\nendpoint_url = https://all.example\nservices = local\n{OWN_TOKEN}"
    "[services local]\ns3 =\n  endpoint_url = https://s3.local\n",
    f"region = eu-central-1\nendpoint_url = https://all.example\nignore_configured_endpoint_urls = true\n{OWN_TOKEN}",
    f"region = eu-central-1\n{CHAINED}",
    f"region = eu-central-1\nexternal_id = 42/a:b@c\nduration_seconds = 1800\nrole_session_name = me\n{CHAINED}",
]


@pytest.mark.parametrize("keys", BY_HAND)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_same_call(judge: Judge, keys: str, end: str) -> None:
    write(judge.path, f"[profile reports]\nrole_arn = {ROLE}\n{keys}", end)
    assert_the_same_call(judge, ours(judge.path))


def write(path: Path, text: str, end: str = "\n") -> None:
    whole = (text + BASE_SECTION).replace("{directory}", str(path.parent))
    path.write_bytes(end.join(whole.splitlines()).encode())


@pytest.mark.parametrize(
    "keys",
    [
        "source_profile = nowhere\n",
        "source_profile = reports\n",
        "services = nowhere\n" + OWN_TOKEN,
        "source_profile = base\ncredential_source = EcsContainer\n",
        "credential_source = Elsewhere\n",
    ],
)
def test_what_it_refuses_is_refused(judge: Judge, keys: str) -> None:
    write(judge.path, f"[profile reports]\nrole_arn = {ROLE}\nregion = eu-central-1\n{keys}")
    with pytest.raises(BotoCoreError):
        judge.last_call("reports")
    with pytest.raises(BadConfig):
        ours(judge.path)


# --- made up ---------------------------------------------------------------------------------------------------


def pairs(key: str, *values: str) -> st.SearchStrategy[str]:
    spelled = st.sampled_from([key, key, key.upper()])
    equals = st.sampled_from(["=", " = ", "   =\t", ": "])
    return st.builds("{}{}{}\n".format, spelled, equals, st.sampled_from(values))


NOISE = st.sampled_from(
    ["# comment\n", "; comment\n", "\n", "output = json\n", "s3 =\n  addressing_style = path\n", ""]
)
KEYS = st.tuples(
    pairs("region", "eu-central-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-east-1"),
    st.just("") | pairs("role_session_name", "me", "a=b,c.d@e-f", "x" * 64, "x y"),
    st.just("") | pairs("external_id", "42", "a/b:c", "x y"),
    st.just("") | pairs("duration_seconds", "900", "3600", "1h"),
    st.just("") | pairs("use_fips_endpoint", "true", "false", "True"),
    st.just("") | pairs("use_dualstack_endpoint", "true", "false"),
    st.just("") | pairs("endpoint_url", "https://all.example", "https://all.example/x", "all.example"),
    st.just("") | pairs("ignore_configured_endpoint_urls", "true", "false"),
    st.just("") | pairs("services", "local"),
    st.sampled_from([OWN_TOKEN, CHAINED]),
    NOISE,
    NOISE,
)
SERVICES = st.sampled_from(
    [
        "\n[services local]\nsts =\n  endpoint_url = https://sts.local\n",
        "\n[services local]\ns3 =\n  endpoint_url = https://s3.local\nsts =\n\n  # a comment\n  endpoint_url=https://sts.two\n",
        "\n[sso-session corp]\nsso_region = us-east-1\n\n[services local]\n",
    ]
)


TAKEN: list[type[SourceSettings]] = []


@settings(max_examples=200, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(KEYS.flatmap(lambda keys: st.permutations(list(keys))), SERVICES, st.sampled_from(["\n", "\r\n"]))
def test_the_same_call_for_any_profile_that_we_take(judge: Judge, keys: list[str], services: str, end: str) -> None:
    write(judge.path, f"[profile reports]\nrole_arn = {ROLE}\n{''.join(keys)}{services}", end)
    with suppress(BadConfig):
        source = ours(judge.path)
        TAKEN.append(type(source))
        assert_the_same_call(judge, source)


def test_many_of_them_were_taken() -> None:
    """Else the test before this one compares nothing."""
    assert min(TAKEN.count(WebIdentitySettings), TAKEN.count(ChainSettings)) >= 15
