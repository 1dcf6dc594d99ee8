"""What 40 measured SDKs need of a local credentials endpoint: one test for each point of that list.

Each docstring names its point, in the words of the measurement: who fails otherwise. Points about variables are held
against the pod that we tell people to copy.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import time
from typing import Any

import pytest
import yaml

from sidecar.core.errors import NoCredentials, StsUnreachable
from sidecar.core.refresh import RefreshPolicy, floor
from sidecar.faces.authorization import AuthorizationTokens
from sidecar.faces.imds import TOKEN
from sidecar.faces.registry import IMDS
from sidecar.http.addresses import TcpAddress
from sidecar.http.messages import Face, Response
from sidecar.http.server import serving
from sidecar.settings import config
from tests.doubles import KEY_CANARY, Pod, VirtualClock, credentials
from tests.faces.imds_kit import CREDENTIALS, HOSTS, Imds, RefreshedSource
from tests.faces.kit import AUTH_TOKEN, OneToken, Source, answered, body, container_face, request
from tests.virtual_time import in_virtual_time

UNREACHABLE = StsUnreachable("STS is not reachable.", fix="Check the network.")
NOTHING = NoCredentials(UNREACHABLE, cause=UNREACHABLE.cause, fix=UNREACHABLE.fix, retry_after=4)
ROLE = f"{CREDENTIALS}/checkout"
EC2 = {"Code", "LastUpdated", "Type", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
"""All fields of a role's document (EC2 user guide, "Retrieve security credentials from instance metadata")."""
S3FS = {"AccessKeyId", "SecretAccessKey", "Token", "Expiration", "RoleArn"}
"""The fields that s3fs 1.90 reads, by source or not."""
ROOT = Path(__file__).parent.parent.parent
(POD,) = (
    part["spec"] for part in yaml.safe_load_all((ROOT / "manifests/pod.yaml").read_text()) if part["kind"] == "Pod"
)
(SIDECAR,), (APPLICATION,) = POD["initContainers"], POD["containers"]
VARIABLES: Mapping[str, Any] = {entry["name"]: entry for entry in APPLICATION["env"]}


async def both(source: RefreshedSource) -> tuple[Response, Response]:
    """The answers of the container endpoint and of IMDS."""
    imds = Imds(source, v1=True)
    return await answered(container_face(source), request()), await imds.get(ROLE)


async def documents() -> list[dict[str, Any]]:
    return [json.loads(answer.body) for answer in await both(RefreshedSource(credentials()))]


class HttpClient:
    """Bytes to and from a face behind the real server."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def send(self, *lines: str, rest: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer to a request of these lines; `rest` after 100 Continue."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write("\r\n".join((*lines, "Host: 127.0.0.1", "", "")).encode())
        if rest:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
            writer.write(rest)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in head[1:] if line)}
        content = await reader.readexactly(int(headers["content-length"]))
        writer.close()
        assert head[0].startswith("HTTP/1.1 ")
        return int(head[0].split()[1]), headers, content


@asynccontextmanager
async def over_http(face: Face) -> AsyncIterator[HttpClient]:
    async with serving(face, lambda *_: None, [TcpAddress("127.0.0.1", 0)]) as addresses:
        (address,) = addresses
        assert isinstance(address, TcpAddress)
        yield HttpClient(address.port)


# --- the document ------------------------------------------------------------------------------------------------


async def test_expiration_is_utc_to_the_second_with_a_z() -> None:
    """1: boto 2 fails on a fraction, JavaScript v3, Rust and minio-py on an offset."""
    for document in await documents():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["Expiration"], re.ASCII)


async def test_the_four_fields_are_always_there_and_never_empty() -> None:
    """2: without Token or Expiration botocore, JavaScript v3 and Rust refuse; Go signs without a token."""
    for document in await documents():
        for name in ("AccessKeyId", "SecretAccessKey", "Token", "Expiration"):
            assert isinstance(document[name], str)
            assert document[name]


async def test_the_container_endpoint_has_the_superset_and_imds_what_ec2_has() -> None:
    """3: Go, PHP and minio insist on Code, minio-js on AccessKeyID; Rust takes `code` for an error."""
    container, imds = await documents()
    for document in (container, imds):
        assert (document["Code"], document["Type"]) == ("Success", "AWS-HMAC")
        assert document["AccessKeyID"] == document["AccessKeyId"]
        assert re.fullmatch(r"[\d-]+T[\d:]+Z", document["LastUpdated"])
        assert not [name for name in document if name[0].islower()]
    assert set(imds) == {*EC2, "AccessKeyID"}
    assert set(container) - set(imds) == {"RoleArn", "AccountId"}


async def test_s3fs_finds_as_many_fields_as_it_knows_of_each_kind_of_source() -> None:
    """3: it exits when it finds more or fewer; the one that tells ECS from EC2 is RoleArn."""
    container, imds = await documents()
    assert len(S3FS & set(imds)) == len(S3FS) - 1
    assert len(S3FS & set(container)) == len(S3FS)


async def test_success_is_200_with_length_date_and_the_type_that_was_tried() -> None:
    """4: AsyncAws computes the expiry from Date; other types were not tried with all clients."""
    source = RefreshedSource(credentials())
    for face, path, kind in (
        (container_face(source), "/v1/credentials", "application/json"),
        (Imds(source, v1=True).face, ROLE, "text/plain"),
    ):
        async with over_http(face) as http:
            status, headers, content = await http.send(f"GET {path} HTTP/1.1")
        assert (status, headers["content-type"].partition(";")[0]) == (200, kind)
        assert int(headers["content-length"]) == len(content)
        assert abs(parsedate_to_datetime(headers["date"]).timestamp() - time()) < 5


# --- lifetime ----------------------------------------------------------------------------------------------------


def test_a_refresh_begins_with_twenty_minutes_and_more_to_spare() -> None:
    """5: with less than 15 minutes left botocore and Java v1 fetch for every request that they sign."""
    assert floor(3600, RefreshPolicy()) >= 20 * 60


async def test_a_dying_document_is_kept_from_imds_and_served_by_the_container_endpoint() -> None:
    """6: SDKs stretch what they read from IMDS by up to 25 minutes, and do not come back for the next."""
    source = RefreshedSource(credentials(life=3600))
    imds = Imds(source, v1=True)
    imds.at = 3600 - 60
    assert (await imds.get(ROLE)).status == 503
    assert (await answered(container_face(source), request())).status == 200


async def test_between_refreshes_everybody_gets_the_same_bytes() -> None:
    """7: the C++ SDK reads every 5 minutes, Java every 60, whatever the expiry."""
    face = container_face(Source(credentials()))
    assert (await answered(face, request())).body == (await answered(face, request("/"))).body


# --- time and errors ---------------------------------------------------------------------------------------------


@in_virtual_time
async def test_an_answer_comes_within_a_second_even_while_sts_hangs() -> None:
    """8: Java v1 gives up after 1 s and never retries; JavaScript v2 and v3, PHP and AsyncAws after 1 s."""
    pod = Pod(takes=10)
    face = container_face(pod.broker, hosts=HOSTS)
    async with pod.running():
        asked_at = pod.clock.now()
        answer = await answered(face, request())
        assert pod.clock.now() - asked_at < 0.9
    assert answer.status == 503


def test_the_sidecar_serves_before_the_application_starts() -> None:
    """9: Java v1, reqsign and minio-go give up at the first failure."""
    assert SIDECAR["restartPolicy"] == "Always"
    assert SIDECAR["startupProbe"]["exec"]["command"] == ["irsa-sidecar", "healthcheck"]


async def test_not_ready_is_a_503() -> None:
    """10: 5xx is tried again by nearly all, 4xx is final for most, 429 for Java, Rust, minio-py and reqsign."""
    source = RefreshedSource()
    source.after_waiting = NOTHING
    for answer in await both(source):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "4")


async def test_errors_are_json_in_both_spellings_and_400_is_for_a_bad_token_life_alone() -> None:
    """11: Go, Java and Rust read the lower case, botocore and JavaScript v3 the upper; 400 is fatal everywhere."""
    imds, source = Imds(RefreshedSource(credentials())), RefreshedSource()
    source.after_waiting = NOTHING
    refused = [
        *(await imds.get(ROLE), await imds.get(ROLE, "bad"), await imds.get("/latest/api/token", "x", method="GET")),
        *(await imds.put(host="evil.example"), await answered(container_face(Source()), request("/x"))),
        *(await answered(container_face(Source(), authorization=OneToken()), request()), *await both(source)),
    ]
    for answer in refused:
        told = body(answer)
        assert told["code"] == told["Code"]
        assert told["message"] == told["Message"]
        assert KEY_CANARY not in str(told)
        assert answer.status in {401, 403, 404, 405, 503}
    assert {(await imds.put(life)).status for life in (None, "0", "x")} == {400}


# --- authorization -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [f"Bearer {AUTH_TOKEN}", f"{AUTH_TOKEN}x", AUTH_TOKEN.upper(), ""])
async def test_authorization_is_compared_whole(sent: str) -> None:
    """12: no client adds Bearer or anything else."""
    face = container_face(Source(credentials()), authorization=OneToken())
    assert (await answered(face, request(authorization=sent))).status == 401
    assert (await answered(face, request(authorization=AUTH_TOKEN))).status == 200


def test_an_application_has_the_token_in_the_variable_and_in_the_file() -> None:
    """13: old SDKs know the variable only; object_store ignores the endpoint without the file."""
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in VARIABLES
    assert VARIABLES["AWS_CONTAINER_AUTHORIZATION_TOKEN"]["valueFrom"] == next(
        entry["valueFrom"] for entry in SIDECAR["env"] if entry["name"] == "SIDECAR_AUTH_TOKEN"
    )


async def test_a_token_that_was_replaced_stays_good_for_those_who_read_it_once(tmp_path: Path) -> None:
    """14: the file is read again by new SDKs only; a variable never rotates."""
    file = tmp_path / "token"
    file.write_text("the first")
    tokens = AuthorizationTokens(fixed=None, file=file, clock=VirtualClock())
    face = container_face(Source(credentials()), authorization=tokens)
    assert (await answered(face, request(authorization="the first"))).status == 200
    file.write_text("the second")
    for token in ("the second", "the first"):
        assert (await answered(face, request(authorization=token))).status == 200


def test_relative_uri_is_not_set_next_to_full_uri() -> None:
    """15: it wins in botocore, JavaScript, Java, C++, Rust, Ruby and PHP."""
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in VARIABLES
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in VARIABLES


async def test_where_relative_uri_leads_no_token_is_asked_for() -> None:
    """16: clients that know only RELATIVE_URI send none."""
    ecs = container_face(Source(credentials()), hosts=HOSTS | {"169.254.170.2"}, name="ecs")
    assert ecs.name == "ecs"
    assert (await answered(ecs, request(host="169.254.170.2"))).status == 200


# --- the URL -----------------------------------------------------------------------------------------------------


def test_the_endpoint_is_127_0_0_1_to_the_letter() -> None:
    """17: `localhost` may be ::1; other names and addresses are refused by old botocore, JavaScript and Java."""
    url = VARIABLES["AWS_CONTAINER_CREDENTIALS_FULL_URI"]["value"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1/credentials", url)


@pytest.mark.parametrize(
    "headers",
    [[], ["Accept: */*"], ["Accept: text/html, image/gif, image/jpeg, *; q=.2"], ["User-Agent:", "Accept: x/y"]],
)
async def test_all_is_in_the_path_and_no_header_of_taste_matters(headers: list[str]) -> None:
    """18: Ruby drops a query; opendal and JavaScript v3 send no User-Agent, Java an odd Accept."""
    async with over_http(container_face(Source(credentials()))) as http:
        for path in ("/v1/credentials", "/v1/credentials?x=1"):
            assert (await http.send(f"GET {path} HTTP/1.1", *headers))[0] == 200


async def test_who_comes_through_a_proxy_is_told_of_no_proxy() -> None:
    """19: botocore before 1.10.26 sends these requests to a proxy."""
    answer = await answered(container_face(Source(credentials())), request(x_forwarded_for="10.0.0.1"))
    assert answer.status == 403
    assert "NO_PROXY" in body(answer)["message"]


# --- IMDS --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("framing", "rest"),
    [
        (["Content-Length: 0"], b""),
        ([], b""),
        (["Transfer-Encoding: chunked", "Expect: 100-continue"], b"0\r\n\r\n"),
    ],
)
async def test_the_token_is_put_for_without_a_body_in_three_ways(framing: list[str], rest: bytes) -> None:
    """20: no length at all from Java v1, CRT, C++ and object_store; chunked with Expect from s3fs."""
    imds = Imds(RefreshedSource(credentials()))
    async with over_http(imds.face) as http:
        ask = ("PUT /latest/api/token HTTP/1.1", "X-aws-ec2-metadata-token-ttl-seconds: 21600", *framing)
        status, headers, token = await http.send(*ask, rest=rest)
        assert (status, headers["x-aws-ec2-metadata-token-ttl-seconds"]) == (200, "21600")
        status, _, role = await http.send(f"GET {CREDENTIALS}/ HTTP/1.1", f"{TOKEN}: {token.decode()}")
    assert (status, role) == (200, b"checkout")


@pytest.mark.parametrize("life", [21_600, 600, 300, 60, 10])
async def test_every_life_that_clients_ask_for_is_given_and_echoed(life: int) -> None:
    """21: object_store asks for 600, Go v2 for 300, s3cmd for 60, GDAL for 10."""
    imds = Imds(RefreshedSource(credentials()))
    answer = await imds.put(str(life))
    assert answer.headers["x-aws-ec2-metadata-token-ttl-seconds"] == str(life)
    assert (answer.headers["Content-Type"], answer.body.strip()) == ("text/plain", answer.body)
    imds.at = life - 1
    assert (await imds.get(CREDENTIALS, answer.body.decode())).status == 200


async def test_a_stale_or_unknown_token_is_a_401() -> None:
    """22: Go, JavaScript v3, Java and Rust fetch a new token then."""
    imds = Imds(RefreshedSource(credentials()), v1=True)
    stale = await imds.token(10)
    imds.at = 11
    for token in (stale, "unknown"):
        assert (await imds.get(CREDENTIALS, token)).status == 401


async def test_the_role_is_listed_with_and_without_a_slash_and_found_behind_two() -> None:
    """23: C++ and AsyncAws leave the slash out, minio-js doubles it."""
    imds = Imds(RefreshedSource(credentials()), v1=True)
    for path in (CREDENTIALS, f"{CREDENTIALS}/"):
        assert (await imds.get(path)).body == b"checkout"
    for path in (ROLE, f"{CREDENTIALS}//checkout"):
        assert json.loads((await imds.get(path)).body)["Code"] == "Success"


async def test_an_endpoint_that_ends_in_a_slash_works() -> None:
    """24: botocore 1.19.0 to 1.23.44 needs it, and others then ask for `//latest/...`."""
    imds = Imds(RefreshedSource(credentials()))
    token = (await imds.put(path="//latest/api/token")).body.decode()
    assert (await imds.get(f"/{CREDENTIALS}/", token)).status == 200


def test_imds_can_listen_where_clients_look_that_know_no_variable() -> None:
    """25: boto 2, botocore before 1.19.0, Ruby, minio-go, s3fs, s3cmd and AsyncAws go to the address itself."""
    settings = config.load(
        {
            "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/a",
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/t",
            "AWS_REGION": "eu-central-1",
            "SIDECAR_IMDS_LISTEN": "169.254.169.254:80",
        },
        [],
    )
    assert settings.listen[IMDS] == (TcpAddress("169.254.169.254", 80),)
    assert "169.254.169.254" in settings.link_local_names


async def test_one_listener_serves_v1_and_v2() -> None:
    """26: boto 2 and AsyncAws know v1 only; Rust, reqsign, object_store and minio-go know v2 only."""
    imds = Imds(RefreshedSource(credentials()), v1=True)
    assert (await imds.get(ROLE)).status == 200
    assert (await imds.get(ROLE, await imds.token())).status == 200


async def test_the_small_extras_are_there_and_the_rest_is_an_empty_404() -> None:
    """27: C++ takes its region from the zone, Java from the identity document. The real one refuses proxies."""
    imds = Imds(RefreshedSource(credentials()), v1=True)
    assert json.loads((await imds.get("/latest/dynamic/instance-identity/document")).body)["region"] == "eu-central-1"
    answer = await imds.get("/latest/meta-data/hostname")
    assert (answer.status, answer.body) == (404, b"")
    assert (await imds.get(ROLE, x_forwarded_for="10.0.0.1")).status == 403


def test_where_only_the_container_endpoint_is_used_imds_is_switched_off() -> None:
    """28: else a program goes on as the node's role when the sidecar fails. JavaScript v2 takes any text for true."""
    assert VARIABLES["AWS_EC2_METADATA_DISABLED"]["value"] == "true"
    assert "SIDECAR_IMDS_LISTEN" not in {entry["name"] for entry in SIDECAR["env"]}


def test_an_application_has_no_web_identity_of_its_own() -> None:
    """29: it beats the container endpoint in botocore, Go, JavaScript v3, Rust, .NET and PHP."""
    assert not {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"} & set(VARIABLES)
