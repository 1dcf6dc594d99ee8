"""The credentials documents: a superset for the container endpoints, and EC2's own for IMDS.

botocore, Go, Java, JavaScript, Rust and C++ each insist on other fields and parse `Expiration` in other ways; these
forms are the ones that all of them accept. Whoever changes a field breaks some SDK.
"""

import json
from collections.abc import Callable, Mapping

from sidecar.core.model import DEFAULT_ROLE, Credentials
from sidecar.core.timestamps import timestamp
from sidecar.http.messages import Response

Render = Callable[[Credentials], bytes]


def container_document(credentials: Credentials) -> bytes:
    """Render JSON with upper-case names only: the Rust SDK reads names without case and takes `code` for an error."""
    document = _instance_fields(credentials)
    if credentials.role_arn:
        document["RoleArn"] = credentials.role_arn
    if credentials.account_id:  # SDKs build account-based endpoints from it: right or not at all
        document["AccountId"] = credentials.account_id
    return json.dumps(document).encode()


def instance_document(credentials: Credentials) -> bytes:
    """Render what EC2 answers, and no field more: s3fs counts the fields that it knows from all its sources, and exits
    when a `RoleArn` is among EC2's. It does not know `AccessKeyID`.
    """
    return json.dumps(_instance_fields(credentials)).encode()


def _instance_fields(credentials: Credentials) -> dict[str, str]:
    return {
        "Code": "Success",  # Go, PHP and minio insist on it
        "LastUpdated": timestamp(credentials.expiration - credentials.lifetime),
        "Type": "AWS-HMAC",
        "AccessKeyId": credentials.access_key_id,
        "AccessKeyID": credentials.access_key_id,  # minio-js reads this spelling
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token,
        "Expiration": timestamp(credentials.expiration),
    }


class Documents:
    """Answers with one role's document, rendered once per credential, not once per request."""

    def __init__(self, render: Render, headers: Mapping[str, str], role: str = DEFAULT_ROLE) -> None:
        self._role = role
        self._render = render
        self._headers = headers
        self._rendered: tuple[Credentials | None, Response] = (None, Response(503, b"", headers))

    def answer(self, credentials: Credentials) -> Response:
        rendered_for, response = self._rendered
        if rendered_for is not credentials:
            response = Response(200, self._render(credentials), self._headers, role=self._role)
            self._rendered = credentials, response
        return response
