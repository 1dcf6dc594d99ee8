"""The status page as a reader has it: in light and dark, on a desk and a phone, with JavaScript and without."""

import re
from typing import Any

import pytest

from sidecar.admin.amounts import duration
from tests.conftest import Canary
from tests.doubles import KEY_CANARY, a_token
from tests.status.axe import violations
from tests.status.browser import PHONE, Browser
from tests.status.scenes import DENIED, ENVIRONMENT, SCENES, Scene, failing, healthy
from tests.status.serving import a_stage

HOSTILE = "</code><img src=https://evil.example/x onerror=alert(1)><script>alert(2)</script>\u202e" + "x" * 900

ASK = "ask().then(arguments[0])"
"""What the script does every three seconds."""


@pytest.fixture
def hostile() -> Scene:
    """A token whose claims try everything."""
    scene = healthy()
    claims: dict[str, Any] = {"iss": HOSTILE, "sub": HOSTILE, "aud": [HOSTILE]}
    claims["kubernetes.io"] = {"namespace": HOSTILE, "pod": {"name": HOSTILE}, "serviceaccount": {"name": HOSTILE}}
    scene.token = a_token(**claims)
    return scene


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["healthy", "failing", "down"])
def test_axe_finds_nothing_to_mend(browser: Browser, axe_core: str, name: str, dark: bool) -> None:
    with a_stage(SCENES[name]()) as url:
        browser.open(url, dark=dark)
        browser.run("document.querySelectorAll('details').forEach((list) => (list.open = true))")
        assert violations(browser, axe_core) == []


def test_axe_finds_nothing_to_mend_when_the_sidecar_is_gone(browser: Browser, axe_core: str) -> None:
    with a_stage(healthy()) as url:
        browser.open(url)
    browser.run_async(ASK)
    assert browser.text("#unreachable")
    assert violations(browser, axe_core) == []


@pytest.mark.parametrize("name", SCENES)
def test_a_phone_never_scrolls_sideways(browser: Browser, name: str) -> None:
    with a_stage(SCENES[name]()) as url:
        browser.open(url, size=PHONE)
        browser.run("document.querySelectorAll('details').forEach((list) => (list.open = true))")
        assert browser.run("return [innerWidth, document.documentElement.scrollWidth]") == [360, 360]


def test_hostile_claims_are_only_text(browser: Browser, hostile: Scene) -> None:
    with a_stage(hostile) as url:
        browser.open(url, size=PHONE)
        browser.run("document.querySelectorAll('details').forEach((list) => (list.open = true))")
        assert "<img src=https://evil.example/x onerror=alert(1)>" in browser.text("main")
        assert browser.run("return document.querySelectorAll('main img, main script').length") == 0
        assert browser.run("return [innerWidth, document.documentElement.scrollWidth]") == [360, 360]
        assert browser.complaints() == []
        assert {request for request in browser.requests() if not request.startswith("data:")} == {url}


def test_the_essentials_need_no_javascript(browser: Browser) -> None:
    with a_stage(failing()) as url:
        browser.open(url, script=False)
        seen = browser.text("body")
    for essential in ("Refresh fails", "21 min 00 s left", "Fix: Compare", "assumed-role/checkout", "reloads every"):
        assert essential in seen


def test_without_javascript_it_is_loaded_again_and_with_it_not(browser: Browser) -> None:
    with a_stage(healthy()) as url:
        for script, reloads in ((False, 1), (True, 0)):
            browser.open(url, script=script)
            assert browser.run("return document.head.querySelectorAll('meta[http-equiv=refresh]').length") == reloads


def test_it_counts_down_each_second_by_itself(browser: Browser) -> None:
    with a_stage(healthy()) as url:
        browser.open(url)
        browser.run("fetch = () => new Promise(() => {})")
        before = browser.run("return document.querySelector('rect.left').getAttribute('width')")
        first = browser.text(".figure")
        second = another_than(first, browser)
        another_than(second, browser)
        figure, life, width, everything = browser.run(SEEN)  # in one moment: the next second may be near
        assert width < before
        assert seconds(life) == seconds(figure) - 33 * 60
        assert f"{duration(3599 - seconds(figure))} ago" in everything


SEEN = """
const of = (selector) => document.querySelector(selector);
return [of(".figure").innerText, of(".life text").textContent, of("rect.left").getAttribute("width"),
  of("main").innerText];
"""


def another_than(shown: str, browser: Browser) -> str:
    """What stands there next. A browser that had no processor for a while may have left out a second."""
    while (now := browser.text(".figure")) == shown:
        pass
    assert seconds(now) < seconds(shown)
    return now


def seconds(shown: str) -> int:
    found = re.search(r"(\d+) min (\d+) s", shown)
    assert found, shown
    return 60 * int(found[1]) + int(found[2])


def test_each_answer_sets_its_count_right(browser: Browser) -> None:
    with a_stage(healthy()) as url:
        browser.open(url)
        browser.run("readAt -= 600_000; count()")
        assert 43 * 60 < seconds(browser.text(".figure")) < 45 * 60
        browser.run_async(ASK)
        assert 53 * 60 < seconds(browser.text(".figure")) < 55 * 60


def test_script_and_server_say_times_alike(browser: Browser) -> None:
    amounts = [0, 0.9, 59.99, 60, 61, 3599.9, 3600, 3661, 86_399, 86_400, 93_784, 900_000, -3]
    with a_stage(healthy()) as url:
        browser.open(url)
        said = browser.run("return arguments[0].map((seconds) => duration(seconds))", amounts)
    assert said == [duration(amount) for amount in amounts]


def test_it_keeps_what_a_reader_opened_and_selected(browser: Browser) -> None:
    scene = healthy()
    with a_stage(scene) as url:
        browser.open(url)
        browser.run(
            "document.querySelector('details').open = true;"
            "getSelection().selectAllChildren(document.querySelector('dd code'));"
        )
        selected = browser.run("return String(getSelection())")
        scene.issued(scene.time + 1700)
        browser.run_async(ASK)
        assert "59 min 5" in browser.text(".answer")
        assert browser.run("return document.querySelector('details').open")
        assert browser.run("return String(getSelection())") == selected != ""


def test_it_unfolds_when_the_state_turns_and_folds_no_more_than_a_reader_does(browser: Browser) -> None:
    scene = healthy()
    opened = "return [...document.querySelectorAll('section > div > details[open]')].length"
    with a_stage(scene) as url:
        browser.open(url)
        assert browser.run(opened) == 0
        scene.failed(scene.time + 1700, DENIED)
        browser.run_async(ASK)
        assert browser.run(opened) == 2
        browser.run("document.querySelectorAll('details').forEach((list) => (list.open = false))")
        browser.run_async(ASK)
        assert browser.run(opened) == 0


def test_it_says_so_when_the_sidecar_does_not_answer_and_since_when(browser: Browser) -> None:
    with a_stage(healthy()) as url:
        browser.open(url)
        assert browser.text("#unreachable") == ""
    gone = browser.until("#unreachable", "The sidecar does not answer.", "shows its state of")
    assert int(gone.rpartition("state of ")[2].split()[0]) >= 2
    assert browser.run("return document.title").startswith("No answer: ")


@pytest.mark.parametrize(
    ("html", "status"), [("<link><header></header><main>Sign in</main>", 401), ("<link><header>Sign in</header>", 200)]
)
def test_another_page_in_its_place_is_no_answer(browser: Browser, html: str, status: int) -> None:
    with a_stage(healthy()) as url:
        browser.open(url)
        browser.run("window.other = [arguments[0], arguments[1]]", html, status)
        browser.run("fetch = async () => new Response(other[0], { status: other[1] })")
        browser.run_async(ASK)
        assert "does not answer" in browser.text("#unreachable")
        assert "Healthy" in browser.text("main")
        assert "shop/checkout" in browser.text("header")


def test_a_tab_that_nobody_sees_asks_nothing(browser: Browser) -> None:
    with a_stage(healthy()) as url:
        browser.open(url)
        browser.run(
            "let asked = 0; const real = fetch; window.asked = () => asked;"
            "fetch = (...all) => { asked += 1; return real(...all); };"
            "Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });"
        )
        for _ in range(3):
            browser.run_async(ASK)
        assert browser.run("return asked()") == 0
        browser.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
        assert browser.run("return asked()") == 1


@pytest.mark.parametrize("name", SCENES)
def test_it_breaks_no_rule_of_its_own_and_asks_nobody_else(browser: Browser, name: str) -> None:
    with a_stage(SCENES[name]()) as url:
        browser.open(url)
        browser.run_async(ASK)
        assert browser.complaints() == []
        requests = browser.requests()
    assert {request for request in requests if not request.startswith("data:image/svg+xml,")} == {url}
    assert requests.count(url) >= 2


def test_its_rules_stop_what_does_not_belong_to_it(browser: Browser) -> None:
    with a_stage(healthy()) as url:
        browser.open(url)
        browser.run(
            "const script = document.createElement('script'); script.textContent = 'window.ran = true';"
            "document.body.append(script); document.body.setAttribute('style', 'color: red');"
        )
        assert browser.run("return window.ran ?? null") is None
        assert len(browser.complaints()) == 2


def test_no_secret_is_in_what_a_reader_or_a_program_gets(browser: Browser, canary: Canary) -> None:
    assert KEY_CANARY in ENVIRONMENT["SIDECAR_AUTH_TOKEN"]
    for make in SCENES.values():
        with a_stage(make()) as url:
            browser.open(url)
            browser.run_async(ASK)
            canary.saw(browser.run("return document.documentElement.outerHTML"), browser.text("body"))
            for page in (url, f"{url}.json"):
                canary.saw(browser.run_async("fetch(arguments[0]).then((a) => a.text()).then(arguments[1])", page))
