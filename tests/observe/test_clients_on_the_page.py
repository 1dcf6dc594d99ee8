"""Who still needs the sidecar, on the metrics page; and how the credentials file fares."""

from sidecar.observe.metrics import Metrics
from sidecar.observe.sdk_family import MAJORS, sdk_of

REQUESTS = "irsa_sidecar_client_requests_total"
WRITES = "irsa_sidecar_credentials_file_writes_total"


def metrics() -> Metrics:
    return Metrics()


def value(of: Metrics, name: str, **labels: str) -> float | None:
    return of.registry.get_sample_value(name, labels)


def test_requests_are_counted_by_face_family_and_major_version() -> None:
    page = metrics()
    for face, user_agent in (
        ("imds-v1", "Boto/2.49.0 Python/2.7.16"),
        ("container", "aws-sdk-go/1.15.11 (go1.23.4; linux; amd64)"),
        ("container", "aws-sdk-go/1.44.298 (go1.20; linux; amd64)"),
        ("container", "aws-sdk-java/2.20.162"),
        ("container", None),
        ("container", "somebody's own"),
    ):
        page.observe_client(face, sdk_of(user_agent))
    assert value(page, REQUESTS, face="imds-v1", sdk="boto", major="2") == 1
    assert value(page, REQUESTS, face="container", sdk="aws-sdk-go", major="1") == 2
    assert value(page, REQUESTS, face="container", sdk="aws-sdk-java", major="2") == 1
    assert value(page, REQUESTS, face="container", sdk="none", major="unknown") == 1
    assert value(page, REQUESTS, face="container", sdk="unknown", major="unknown") == 1


def test_no_flood_of_user_agents_makes_the_page_grow_without_bound() -> None:
    page = metrics()
    for number in range(3000):
        page.observe_client("container", sdk_of(f"client-{number}/{number}.0"))
        page.observe_client("container", sdk_of(f"{sorted(MAJORS)[number % len(MAJORS)]}/{number}.{number}"))
    (family,) = (family for family in page.registry.collect() if family.name == "irsa_sidecar_client_requests")
    assert len([sample for sample in family.samples if sample.name == REQUESTS]) < 130


def test_writes_of_the_file_are_counted_with_a_zero_to_compare_failures_with() -> None:
    page = metrics()
    page.observe_file(written=True)
    assert (value(page, WRITES, outcome="written"), value(page, WRITES, outcome="failed")) == (1, 0)
    page.observe_file(written=False)
    assert (value(page, WRITES, outcome="written"), value(page, WRITES, outcome="failed")) == (1, 1)
