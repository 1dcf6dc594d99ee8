"""Signature Version 4 of a call to STS, by botocore's signer: the one module of the serving process that loads it.

Only a chain needs it. It costs 5 MiB, measured by importing this module behind `sidecar.serve`.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest

from sidecar.core.model import Credentials, UnixTime
from sidecar.sts.post import FORM, SentForm

SERVICE = "sts"


@dataclass(frozen=True, slots=True)
class _Keys:
    """Credentials by the names that the signer looks for."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)


def signed(body: bytes, url: str, credentials: Credentials, *, region: str, at: UnixTime) -> SentForm:
    """The form with the headers that prove who sends it. `at`: by STS's clock, as far as that is known.

    The signer's own entry point reads the node's clock, so its steps are called one by one.
    """
    keys = _Keys(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    signer: Any = SigV4Auth(keys, SERVICE, region)
    time = datetime.fromtimestamp(int(at), UTC).strftime(SIGV4_TIMESTAMP)
    headers = {**FORM, "X-Amz-Date": time, "X-Amz-Security-Token": keys.token}
    request = AWSRequest("POST", url, headers, body)
    request.context["timestamp"] = time
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    names = signer.signed_headers(signer.headers_to_sign(request))
    scope = signer.scope(request)
    authorization = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}"
    return SentForm(body, headers | {"Authorization": authorization})
