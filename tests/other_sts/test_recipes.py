"""The recipes of docs/other-sts lead to a pod that the sidecar can run in, whether a server is there or not."""

import json
import re
from pathlib import Path

import pytest

from sidecar.settings.config import load
from sidecar.trust import lint, parse
from tests.other_sts.recipes import RECIPES, Recipe, injected

PAGE = RECIPES.with_suffix(".md")
SERVERS = [Recipe(folder.name) for folder in sorted(RECIPES.iterdir()) if folder.is_dir()]


@pytest.mark.parametrize("recipe", SERVERS, ids=lambda recipe: recipe.server)
def test_the_command_gives_a_sidecar_that_starts_and_an_application_that_asks_it(
    recipe: Recipe, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = injected(recipe, capsys)["spec"]
    sidecar = {item["name"]: item.get("value", "a-uid") for item in spec["initContainers"][0]["env"]}
    settings = load(sidecar, [])
    assert (str(settings.role_arn), settings.sts_endpoint) == (recipe.role_arn, sidecar["AWS_ENDPOINT_URL_STS"])
    application = {item["name"] for item in spec["containers"][0]["env"]}
    assert {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ENDPOINT_URL_S3"} <= application


@pytest.mark.parametrize("server", ["versitygw", "ceph"])
def test_a_trust_policy_names_the_provider_and_has_no_mistake(server: str) -> None:
    recipe = Recipe(server)
    policy = recipe.text("trust-policy.json")
    host = recipe.document("provider.json")["Url"].removeprefix("https://")
    assert json.loads(policy)["Statement"][0]["Principal"]["Federated"].endswith(f":oidc-provider/{host}")
    assert [finding.code for finding in lint(parse(policy)) if finding.level == "error"] == []


@pytest.mark.parametrize("recipe", SERVERS, ids=lambda recipe: recipe.server)
def test_the_page_links_to_every_file(recipe: Recipe) -> None:
    linked = set(re.findall(rf"\(other-sts/{recipe.server}/([^)]+)\)", PAGE.read_text()))
    assert linked == {path.name for path in Path(recipe.folder).iterdir()}
