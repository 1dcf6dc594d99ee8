"""Which SDK asked, by its User-Agent: a closed set of labels, whatever clients send.

Programs put words of their own before and after the SDK's (`Hadoop 3.3.6, aws-sdk-java/1.12.705 ...`), so the first
product known here counts. Some SDKs fetch credentials with a bare HTTP library and are known by that alone: boto3 asks
the container endpoint as `python-urllib3`, and JavaScript v3 without a User-Agent (`none`).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

LONGEST_USER_AGENT = 512
"""Characters looked at. Real ones are shorter than 300."""
UNKNOWN, NONE = "unknown", "none"
PRODUCT = re.compile(r"(?<![\w.-])([A-Za-z]\w*(?:-\w+)*)/v?(\d*)", re.ASCII)

MAJORS = {
    "aiobotocore": "0123",
    "aiohttp": "34",
    "apache-httpclient": "45",
    "aws-cli": "12",
    "aws-sdk-cpp": "01",
    "aws-sdk-crt": "",  # names what it asks for where others have a version
    "aws-sdk-dotnet": "1234",
    "aws-sdk-go": "01",
    "aws-sdk-go-v2": "01",
    "aws-sdk-java": "12",
    "aws-sdk-js": "123",
    "aws-sdk-kotlin": "01",
    "aws-sdk-nodejs": "12",
    "aws-sdk-php": "123",
    "aws-sdk-ruby": "1234",
    "aws-sdk-rust": "01",
    "aws-sdk-swift": "01",
    "boto": "2",
    "boto3": "01",
    "botocore": "012",
    "curl": "78",
    "gdal": "123",
    "go-http-client": "12",
    "guzzlehttp": "5678",
    "java": "1",
    "minio-go": "1234567",
    "minio-js": "5678",
    "minio-py": "1234567",
    "object_store": "01",
    "okhttp": "345",
    "python-requests": "12",
    "python-urllib": "23",
    "python-urllib3": "12",
    "s3fs": "12",
    "wget": "12",
}
"""Families, and the major versions that exist: any other is `unknown`."""
ALIASES = {
    "aws-sdk-dotnet-35": "aws-sdk-dotnet",
    "aws-sdk-dotnet-45": "aws-sdk-dotnet",
    "aws-sdk-dotnet-core": "aws-sdk-dotnet",
    "aws-sdk-dotnet-coreclr": "aws-sdk-dotnet",
    "aws-sdk-php2": "aws-sdk-php",
    "aws-sdk-ruby2": "aws-sdk-ruby",
    "aws-sdk-ruby3": "aws-sdk-ruby",
}


@dataclass(frozen=True, slots=True)
class Sdk:
    """A family and its major version, or that of its HTTP library."""

    family: str
    major: str


UNRECOGNISED = Sdk(UNKNOWN, UNKNOWN)


def sdk_of(user_agent: str | None) -> Sdk:
    """The SDK that calls itself so."""
    if not user_agent:
        return Sdk(NONE, UNKNOWN)
    return _named(user_agent[:LONGEST_USER_AGENT])  # what is remembered must be short


@lru_cache(maxsize=256)
def _named(user_agent: str) -> Sdk:
    for product in PRODUCT.finditer(user_agent):
        name, version = product[1].lower(), product[2]
        family = ALIASES.get(name, name)
        if family in MAJORS:
            known = len(version) == 1 and version in MAJORS[family]
            return Sdk(family, version if known else UNKNOWN)
    return UNRECOGNISED
