"""The report in a real browser: it obeys nothing it was given, and everybody can filter, link, copy and read it."""

import re
import shutil
from collections.abc import Generator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, Protocol

import pytest

from made_reports import dead_air, hostile, played, report, rule, violation
from vapi_conformance.report.page import render_page

pytest.importorskip("playwright", reason="the dependency group `browser` is not installed")
pytest.importorskip("axe_playwright_python", reason="the dependency group `browser` is not installed")

from playwright.sync_api import Browser, BrowserContext, Dialog, Locator, Page, ViewportSize, expect, sync_playwright

AXE: Final = files("axe_playwright_python") / "axe.min.js"
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"),
]

Document = Mapping[str, object]
Scheme = Literal["light", "dark"]
WIDE: Final[ViewportSize] = {"width": 1280, "height": 900}
NARROW: Final[ViewportSize] = {"width": 390, "height": 844}
VERY_WIDE: Final[ViewportSize] = {"width": 2400, "height": 900}
BROKEN = report(
    [
        rule("chat-stream.usage-is-last-chunk", "violated", level="SHOULD"),
        rule(
            "sse.last-event-is-terminated",
            "violated",
            violations=[violation(), violation(exchange="calls/slow/turn-1.1")],
        ),
        rule("tools.ids-differ", "untestable", reason="No tool was called in 3 tries.", judged=0),
        rule("http.coding-is-flushed-per-event", "not applicable", judged=0),
        *(rule(f"sse.rule-{at}", level="MAY" if at % 2 else "MUST") for at in range(12)),
    ],
    [played(), dead_air(), *(played(f"plain/step-{at}") for at in range(5))],
    heard={"heard": 3, "silence": 2, "call-ends": 1},
    lints=["no credential is given"],
)
SOUND = report([rule("sse.last-event-is-terminated"), rule("sse.rule-1"), rule("tools.ids-differ", "untestable")])
PAGES: Final[Mapping[str, list[Document]]] = {
    "sound": [report()],
    "broken": [BROKEN],
    "several": [SOUND, BROKEN, report()],
}


class Show(Protocol):
    def __call__(
        self,
        *documents: Document,
        anchor: str = "",
        viewport: ViewportSize = WIDE,
        scheme: Scheme = "light",
        javascript: bool = True,
        permissions: Sequence[str] = (),
    ) -> Page: ...


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with sync_playwright() as driver:
        # As root, which is what containers of CI are, Chromium has no sandbox of its own.
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Generator[Show]:
    """Opens a page of these documents; the test fails when it says anything on the console or asks for anything."""
    said: list[str] = []
    asked: list[str] = []
    contexts: list[BrowserContext] = []

    def dismiss(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    def shown(
        *documents: Document,
        anchor: str = "",
        viewport: ViewportSize = WIDE,
        scheme: Scheme = "light",
        javascript: bool = True,
        permissions: Sequence[str] = (),
    ) -> Page:
        file = tmp_path / "report.html"
        file.write_text(render_page(documents), encoding="utf-8")
        context = browser.new_context(
            viewport=viewport, color_scheme=scheme, java_script_enabled=javascript, permissions=permissions
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda problem: said.append(str(problem)))
        page.on("dialog", dismiss)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{file.as_uri()}{anchor}")
        return page

    yield shown
    for context in contexts:
        context.close()
    assert [] == said
    assert set() == {each for each in asked if not each.startswith("file:")}


def rules(page: Page) -> list[str]:
    """The ids of all rules that are to be seen."""
    return [each.inner_text() for each in page.locator(".rule .id").all() if each.is_visible()]


def choose(page: Page, group: str, name: str) -> None:
    page.get_by_role("group", name=group).get_by_role("radio", name=re.compile(f"^{name}")).check()


def summary(page: Page, identity: str) -> Locator:
    return page.locator(".rule > summary", has_text=identity)


class TestObedience:
    @pytest.mark.parametrize("many", [1, 2])
    def test_hostile_words_do_nothing(self, show: Show, many: int) -> None:
        page = show(*[hostile()] * many)
        for each in page.locator("details").all():
            each.evaluate("each => { each.open = true }")
        assert (1, 1, 0) == tuple(page.locator(each).count() for each in ("script", "style", "img"))
        expect(page.locator("footer")).to_be_visible()

    def test_the_policy_stops_what_slips_through(self, browser: Browser, tmp_path: Path) -> None:
        """As if the escaping had a hole: script, style and picture in the page do nothing all the same."""
        slipped = (
            '<script>document.title = "obeyed"</script><style>main { display: none }</style>'
            '<img src=x onerror="document.title = 1">'
        )
        file = tmp_path / "report.html"
        file.write_text(render_page([BROKEN]).replace("<main", f"{slipped}<main", 1), encoding="utf-8")
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(file.as_uri())
        expect(page.locator("main")).to_be_visible()
        assert page.title().startswith("Conformance of")
        assert len([each for each in said if "Content Security Policy" in each]) >= 3
        page.close()

    def test_ten_megabytes_in_every_place_can_be_opened(self, show: Show) -> None:
        page = show(hostile("<" * 10_000_000))
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


class TestFilters:
    SCRIPTS = pytest.mark.parametrize("javascript", [True, False], ids=["with script", "without script"])

    @SCRIPTS
    def test_an_outcome_leaves_its_rules(self, show: Show, javascript: bool) -> None:
        page = show(BROKEN, javascript=javascript)
        choose(page, "Outcome", "Broken")
        assert {"chat-stream.usage-is-last-chunk", "sse.last-event-is-terminated"} == set(rules(page))
        choose(page, "Outcome", "Not shown")
        assert ["tools.ids-differ"] == rules(page)

    @SCRIPTS
    def test_what_passed_unfolds_when_it_is_asked_for(self, show: Show, javascript: bool) -> None:
        page = show(BROKEN, javascript=javascript)
        choose(page, "Outcome", "Passed")
        assert {f"sse.rule-{at}" for at in range(12)} == set(rules(page))

    @SCRIPTS
    def test_outcome_and_level_go_together_and_empty_layers_go(self, show: Show, javascript: bool) -> None:
        page = show(BROKEN, javascript=javascript)
        choose(page, "Outcome", "Broken")
        choose(page, "Level", "SHOULD")
        assert ["chat-stream.usage-is-last-chunk"] == rules(page)
        headings = [each.inner_text() for each in page.locator(".layer h3").all() if each.is_visible()]
        assert ["The answer as a stream"] == headings

    @SCRIPTS
    def test_exchanges_with_broken_rules(self, show: Show, javascript: bool) -> None:
        page = show(BROKEN, javascript=javascript)
        choose(page, "Show", "With broken rules")
        groups = [each.inner_text() for each in page.locator(".group > summary .id").all() if each.is_visible()]
        assert ["plain", "calls/slow"] == groups

    def test_words_are_looked_for_everywhere_and_counted(self, show: Show) -> None:
        page = show(BROKEN)
        find = page.locator(".rules").get_by_role("searchbox")
        find.fill("no tool was called")
        assert ["tools.ids-differ"] == rules(page)
        expect(page.locator(".rules output")).to_have_text("1 of 16 shown")
        find.fill("")
        expect(page.locator(".rules output")).to_have_text("")
        assert "sse.last-event-is-terminated" in rules(page)

    def test_words_have_no_field_without_a_script(self, show: Show) -> None:
        page = show(BROKEN, javascript=False)
        assert [False, False] == [each.is_visible() for each in page.locator("input[type=search]").all()]


class TestLinks:
    SCRIPTS = TestFilters.SCRIPTS

    @SCRIPTS
    @pytest.mark.parametrize("identity", ["chat-stream.usage-is-last-chunk", "sse.rule-11"], ids=["broken", "folded"])
    def test_a_deep_link_opens_its_rule(self, show: Show, javascript: bool, identity: str) -> None:
        page = show(BROKEN, anchor=f"#{identity}", javascript=javascript)
        expect(page.locator(f'[id="{identity}"]')).to_be_in_viewport()
        expect(summary(page, identity)).to_be_in_viewport()

    def test_a_link_to_a_rule_that_a_filter_hides_takes_the_filter_away(self, show: Show) -> None:
        page = show(BROKEN)
        choose(page, "Outcome", "Broken")
        page.evaluate("location.hash = 'sse.rule-3'")
        expect(summary(page, "sse.rule-3").first).to_be_in_viewport()

    def test_a_violation_leads_to_its_exchange_and_back(self, show: Show) -> None:
        page = show(BROKEN, anchor="#sse.last-event-is-terminated")
        page.locator(".violation").get_by_role("link", name="calls/slow/turn-1.1").click()
        place = page.locator("#exchange-2")
        expect(place.locator(".waterfall")).to_be_in_viewport()
        place.get_by_role("link", name="sse.last-event-is-terminated").click()
        expect(summary(page, "sse.last-event-is-terminated")).to_be_in_viewport()

    def test_of_several_runs_a_deep_link_leads_into_the_table(self, show: Show) -> None:
        page = show(*PAGES["several"], anchor="#sse.last-event-is-terminated")
        row = page.locator('tr[id="sse.last-event-is-terminated"]')
        expect(row).to_be_in_viewport()
        row.get_by_role("link").nth(1).click()
        expect(page.locator('[id="run-2:sse.last-event-is-terminated"]')).to_be_in_viewport()


class TestKeyboard:
    def test_the_first_tab_skips_to_the_content(self, show: Show) -> None:
        page = show(BROKEN)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
        page.keyboard.press("Enter")
        assert page.url.endswith("#content")

    def test_rules_are_opened_and_filters_moved_without_a_mouse(self, show: Show) -> None:
        page = show(BROKEN)
        summary(page, "tools.ids-differ").focus()
        page.keyboard.press("Enter")
        expect(page.locator('[id="tools.ids-differ"]')).to_be_visible()
        page.get_by_role("group", name="Outcome").get_by_role("radio", name="All").focus()
        page.keyboard.press("ArrowRight")
        assert {"chat-stream.usage-is-last-chunk", "sse.last-event-is-terminated"} == set(rules(page))

    def test_every_thing_that_takes_the_focus_shows_it(self, show: Show) -> None:
        page = show(BROKEN)
        for _ in range(25):
            page.keyboard.press("Tab")
            width = page.evaluate(
                "() => { const at = document.activeElement;"
                " const seen = at.matches('fieldset input') ? at.nextElementSibling : at;"
                " return parseFloat(getComputedStyle(seen).outlineWidth) }"
            )
            assert width >= 2


class TestCopying:
    def test_gives_the_text_for_an_issue_to_the_clipboard(self, show: Show) -> None:
        page = show(BROKEN, anchor="#sse.last-event-is-terminated", permissions=["clipboard-read", "clipboard-write"])
        issue = page.locator('[id="sse.last-event-is-terminated"] .violation').first
        issue.get_by_text("Text for an issue tracker").click()
        issue.locator(".copied", has_text="Markdown").get_by_role("button", name="Copy").click()
        expect(issue.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("### `sse.last-event-is-terminated` is broken (MUST)\n")
        assert copied == issue.locator(".copied", has_text="Markdown").locator("pre").inner_text()


class TestSeveral:
    @TestFilters.SCRIPTS
    def test_the_difference_of_two_runs_leaves_the_rules_that_differ(self, show: Show, javascript: bool) -> None:
        page = show(SOUND, BROKEN, javascript=javascript)
        page.get_by_role("combobox", name="From").select_option(index=1)
        page.get_by_role("combobox", name="to").select_option(index=2)
        shown = [each.inner_text() for each in page.locator(".matrix tbody .id").all() if each.is_visible()]
        assert "sse.last-event-is-terminated" in shown
        assert not {"sse.rule-1", "tools.ids-differ"} & set(shown)
        expect(page.locator(".differences")).to_have_text(re.compile("worse"))
        assert 1 == len([each for each in page.locator(".differences p").all() if each.is_visible()])

    def test_rules_that_fare_the_same_are_shown_on_demand(self, show: Show) -> None:
        page = show(SOUND, BROKEN)
        row = page.locator('tr[id="sse.rule-1"]')
        expect(row).to_be_hidden()
        page.get_by_label(re.compile("fare the same everywhere")).check()
        expect(row).to_be_visible()


class TestReading:
    @pytest.mark.parametrize("name", PAGES)
    @pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
    def test_nothing_sticks_out(self, show: Show, name: str, viewport: ViewportSize) -> None:
        page = show(*PAGES[name], viewport=viewport)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    @pytest.mark.parametrize("name", PAGES)
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
    def test_axe_finds_nothing(self, show: Show, name: str, scheme: Scheme, viewport: ViewportSize) -> None:
        page = show(*PAGES[name], viewport=viewport, scheme=scheme)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("async () => (await axe.run()).violations.map((each) => [each.id, each.nodes[0].html])")
        assert [] == found

    def test_a_silence_is_as_wide_as_the_words_that_would_fill_it(self, show: Show) -> None:
        """3.2 seconds are 48 characters, drawn to the scale of the words beside it, within what letters differ."""
        page = show(report(exchanges=[dead_air()]), viewport=VERY_WIDE)
        line = page.locator(".told .heard").first
        silence = line.locator(".silence .cell").evaluate_all(
            "all => all.reduce((sum, each) => sum + each.offsetWidth, 0)"
        )
        words = line.locator(".words").first
        per_character = words.evaluate("each => each.getBoundingClientRect().width") / len(words.inner_text())
        assert 48 * per_character == pytest.approx(silence, rel=0.25)

    def test_print_shows_what_is_broken_and_no_buttons(self, show: Show) -> None:
        page = show(BROKEN)
        page.emulate_media(media="print")
        expect(page.locator('[id="sse.last-event-is-terminated"] .versus').first).to_be_visible()
        expect(page.locator(".filters").first).to_be_hidden()
        assert page.pdf().startswith(b"%PDF")
