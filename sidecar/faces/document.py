"""The credentials document: one superset that every SDK reads.

botocore, Go, Java, JavaScript, Rust and C++ each insist on other fields and parse `Expiration` in other ways; this form
is the one that all of them accept. Whoever changes a field breaks some SDK.
"""

import json
from collections.abc import Mapping

from sidecar.core.model import Credentials
from sidecar.core.timestamps import timestamp
from sidecar.http.messages import Response


def credentials_document(credentials: Credentials) -> bytes:
    """Render JSON with upper-case names only: the Rust SDK reads names without case and takes `code` for an error."""
    document = {
        "Code": "Success",  # Go, PHP and minio insist on it
        "Type": "AWS-HMAC",
        "LastUpdated": timestamp(credentials.expiration - credentials.lifetime),
        "AccessKeyId": credentials.access_key_id,
        "AccessKeyID": credentials.access_key_id,  # minio-js reads this spelling
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token,
        "Expiration": timestamp(credentials.expiration),
        "RoleArn": credentials.role_arn,
    }
    if credentials.account_id:  # SDKs build account-based endpoints from it: right or not at all
        document["AccountId"] = credentials.account_id
    return json.dumps(document).encode()


class Documents:
    """Answers with the document, rendered once per credential, not once per request."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._rendered: tuple[Credentials | None, Response] = (None, Response(503, b"", headers))

    def answer(self, credentials: Credentials) -> Response:
        rendered_for, response = self._rendered
        if rendered_for is not credentials:
            response = Response(200, credentials_document(credentials), self._headers)
            self._rendered = credentials, response
        return response
