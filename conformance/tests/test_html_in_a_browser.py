"""The report page as a reader meets it: in a browser, by keyboard, in light and dark, on paper, and without its script."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from arqonbus_conformance.report.difference import difference_of
from arqonbus_conformance.report.difference_forms import difference_page
from arqonbus_conformance.report.html import write_html, write_page
from made_reports import HOSTILE, made_document
from playwright.sync_api import Browser, Page, Route, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SCREENSHOTS = Path(__file__).parents[2] / "reports" / "screenshots"
WAIT_MILLISECONDS = 10_000.0
FAILING = "unit/test_route::test_route_007"


def browser_program() -> str:
    """A browser of the machine, by its name; the test is skipped where there is none."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(
            f"no browser on this machine: none of {', '.join(BROWSERS)}; Debian: apt-get install chromium"
        )
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = browser_program()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program, chromium_sandbox=os.geteuid() != 0, args=["--disable-gpu"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def failing_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "gate.html"
    write_html(made_document(failing=True, text=HOSTILE), path)
    return path


class Opened:
    """A page that is open, with every complaint of it and every request it made."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(WAIT_MILLISECONDS)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.route("**/*", self._decide)
        self._address = path.as_uri()
        page.goto(self._address)

    def _decide(self, route: Route) -> None:
        self.requests.append(route.request.url)
        if route.request.url.partition("#")[0] == self._address:
            route.continue_()
        else:
            route.abort()

    def shown(self, selector: str) -> list[str]:
        shown = "all => all.filter(one => one.checkVisibility()).map(one => one.innerText)"
        return list(self.page.eval_on_selector_all(selector, shown))

    def ended_well(self) -> bool:
        return self.complaints == [] and self.requests == [self._address]


Open = Callable[..., Opened]


@pytest.fixture
def open_page(browser: Browser, failing_page: Path) -> Iterator[Open]:
    opened: list[Page] = []

    def open_it(path: Path = failing_page, **options: object) -> Opened:
        page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})  # type: ignore[arg-type]
        opened.append(page)
        return Opened(page, path)

    yield open_it
    for page in opened:
        page.close()


def test_a_failing_case_is_found_and_its_transcript_opens(open_page: Open) -> None:
    """By keyboard alone; no console error, and no request leaves the page."""
    opened = open_page()
    page = opened.page

    page.keyboard.press("/")
    page.keyboard.type("route-007 sentinel")
    page.wait_for_function("document.querySelector('output').textContent.startsWith('1 failures')")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")

    assert page.input_value("input[type=search]") == "route-007 sentinel"
    assert [text for text in opened.shown("details.failure") if FAILING in text]
    assert len(opened.shown("details.failure")) == 1
    assert len(opened.shown(".failure[open] .talk .say")) == 8
    assert opened.shown(".failure[open] .talk .say.out")[0].startswith("ann")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "report-failure.png")
    page.keyboard.press("Escape")
    assert opened.shown(".talk") == []
    assert opened.ended_well()


def test_escape_in_the_search_brings_everything_back(open_page: Open) -> None:
    """And what matches nothing is said."""
    opened = open_page()
    everything = len(opened.shown("details.item"))

    opened.page.keyboard.press("/")
    opened.page.keyboard.type("no such words anywhere")
    opened.page.wait_for_selector("[data-nothing]:not([hidden])")
    nothing = len(opened.shown("details.item"))
    opened.page.keyboard.press("Escape")

    assert nothing == 0
    assert len(opened.shown("details.item")) == everything > 200
    assert opened.ended_well()


def test_j_and_k_walk_over_what_is_shown(open_page: Open) -> None:
    """From the first failure to the second and back, and the arrows alike."""
    opened = open_page()
    focused = "document.activeElement.textContent"

    seen = []
    for key in ("j", "j", "k", "ArrowDown", "ArrowUp"):
        opened.page.keyboard.press(key)
        seen.append(opened.page.evaluate(focused).split("::")[1].split("the message")[0])

    assert seen == ["test_auth_003", "test_route_007", "test_auth_003", "test_route_007", "test_auth_003"]
    assert opened.ended_well()


def test_a_cell_of_the_matrix_filters_by_area_and_suite(open_page: Open) -> None:
    """What is left is of that cell only; a click on a tile opens its requirement."""
    opened = open_page()
    page = opened.page

    page.press("a[data-pick-area=ROUTE][data-pick-suite=unit]", "Enter")
    page.wait_for_selector("#r-CONF-001", state="hidden")
    chosen = [page.input_value(f"select[name={name}]") for name in ("area", "suite")]
    left = [one.get_attribute("id") or "" for one in page.query_selector_all(".requirement:not([hidden])")]
    page.click(".tile[data-for=STORE-004]")

    assert chosen == ["ROUTE", "unit"]
    assert left
    assert all(name.startswith("r-ROUTE-") for name in left)
    assert page.is_visible("#r-STORE-004 dl")
    assert opened.ended_well()


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [
        ("verdict", "violated", "3 failures, 3 requirements, 3 cases"),
        ("phase", "1", "1 failures, 38 requirements"),
    ],
)
def test_each_filter_counts_what_is_left(open_page: Open, name: str, value: str, count: str) -> None:
    """Aloud, for those who do not see it."""
    opened = open_page()

    opened.page.select_option(f"select[name={name}]", value)
    opened.page.wait_for_function("document.querySelector('output').textContent !== ''")

    assert (opened.page.text_content("output[aria-live]") or "").startswith(count)


def test_hostile_text_does_nothing_in_a_browser(open_page: Open) -> None:
    """The title stays ours, and no element of theirs is there."""
    opened = open_page()

    opened.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")

    assert opened.page.title() == "fail: staging - ArqonBus conformance"
    assert opened.page.query_selector_all("img") == []
    assert opened.ended_well()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_follow_the_system_until_told_otherwise(open_page: Open, scheme: str) -> None:
    """Words are readable in both: the closing sentence has at least seven to one against its background."""
    opened = open_page(color_scheme=scheme)
    contrast = """() => {
        const light = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).map((part) => part / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
            .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
        const [a, b] = [getComputedStyle(document.querySelector('.closing')).color,
                        getComputedStyle(document.body).backgroundColor].map(light).sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
    }"""
    background = "getComputedStyle(document.body).backgroundColor"
    before = opened.page.evaluate(background)
    ratio = opened.page.evaluate(contrast)

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    opened.page.screenshot(path=SCREENSHOTS / f"report-{scheme}.png")
    seen = {before}
    for _ in range(2):
        opened.page.click("[data-theme-toggle]")
        seen.add(opened.page.evaluate(background))

    assert before == {"light": "rgb(244, 246, 249)", "dark": "rgb(14, 19, 25)"}[scheme]
    assert ratio > 7
    assert len(seen) == 2
    assert opened.ended_well()


def test_paper_shows_the_transcripts_and_no_controls(open_page: Open) -> None:
    """In light, whatever the screen had."""
    opened = open_page(color_scheme="dark")

    opened.page.emulate_media(media="print")

    assert len(opened.shown(".talk")) == 4
    assert opened.shown(".tools") == opened.shown("button") == []
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_narrow_page_does_not_scroll_sideways(open_page: Open) -> None:
    """On a telephone."""
    opened = open_page(viewport={"width": 360, "height": 740})

    opened.page.evaluate("document.querySelector('.failure').open = true")

    assert opened.page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_reader_without_scripts_reads_everything(open_page: Open) -> None:
    """Controls that would do nothing are not shown; details open by themselves."""
    opened = open_page(java_script_enabled=False)

    opened.page.click("details.failure summary")

    assert len(opened.shown(".failure[open] .talk .say")) == 8
    assert opened.shown(".tools") == opened.shown("button") == []


def test_the_page_of_a_difference_is_as_quiet(open_page: Open, tmp_path: Path) -> None:
    """No console error, no request, and a theme that can be chosen."""
    difference = difference_of(made_document(), made_document(failing=True, text=HOSTILE))
    write_page(difference_page(difference), tmp_path / "diff.html")

    opened = open_page(tmp_path / "diff.html")
    opened.page.click("[data-theme-toggle]")

    assert opened.shown("h1") == ["REGRESSION"]
    assert opened.page.get_attribute("html", "data-theme") == "dark"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    opened.page.screenshot(path=SCREENSHOTS / "difference.png")
    assert opened.ended_well()


def test_the_page_has_landmarks_and_names(open_page: Open) -> None:
    """A banner, a navigation, a search, a main part, one first heading; every control has a name."""
    opened = open_page()
    tree = opened.page.locator("body").aria_snapshot()

    for part in ("banner", "navigation", "main", "search", 'heading "fail staging" [level=1]', "contentinfo"):
        assert part in tree
    assert "- searchbox:" not in tree
    assert "- combobox:" not in tree
    assert "- button:" not in tree
