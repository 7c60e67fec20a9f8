"""The page in a real Chromium: filters, keys, folded code, both themes, and silence on the wire."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from support.sample_review import RULES, SampleSource, failed_report, finding, sample_report

from reviewloop.render.html import render

pytestmark = pytest.mark.needs_chromium

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        program = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


class Opened:
    """A page in the browser, and everything it said or asked for."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: self.said.append(dialog.message))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(address)

    def shown(self) -> list[str]:
        """Return the titles of the findings that can be seen."""
        cards = self.page.locator(".finding:visible h3")
        return cards.all_inner_texts()

    def focused(self) -> str:
        return self.page.evaluate("document.activeElement.querySelector('h3')?.innerText ?? ''")

    def background(self) -> str:
        return self.page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator:
    contexts = []

    def open_page(report=None, source=None, **options: object) -> Opened:
        file = tmp_path / "review.html"
        text = render(report or sample_report(), source or SampleSource(), RULES.get)
        file.write_text(text, "utf-8")
        contexts.append(browser.new_context(**options))
        made = Opened(contexts[-1].new_page(), file.as_uri())
        pages.append(made)
        return made

    pages: list[Opened] = []
    yield open_page
    for made in pages:
        assert made.said == []
        assert [url for url in made.asked if not url.startswith(("file:", "data:"))] == []
        assert len([url for url in made.asked if url.startswith("file:")]) == 1
    for context in contexts:
        context.close()


def test_severities_are_filtered_by_click(opened):
    view = opened()
    assert len(view.shown()) == 17
    view.page.click("button[data-value=nit]")
    view.page.click("button[data-value=should_fix]")
    assert len(view.shown()) == 5
    assert view.page.inner_text("#shown") == "5 of 17 findings shown"
    assert not view.page.is_visible("h2:has-text('tests/test_db.py')")
    view.page.click("#clear")
    assert len(view.shown()) == 17
    assert not view.page.is_visible("#clear")


@pytest.mark.slow
def test_reviewers_and_files_are_filtered_by_click(opened):
    view = opened()
    for name in ("security", "infrastructure", "maintainability", "test-quality"):
        view.page.click(f"button[data-value=review-{name}]")
    assert set(view.shown()) == {"One query per customer", "The connection is never closed"}
    view.page.keyboard.press("c")
    view.page.click("button[data-filter=path][data-value='deploy.sh']")
    assert set(view.shown()) == {
        "A script from the network is run unseen",
        "An empty BUILD_DIR deletes from the root",
    }
    view.page.click("button[data-filter=path][data-value='web/greet.js']")
    assert len(view.shown()) == 4


@pytest.mark.slow
def test_text_is_searched_word_by_word(opened):
    view = opened()
    view.page.keyboard.press("f")
    view.page.keyboard.type("PLACEHOLDER db.py")
    assert view.shown() == ["The query holds request.args['customer']"]
    view.page.keyboard.type(" nowhere")
    assert view.shown() == []
    assert view.page.is_visible("#nothing")
    view.page.keyboard.press("Escape")
    assert view.page.input_value("#text") == "PLACEHOLDER db.py nowhere"  # as what is shown
    assert view.shown() == []
    view.page.keyboard.press("c")
    assert view.page.input_value("#text") == ""
    assert len(view.shown()) == 17


@pytest.mark.slow
def test_keys_go_from_finding_to_finding_and_skip_hidden_ones(opened):
    view = opened()
    titles = view.shown()
    for expected in titles[:3]:
        view.page.keyboard.press("j")
        assert view.focused() == expected
    view.page.keyboard.press("k")
    assert view.focused() == titles[1]
    view.page.keyboard.press("1")  # hides "must fix"
    left = view.shown()
    view.page.click("h1")
    view.page.keyboard.press("j")
    assert view.focused() == left[0]


@pytest.mark.slow
def test_a_closed_file_opens_when_a_key_leads_into_it(opened):
    view = opened()
    view.page.keyboard.press("o")
    assert view.shown() == []
    view.page.keyboard.press("j")
    assert len(view.shown()) == 1
    view.page.keyboard.press("o")
    view.page.keyboard.press("o")
    assert len(view.shown()) == 17


@pytest.mark.slow
def test_help_opens_and_closes_by_key(opened):
    view = opened()
    view.page.keyboard.press("?")
    assert view.page.is_visible("dialog >> text=next finding")
    view.page.keyboard.press("j")  # keys belong to the dialogue now
    assert view.focused() == ""
    view.page.keyboard.press("Escape")
    assert not view.page.is_visible("dialog")


@pytest.mark.slow
def test_every_control_is_reached_by_tab_with_a_visible_focus(opened):
    view = opened()
    view.page.keyboard.press("Tab")
    assert view.page.evaluate("document.activeElement.className") == "skip"
    assert view.page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    view.page.keyboard.press("Enter")
    assert view.page.evaluate("document.activeElement.id") == "findings"
    view.page.focus("#theme")
    for _ in range(6):
        view.page.keyboard.press("Tab")
        outline = view.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"


# Chromium hands what a page stores to another process later, and a reload may be quicker.
_LOADS = 50


@pytest.mark.slow
def test_the_theme_follows_the_system_and_can_be_chosen(opened):
    light, dark = opened(color_scheme="light"), opened(color_scheme="dark")
    assert light.background() != dark.background()
    light.page.keyboard.press("t")
    assert light.page.inner_text("#theme") == "Theme: light"
    light.page.click("#theme")
    assert light.background() == dark.background()
    chosen = dark.background()
    for _ in range(_LOADS):
        light.page.reload()
        light.asked.pop()  # the reload
        if light.background() == chosen:
            break
    assert light.background() == chosen


CONTRAST = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !node.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)];
}"""


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_words_are_readable_in_both_themes(opened, scheme):
    view = opened(failed_report(), color_scheme=scheme)
    assert view.page.evaluate(CONTRAST) == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 700, 1280])
def test_the_page_fits_its_window(opened, width):
    view = opened(failed_report(), viewport={"width": width, "height": 800})
    assert view.page.evaluate("document.documentElement.scrollWidth") <= width
    if width < 700:
        assert not view.page.is_visible("#text")
        view.page.click("#filters > summary")
        assert view.page.is_visible("#text")


@pytest.mark.slow
def test_folded_code_is_drawn_when_asked_for(opened):
    view = opened(sample_report(findings=()))
    assert not view.page.is_visible("text=aws_s3_bucket")
    view.page.click("summary:has-text('infra/bucket.tf')")
    view.page.wait_for_selector("text=aws_s3_bucket")  # drawn after the click has been handled
    rows = view.page.locator("details[open] tr.add")
    assert rows.count() == 8
    assert rows.nth(2).locator("td").nth(1).get_attribute("data-n") == "3"


def test_hostile_code_is_text_when_unfolded_too(opened):
    view = opened(sample_report(findings=()))
    view.page.click("summary:has-text('app/</script>.py')")
    view.page.wait_for_selector("text=</script><script>alert(1)</script>")


@pytest.mark.slow
def test_a_link_to_a_finding_opens_it(opened):
    view = opened()
    anchor = view.page.get_attribute("article:has-text('The query holds')", "id")
    view.page.evaluate("document.querySelectorAll('details.file').forEach((d) => d.open = false)")
    view.page.evaluate(f"location.hash = '{anchor}'")
    view.page.wait_for_function("document.activeElement.matches('.finding')")
    assert view.focused() == "The query holds request.args['customer']"


@pytest.mark.slow
def test_paper_shows_findings_without_controls(opened):
    view = opened()
    view.page.click("#theme")
    view.page.click("#theme")
    assert view.page.inner_text("#theme") == "Theme: dark"
    view.page.emulate_media(media="print")
    assert view.page.evaluate("getComputedStyle(document.querySelector('h3')).color").startswith(
        "rgb(34, "
    )
    assert not view.page.is_visible("#filters")
    assert not view.page.is_visible("#theme")
    assert len(view.shown()) == 17


@pytest.mark.slow
def test_a_report_without_findings_is_a_calm_page(opened):
    report = sample_report(findings=(), outcome="clean", exit_code=0)
    view = opened(report)
    assert view.page.inner_text(".verdict") == "Clean: no findings; 4 files not reviewed."
    for key in "jkfoct123":
        view.page.keyboard.press(key)


@pytest.mark.slow
def test_filtering_a_thousand_findings_touches_each_only_once(opened):
    many = tuple(finding("app/db.py", n % 30 + 1, "x/y", f"Finding {n}.") for n in range(1000))
    view = opened(sample_report(findings=many))
    changes, whole, drawn = view.page.evaluate(
        """() => {
          const field = document.querySelector("#text");
          const seen = new MutationObserver(() => {});
          const all = {attributes: true, childList: true, characterData: true, subtree: true};
          let whole = 0, drawn = 0;
          const select = document.querySelectorAll.bind(document);
          document.querySelectorAll = (some) => { whole += 1; return select(some); };
          for (const name of ["getBoundingClientRect", "getClientRects", "scrollIntoView"]) {
            const own = Element.prototype[name];
            Element.prototype[name] = function (...a) { drawn += 1; return own.apply(this, a); };
          }
          seen.observe(document, all);
          field.value = "finding 77";
          field.dispatchEvent(new Event("input"));
          return [seen.takeRecords().length, whole, drawn];
        }"""
    )
    assert len(view.shown()) == 19
    assert 981 <= changes < 2 * 1000  # what is hidden with its row, and a few counts
    assert whole < 50  # walks over the whole page
    assert drawn == 0  # each would lay out the page anew
