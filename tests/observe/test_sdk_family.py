"""Who asked, by User-Agent: real ones, odd ones, and how many labels anybody can make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.observe.sdk_family import ALIASES, MAJORS, NONE, UNKNOWN, Sdk, sdk_of

REAL = [
    # Recorded from the SDK itself, on its way to an endpoint like ours.
    ("python-urllib3/2.8.0", "python-urllib3", "2"),
    ("Python/3.11 aiohttp/3.14.5", "aiohttp", "3"),  # aiobotocore
    ("Boto3/1.44.5 Python/3.11.7 Linux/6.18.44 Botocore/1.44.5", "boto3", "1"),
    ("aws-sdk-crt/ecs-credentials-provider", "aws-sdk-crt", UNKNOWN),
    ("aws-sdk-crt/aws-imds-client", "aws-sdk-crt", UNKNOWN),
    # From access logs, CloudTrail events and bug reports that people published.
    ("Boto3/1.10.2 Python/3.8.0 Linux/4.14.138-99.102.amzn2.x86_64 Botocore/1.13.2", "boto3", "1"),
    (
        "Boto3/1.34.0 md/Botocore#1.34.0 ua/2.0 os/linux#5.10 md/arch#x86_64 lang/python#3.11.6 Botocore/1.34.0",
        "boto3",
        "1",
    ),
    ("Boto/2.49.0 Python/2.7.16 Linux/4.14", "boto", "2"),
    ("Python-urllib/2.7", "python-urllib", "2"),
    ("aws-cli/1.3.2 Python/2.7.5 Windows/7", "aws-cli", "1"),
    ("aws-cli/1.11.140 Python/2.7.13 Darwin/15.6.0 botocore/1.6.7 ", "aws-cli", "1"),
    ("aws-cli/2.0.7 Python/3.7.3 Linux/5.4.58-37.125.amzn2int.x86_64 botocore/2.0.0dev11", "aws-cli", "2"),
    ("aws-sdk-go/1.15.11 (go1.23.4; linux; amd64)", "aws-sdk-go", "1"),
    ("aws-sdk-go/1.34.21 (go1.14.5; linux; amd64) APN/1.0 HashiCorp/1.0 Terraform/0.13.2", "aws-sdk-go", "1"),
    ("aws-sdk-go-v2/1.17.3 os/linux lang/go/1.19.5 md/GOOS/linux md/GOARCH/amd64 api/ec2/1.25.0", "aws-sdk-go-v2", "1"),
    ("m/E aws-sdk-go-v2/1.30.4 os/macos lang/go#1.23.0 md/GOOS#darwin api/s3#1.60.1", "aws-sdk-go-v2", "1"),
    (
        "APN/1.0 HashiCorp/1.0 Terraform/1.5.2 (+https://www.terraform.io) terraform-provider-aws/5.7.0 "
        "(+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.18.1 os/linux lang/go/1.20.5",
        "aws-sdk-go-v2",
        "1",
    ),
    ("aws-sdk-java/1.9.35 Linux/3.13.0-36-generic Java_HotSpot(TM)_64-Bit_Server_VM/25.40-b25", "aws-sdk-java", "1"),
    ("aws-sdk-java/1.11.1025Linux/4.14.232-176.381.amzn2.x86_64OpenJDK_64-Bit_Server_VM/11.0", "aws-sdk-java", "1"),
    ("Hadoop 3.3.1, aws-sdk-java/1.12.189 Linux/5.15.0-1064-aws java/1.8.0_382", "aws-sdk-java", "1"),
    ("ElasticMapReduce/1.0.0 emrfs/s3n {}, aws-sdk-java/1.11.129 Linux/4.4.35", "aws-sdk-java", "1"),
    ("aws-sdk-java/2.20.162 Mac_OS_X/13.5.2 OpenJDK_64-Bit_Server_VM/18.0.1+10-FR Java/18.0.1", "aws-sdk-java", "2"),
    ("aws-sdk-java/2.55.12 md/io#sync md/http#Apache5 ua/2.1 api/S3#2.55.x", "aws-sdk-java", "2"),
    ("aws-sdk-nodejs/2.586.0 darwin/v13.2.0 promise", "aws-sdk-nodejs", "2"),
    ("aws-sdk-nodejs/2.1586.0 linux/v20.15.1 aws-cdk/2.135.0 promise", "aws-sdk-nodejs", "2"),
    ("aws-sdk-rust/1.3.14 os/linux lang/rust/1.94.1 aws-secrets-manager-agent/2.0.0", "aws-sdk-rust", "1"),
    ("aws-sdk-cpp/1.7.176 Linux/3.10.0-957.27.2.el7.x86_64 x86_64 GCC/8.3.1", "aws-sdk-cpp", "1"),
    ("aws-sdk-dotnet/1.4.11.0 .NET Runtime/4.0 .NET Framework/4.0 OS/6.1.7601.65536", "aws-sdk-dotnet", "1"),
    ("aws-sdk-dotnet-coreclr/3.3.10.3 aws-sdk-dotnet-core/3.3.24.3 .NET_Core/4.6", "aws-sdk-dotnet", "3"),
    ("aws-sdk-dotnet-coreclr/3.7.305.28 ua/2.0 os/windows#10.0.22631.0 md/ARCH#X64", "aws-sdk-dotnet", "3"),
    ("aws-sdk-php/3.184.6 OS/Linux/5.4.0-126-generic", "aws-sdk-php", "3"),
    ("AWS-SDK-PHP/3.280 GuzzleHttp/7.8 curl/8.5", "aws-sdk-php", "3"),
    ("GuzzleHttp/7", "guzzlehttp", "7"),
    ("aws-sdk-ruby/1.39.0 ruby/1.9.3 x86_64-linux", "aws-sdk-ruby", "1"),
    ("aws-sdk-ruby2/2.0.0.rc4 ruby/1.9.3 x86_64-linux Seahorse/0.1.0", "aws-sdk-ruby", "2"),
    ("aws-sdk-ruby3/3.75.0 jruby/2.3.3 java aws-sdk-elasticloadbalancing/1.19.0", "aws-sdk-ruby", "3"),
    ("MinIO (linux; amd64) minio-go/v7.0.77 mc/RELEASE.2024-09-09T07-53-10Z", "minio-go", "7"),
    ("Go-http-client/1.1", "go-http-client", "1"),
    ("curl/8.5.0", "curl", "8"),
    ("object_store/0.12.1", "object_store", "0"),
]
ODD = [
    (None, NONE, UNKNOWN),
    ("", NONE, UNKNOWN),
    ("Mozilla/5.0 (X11; Linux x86_64)", UNKNOWN, UNKNOWN),
    ("aws-sdk-go", UNKNOWN, UNKNOWN),  # a product without its slash is a word
    ("boto3/99.1", "boto3", UNKNOWN),
    ("aws-sdk-java/12.1", "aws-sdk-java", UNKNOWN),  # not major 1, nor 2
    ("aws-sdk-go/", "aws-sdk-go", UNKNOWN),
    ("not-boto3/1.0", UNKNOWN, UNKNOWN),
    ("aws-sdk-go-v3/1.0", UNKNOWN, UNKNOWN),
    ("x" * 600 + " boto3/1.0", UNKNOWN, UNKNOWN),
    ("boto3/١.0", "boto3", UNKNOWN),
]


@pytest.mark.parametrize(("user_agent", "family", "major"), REAL)
def test_a_real_user_agent_has_its_family_and_major_version(user_agent: str, family: str, major: str) -> None:
    assert sdk_of(user_agent) == Sdk(family, major)


@pytest.mark.parametrize(("user_agent", "family", "major"), ODD)
def test_what_is_not_known_is_called_so(user_agent: str | None, family: str, major: str) -> None:
    assert sdk_of(user_agent) == Sdk(family, major)


@given(st.text() | st.from_regex(r"(\w+(-\w+)*/v?\d* ?){1,5}"), st.sampled_from([*MAJORS, *ALIASES]), st.integers(0))
def test_no_client_can_make_a_label_of_its_own(text: str, family: str, version: int) -> None:
    closed = {Sdk(name, major) for name, majors in MAJORS.items() for major in (*majors, UNKNOWN)}
    closed |= {Sdk(NONE, UNKNOWN), Sdk(UNKNOWN, UNKNOWN)}
    assert {sdk_of(text), sdk_of(f"{family}/{version}"), sdk_of(f"{text} {family}/{version}.0")} <= closed
    assert len(closed) < 130


def test_every_alias_leads_to_a_family() -> None:
    assert set(ALIASES.values()) <= set(MAJORS)
    assert not set(ALIASES) & set(MAJORS)
