"""The IMDS face: each path, token and header, and what comes back."""

import asyncio
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.arns import RoleArn
from sidecar.core.errors import StsUnreachable
from sidecar.core.model import Seconds
from sidecar.core.refresh import RefreshPolicy, RoleState, floor
from sidecar.faces.document import instance_document
from sidecar.faces.imds import ImdsFace, protocol
from sidecar.faces.imds_tokens import NEVER, SessionTokens
from sidecar.faces.instance import Instance
from sidecar.faces.paths import canonical
from sidecar.http.messages import Request
from tests.conftest import Canary
from tests.doubles import DAY, ROLE_ARN, Pod, a_token, credentials
from tests.faces.imds_kit import CREDENTIALS, DOCUMENT, POD, Imds, RefreshedSource
from tests.faces.kit import answered, body
from tests.virtual_time import in_virtual_time

UNREACHABLE = StsUnreachable("STS is not reachable.", fix="Check the network.")


def imds(*, v1: bool = False) -> Imds:
    return Imds(RefreshedSource(credentials()), v1=v1)


# --- session tokens --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("life", ["1", "10", "60", "300", "600", "21600"])
async def test_a_token_has_the_life_that_is_asked_for_and_the_answer_says_so(life: str) -> None:
    held = imds()
    answer = await held.put(life)
    assert (answer.status, answer.headers["x-aws-ec2-metadata-token-ttl-seconds"]) == (200, life)
    assert answer.headers["Content-Type"] == "text/plain"
    token = answer.body.decode()
    assert token.isprintable()
    held.at = int(life) - 0.001
    assert (await held.get(CREDENTIALS, token)).status == 200
    held.at = int(life)
    assert (await held.get(CREDENTIALS, token)).status == 401


@pytest.mark.parametrize(
    "life", [None, "", "0", "21601", "99999999", "-1", "+60", "60.0", "sixty", "60, 60", "٦٠", " 60"]
)
async def test_only_a_life_that_cannot_be_is_a_400(life: str | None) -> None:
    answer = await imds().put(life)
    assert answer.status == 400
    assert body(answer)["code"] == "BadTokenLife"
    assert "1 to 21600" in body(answer)["message"]


async def test_tokens_are_nobodys_memory() -> None:
    one, other = SessionTokens(b"key", lambda: 0), SessionTokens(b"key", lambda: 0)
    assert other.end_of(one.issue(60)) == 60
    assert SessionTokens(b"another process", lambda: 0).end_of(one.issue(60)) == NEVER


@given(st.text(), st.binary(min_size=1, max_size=60), st.integers(0, 55))
def test_whatever_was_not_issued_here_is_refused(text: str, raw: bytes, position: int) -> None:
    tokens = SessionTokens(b"key", lambda: 0.0)
    token = tokens.issue(60)
    assert tokens.end_of(text) == tokens.end_of(raw.decode("latin-1")) == NEVER
    changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
    assert tokens.end_of(f"{token[:position]}!{token[position:]}") == NEVER
    assert tokens.end_of(changed) == NEVER or changed[54:] == "=="  # the last sign before the filling holds unused bits
    assert tokens.end_of(token) == 60


@pytest.mark.parametrize("token", ["", "x", "\udcff", "AAAA", "é", "a" * 5000])
async def test_a_bad_token_is_a_401(token: str) -> None:
    for held in (imds(), imds(v1=True)):
        answer = await held.get(CREDENTIALS, token)
        assert (answer.status, body(answer)["code"]) == (401, "NotAuthorized")


async def test_no_token_is_a_401_that_names_the_setting_unless_v1_is_on() -> None:
    answer = await imds().get(CREDENTIALS)
    assert answer.status == 401
    assert "SIDECAR_IMDS_V1=true" in body(answer)["message"]
    assert (await imds(v1=True).get(CREDENTIALS)).body == b"checkout"


async def test_with_v1_on_tokens_are_still_handed_out_and_work() -> None:
    held = imds(v1=True)
    assert (await held.get(CREDENTIALS, await held.token())).status == 200


# --- paths -----------------------------------------------------------------------------------------------------


async def test_the_one_role_is_listed_by_its_name_without_path_and_newline() -> None:
    held = imds()
    token = await held.token()
    for path in (CREDENTIALS, f"{CREDENTIALS}/", f"/{CREDENTIALS}//", "//latest//meta-data/iam/security-credentials/"):
        answer = await held.get(path, token)
        assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"checkout", "text/plain")


@pytest.mark.parametrize("path", ["/checkout", "//checkout", "/checkout/", "/%63heckout"])
async def test_its_credentials_are_ec2s_document(path: str) -> None:
    source = RefreshedSource(credentials())
    held = Imds(source)
    answer = await held.get(CREDENTIALS + path, await held.token())
    assert source.holds is not None
    assert (answer.status, answer.body) == (200, instance_document(source.holds))
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("text/plain", "no-store")


async def test_a_role_with_signs_in_its_name_is_found_encoded_or_not() -> None:
    instance = replace(POD, role=RoleArn.parse("arn:aws:iam::111122223333:role/a+b=c,d@e"))
    held = Imds(RefreshedSource(credentials()), instance=instance)
    token = await held.token()
    for name in ("a+b=c,d@e", "a%2Bb%3Dc%2Cd%40e"):
        assert (await held.get(f"{CREDENTIALS}/{name}", token)).status == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/latest", "/latest/api", "/latest/meta-data", "/latest/user-data", "/latest/meta-data/iam"),
        *("/latest/meta-data/placement/availability-zone", "/latest/meta-data/public-keys/", "/v1/credentials"),
        *(f"{CREDENTIALS}/another-role", f"{CREDENTIALS}/checkout/more", "/2009-04-04/meta-data/iam/info"),
    ],
)
async def test_everything_else_is_a_404_with_nothing_in_it(path: str) -> None:
    held = imds()
    answer = await held.get(path, await held.token())
    assert (answer.status, answer.body) == (404, b"")


async def test_the_region_is_told_and_the_zone_only_if_somebody_said_it() -> None:
    held = imds()
    token = await held.token()
    assert (await held.get("/latest/meta-data/placement/region", token)).body == b"eu-central-1"
    told = Imds(RefreshedSource(credentials()), instance=replace(POD, availability_zone="eu-central-1b"))
    answer = await told.get("/latest/meta-data/placement/availability-zone", await told.token())
    assert (answer.status, answer.body) == (200, b"eu-central-1b")


async def test_the_identity_document_holds_what_is_known_and_nothing_made_up() -> None:
    held = imds()
    answer = await held.get(DOCUMENT, await held.token())
    assert json.loads(answer.body) == {
        "version": "2017-09-30",
        "accountId": "111122223333",
        "instanceId": "checkout-7c5d8-x2x8q",
        "region": "eu-central-1",
    }


async def test_without_a_region_nothing_tells_one() -> None:
    held = Imds(RefreshedSource(credentials()), instance=Instance(RoleArn.parse(ROLE_ARN), "pod", None, None))
    token = await held.token()
    assert (await held.get("/latest/meta-data/placement/region", token)).status == 404
    assert "region" not in json.loads((await held.get(DOCUMENT, token)).body)


async def test_the_instance_is_called_by_the_pods_name_which_is_no_instance_id_of_ec2() -> None:
    held = imds()
    assert (await held.get("/latest/meta-data/instance-id", await held.token())).body == b"checkout-7c5d8-x2x8q"


async def test_iam_info_names_a_profile_like_the_role() -> None:
    held = imds()
    answer = await held.get("/latest/meta-data/iam/info", await held.token())
    assert json.loads(answer.body) == {
        "Code": "Success",
        "LastUpdated": "2027-01-15T08:00:00Z",
        "InstanceProfileArn": "arn:aws:iam::111122223333:instance-profile/checkout",
    }


# --- who may ask, and how --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/latest/api/token", CREDENTIALS, DOCUMENT, "/nothing"])
async def test_x_forwarded_for_is_a_403_on_any_request(path: str) -> None:
    held = imds(v1=True)
    assert (await held.put(path=path, **{"x-forwarded-for": "10.0.0.1"})).status == 403
    assert (await held.get(path, await held.token(), x_forwarded_for="10.0.0.1")).status == 403


async def test_another_host_is_a_403_as_a_web_page_would_send_it() -> None:
    held = imds(v1=True)
    assert (await held.get(CREDENTIALS, host="evil.example")).status == 403
    assert (await held.put(host="evil.example:80")).status == 403


async def test_the_wrong_method_is_a_405_that_names_the_right_ones() -> None:
    held = imds()
    token = await held.token()
    answer = await held.get("/latest/api/token", token)
    assert (answer.status, answer.headers["Allow"]) == (405, "PUT")
    for path in (CREDENTIALS, f"{CREDENTIALS}/checkout", "/latest/meta-data/iam/info"):
        answer = await held.get(path, token, method="PUT")
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert (await held.get(path, token, method="HEAD")).status == 200


async def test_whoever_has_no_token_learns_nothing_of_paths() -> None:
    assert (await imds().get("/nothing")).status == 401


async def test_a_404_costs_no_look_at_the_credentials() -> None:
    source = RefreshedSource(credentials())
    held = Imds(source)
    await held.get(f"{CREDENTIALS}/another-role", await held.token())
    assert source.asked == 0


@given(st.text(st.sampled_from("/ab%2Fé.")))
def test_a_path_has_one_spelling(path: str) -> None:
    once = canonical(path)
    assert once.startswith("/")
    assert "//" not in once
    assert once == canonical(f"/{once}/") or "%" in once


def test_a_request_without_anything_of_v2_is_counted_as_v1() -> None:
    assert protocol("imds", Request("GET", CREDENTIALS, {})) == "imds-v1"
    assert protocol("imds", Request("GET", CREDENTIALS, {"x-aws-ec2-metadata-token": "t"})) == "imds"
    assert protocol("imds", Request("PUT", "/latest/api/token", {})) == "imds"
    assert protocol("imds", None) == "imds"
    assert protocol("ecs", Request("GET", "/", {})) == "ecs"


async def test_requests_and_answers_hide_their_secrets(canary: Canary) -> None:
    held = imds()
    token = await held.token()
    canary.saw(await held.get(f"{CREDENTIALS}/checkout", token), held.face)
    assert token not in repr(await held.put())


# --- how much life is left -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("life", "min_life", "left"),
    [
        (3600, 900, 900),  # half of the floor of half an hour
        (7200, 900, 900),
        (1800, 900, 450),
        (900, 900, 225),
        (60, 900, 15),
        (3600, 300, 300),
        (3600, 0, 0),
    ],
)
async def test_a_document_that_is_running_out_is_not_given_out(life: Seconds, min_life: Seconds, left: Seconds) -> None:
    source = RefreshedSource(credentials(life=life))
    held = Imds(source, min_life=min_life)
    token = await held.token()
    held.at = life - left
    assert (await held.get(f"{CREDENTIALS}/checkout", token)).status == 200
    if left == 0:  # what is over is the source's business, as on every face
        return
    held.at = life - left + 0.001
    source.state = RoleState(source.holds, error=UNREACHABLE)
    answer = await held.get(f"{CREDENTIALS}/checkout", token)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert body(answer)["code"] == "StsUnreachable"
    assert body(answer)["message"].endswith("STS is not reachable. Check the network.")
    assert (await held.get(CREDENTIALS, token)).status == 200


async def test_a_503_before_any_failure_says_what_serves_instead() -> None:
    held = Imds(RefreshedSource(credentials(life=3600)))
    token = await held.token()
    held.at = 2900
    answer = await held.get(f"{CREDENTIALS}/checkout", token)
    assert (answer.status, body(answer)["code"]) == (503, "NoCredentials")
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in body(answer)["message"]


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("life", [900, 3600, 43_200])
def test_in_steady_state_every_document_has_the_policys_floor_left(life: Seconds, jitter: float) -> None:
    left: list[float] = []

    @in_virtual_time
    async def days() -> None:
        pod = Pod(life, jitter=jitter, token=a_token(life=100 * DAY))
        held = Imds(RefreshedSource())
        face = ImdsFace(
            pod.broker,
            held.face._guard,
            SessionTokens(b"key", pod.clock.now),
            instance=POD,
            v1=True,
            min_life=900,
            policy=RefreshPolicy(),
            now=pod.clock.now,
        )
        async with pod.running():
            await asyncio.sleep(1)
            for _ in range(500):
                answer = await answered(face, Request("GET", f"{CREDENTIALS}/checkout", {"host": "localhost"}))
                assert answer.status == 200
                assert pod.seen.last_issued is not None
                left.append(pod.seen.last_issued.expires_at - pod.clock.now())
                await asyncio.sleep(life / 97)

    days()
    takes = 0.25
    assert min(left) >= floor(life, RefreshPolicy()) - takes
