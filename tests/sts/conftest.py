"""STS's answers are parsed as `serve` parses them: by aiohttp's parser in Python."""

import pytest
from aiohttp import client_proto
from aiohttp.http_parser import HttpResponseParserPy


@pytest.fixture(autouse=True)
def parsed_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_proto, "HttpResponseParser", HttpResponseParserPy)
