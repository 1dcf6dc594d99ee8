"""Whatever is sent to the lab's STS and control port, and to the webhook, is refused: it is never a fault of ours."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from sidecar.webhook.metrics import WebhookMetrics
from sidecar.webhook.server import Webhook
from tests.inject.kit import pod
from tests.lab.worlds import ROLE, a_lab
from tests.webhook.test_judgement import OPTIONS, asking
from tests.webhook.test_server import Roles, review

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GZIP = {"Content-Encoding": "gzip"}
ODD_CHARSET = {"Content-Type": "text/plain; charset=nonesuch"}
UTF7 = {"Content-Type": "application/json; charset=utf-7"}
DIGITS = "9" * 5000

CONTROL: dict[str, tuple[str, str, bytes, dict[str, str]]] = {
    "no UTF-8": ("PUT", "/faults/skew", b"\xff\xfe\0", {}),
    "no such character set": ("PUT", "/faults/skew", b"soon", ODD_CHARSET),
    "no gzip": ("PUT", "/faults/skew", b"\x1f\x8b" + bytes(50), GZIP),
    "digits": ("PUT", "/faults/skew", DIGITS.encode(), {}),
    "no number": ("PUT", "/faults/skew", b"nan", {}),
    "infinity": ("PUT", "/faults/skew", b"inf", {}),
    "an escape sequence": ("PUT", "/faults/skew", b"\x1b[2J", {}),
    "a path as a fault": ("PUT", "/faults/..%2f..%2fetc", b"", {}),
    "depth": ("POST", "/rotate", b"[" * 100_000, {}),
    "a wait of no number": ("POST", "/rotate", b'{"wait": NaN}', {}),
    "an endless wait": ("POST", "/rotate", b'{"wait": 1e999}', {}),
    "a wait of digits": ("POST", "/rotate", f'{{"wait": {DIGITS}}}'.encode(), {}),
    "a list for a word": ("POST", "/rotate", b'{"how": []}', {}),
    "a surrogate": ("POST", "/rotate", b'{"how": "\\ud800"}', {}),
}


async def test_the_labs_control_port_refuses_what_makes_no_sense(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world, aiohttp.ClientSession() as http:
        for name, (method, path, body, headers) in CONTROL.items():
            url = world.lab.control_url + path
            async with http.request(method, url, data=body, headers=headers, auto_decompress=False) as answer:
                assert 400 <= answer.status < 500, name
                assert "\x1b" not in await answer.text(), name
        assert world.lab.faults.active == {}


KNOWN = {"Version": "2011-06-15", "RoleArn": ROLE, "RoleSessionName": "a"}
CREDENTIAL = (
    "AWS4-HMAC-SHA256 Credential=AKIA/{0}/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=aa"
)
SIGNATURES: dict[str, dict[str, str]] = {
    "none": {},
    "garbage": {"Authorization": "AWS4-HMAC-SHA256 x"},
    "no parts": {"Authorization": "AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature="},
    "slashes": {"Authorization": "AWS4-HMAC-SHA256 Credential=////////,SignedHeaders=;;;,Signature=00"},
    "many": {"Authorization": "AWS4-HMAC-SHA256 " + "Credential=a/b/c/d/e," * 300},
    "the year 9999": {"X-Amz-Date": "99991231T235959Z", "Authorization": CREDENTIAL.format("99991231")},
    "no date": {"X-Amz-Date": "00000000T000000Z", "Authorization": CREDENTIAL.format("00000000")},
    "another algorithm": {"Authorization": "AWS4-ECDSA-P256-SHA256 Credential=a/b"},
    "another script": {"Authorization": "AWS4-HMAC-SHA256 Cr\u00e9dential=\u00ff"},
}
FORMS: dict[str, bytes] = {
    "a duration of digits": urlencode(KNOWN | {"Action": "AssumeRole", "DurationSeconds": DIGITS}).encode(),
    "a duration of another script": urlencode(KNOWN | {"Action": "AssumeRole", "DurationSeconds": "٣٦٠٠"}).encode(),
    "a null": urlencode(KNOWN | {"Action": "AssumeRole", "RoleArn": f"{ROLE}\0"}).encode(),
    "a line break": urlencode(KNOWN | {"Action": "AssumeRole", "RoleSessionName": "a\r\nX: y"}).encode(),
    "a deep policy": urlencode(KNOWN | {"Action": "AssumeRole", "Policy": "[" * 5000}).encode(),
    "a tag number of digits": urlencode(KNOWN | {"Action": "AssumeRole", f"Tags.member.{DIGITS}.Key": "x"}).encode(),
    "no UTF-8": b"Action=%ff%fe&Version=2011-06-15",
    "per cents": b"%%%&&&==&Action=AssumeRole%ZZ",
    "twenty thousand fields": "&".join(f"a{number}=" for number in range(20_000)).encode(),
    "a huge form": b"Action=AssumeRole&x=" + b"A" * 300_000,
    "two actions": urlencode([("Action", "GetCallerIdentity"), ("Action", "AssumeRole"), *KNOWN.items()]).encode(),
}


async def test_the_labs_sts_refuses_what_is_no_call(tmp_path: Path) -> None:
    async with a_lab(tmp_path) as world, aiohttp.ClientSession() as http:

        async def sent(body: bytes, headers: dict[str, str]) -> int:
            async with http.post(world.lab.sts_url, data=body, headers=FORM | headers) as answer:
                return answer.status

        for name, form in FORMS.items():
            for action in (b"Action=AssumeRole&", b"Action=AssumeRoleWithWebIdentity&"):
                assert 400 <= await sent(form.replace(b"Action=AssumeRole&", action), {}) < 500, name
        for name, headers in SIGNATURES.items():
            for call in ("AssumeRole", "GetCallerIdentity"):
                assert 400 <= await sent(urlencode(KNOWN | {"Action": call}).encode(), headers) < 500, name
        assert await sent(b"\x1f\x8b" + bytes(50), GZIP) == 400


def deep(levels: int) -> Any:
    found: Any = {}
    for _ in range(levels):
        found = {"a": found}
    return found


def odd_pod(**changes: Any) -> bytes:
    bare = asking(pod())
    return json.dumps(review(bare | {"spec": bare["spec"] | changes})).encode()


REVIEWS: dict[str, tuple[bytes, dict[str, str]]] = {
    "depth": (b"[" * 200_000, {}),
    "depth in objects": (b'{"a":' * 100_000, {}),
    "a deep pod": (odd_pod(x=deep(900)), {}),
    "no gzip": (b"\x1f\x8b" + bytes(50), GZIP),
    "no such character set": (json.dumps(review(asking(pod()))).encode("utf-16"), ODD_CHARSET),
    "UTF-7": (b"+AHs-", UTF7),
    "digits": (b'{"request": ' + DIGITS.encode() + b"}", {}),
    "nulls": (bytes(1000), {}),
    "no UTF-8": (b"\xff" * 100, {}),
    "no pod": (json.dumps(review(None)).encode(), {}),
    "a list for a pod": (json.dumps(review([])).encode(), {}),
    "no uid": (json.dumps(review(asking(pod()), uid=[])).encode(), {}),
    "text for containers": (odd_pod(containers="x"), {}),
    "numbers for containers": (odd_pod(containers=[1, None, [], {}]), {}),
    "text for volumes": (odd_pod(volumes="x"), {}),
    "a list for init containers": (odd_pod(initContainers=[[]]), {}),
    "numbers for variables": (odd_pod(containers=[{"name": "a", "env": [1, {"name": 2}, {"name": []}]}]), {}),
    "a surrogate": (odd_pod(serviceAccountName="\ud800"), {}),
    "odd names": (odd_pod(containers=[{"name": {}}, {"name": None}]), {}),
    "odd mounts": (odd_pod(containers=[{"name": "a", "volumeMounts": [{"mountPath": 3}, 4]}]), {}),
    "odd ports": (odd_pod(containers=[{"ports": [{"containerPort": "x"}, {"containerPort": 10**400}]}]), {}),
    "a list for metadata": (json.dumps(review(asking(pod()) | {"metadata": []})).encode(), {}),
    "numbers for annotations": (json.dumps(review(asking(pod()) | {"metadata": {"labels": []}})).encode(), {}),
}  # fmt: skip


@pytest.mark.parametrize(("body", "headers"), REVIEWS.values(), ids=REVIEWS.keys())
async def test_no_review_is_a_fault_of_the_webhooks(body: bytes, headers: dict[str, str]) -> None:
    application = Webhook(OPTIONS, Roles(), WebhookMetrics(), lambda: False).application()
    async with TestClient(TestServer(application)) as asked:
        answer = await asked.post("/mutate", data=body, headers=headers)
        assert answer.status in {200, 400}, await answer.text()
