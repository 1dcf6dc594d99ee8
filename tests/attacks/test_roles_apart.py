"""A path leads to the role that it names, in the few spellings that SDKs use, or to none."""

import pytest

from sidecar.core.errors import NoSuchPath
from sidecar.faces.document import Documents, container_document
from sidecar.faces.routes import Routes, ServedRole
from sidecar.http.messages import JSON_HEADERS
from tests.doubles import credentials
from tests.faces.kit import Source

NAMED = "/v1/credentials"
NOWHERE = [
    "a/../b", "%2e%2e/b", "..%2fb", "./b", "b/.", "b/%2e", "b%00", "b%20", "b%0a", "b%0d%0aX:y", "%2562", "b;a", "b?",
    "b#", "b\\", "b%5c", "a%2fb", "b/b", "a/b", "*", "%", "%6", "%zz", "%c0%ae", "%E1%BB%A2", "\uff42", "b\ud800", "B",
    " b", "b ", "b\t", "credentials/b", "a,b", "a%2cb", "[b]", "'b'", "b" * 8000, "%62" * 2000,
]  # fmt: skip
"""After NAMED and a slash."""
OUTSIDE = ["/b", "/v1", "/V1/credentials/b", "/v1%2fcredentials/b", "/v1/credentials%2fb", "/./v1/credentials/b"]


@pytest.fixture
def routes() -> Routes:
    def served(name: str) -> ServedRole:
        return ServedRole(name, Source(holds=credentials()), Documents(container_document, JSON_HEADERS, name))

    return Routes([served("a"), served("b")], default="a")


@pytest.mark.parametrize("path", [*(f"{NAMED}/{name}" for name in NOWHERE), *OUTSIDE], ids=ascii)
def test_a_crooked_path_leads_to_no_role(routes: Routes, path: str) -> None:
    with pytest.raises(NoSuchPath):
        routes.at(path)


@pytest.mark.parametrize("path", [f"{NAMED}/b", f"{NAMED}//b", "//v1//credentials//b//", f"{NAMED}/%62"])
def test_the_spellings_of_sdks_lead_to_the_named_role(routes: Routes, path: str) -> None:
    assert routes.at(path).name == "b"
