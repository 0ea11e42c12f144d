from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from portal.core.assets import HTMX_FILE, HTMX_VERSION
from portal.paths import STATIC
from tests.look.gallery import make_gallery

pytestmark = pytest.mark.browser
AXE = next((STATIC / "vendor").glob("axe-*.min.js"), STATIC / "vendor" / "axe.min.js")


def opened(
    browser: Browser,
    url: str,
    *,
    theme: str = "light",
    width: int = 1440,
    javascript: bool = True,
    silent: str = "",
) -> Iterator[Page]:
    context = browser.new_context(
        color_scheme=theme, viewport={"width": width, "height": 900}, java_script_enabled=javascript
    )  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    yield page
    assert [each for each in complaints if not silent or silent not in each] == []
    context.close()


@pytest.fixture
def page(browser: Browser, gallery_url: str) -> Iterator[Page]:
    yield from opened(browser, gallery_url)


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 360)])
def test_axe_finds_nothing(browser: Browser, gallery_url: str, theme: str, width: int) -> None:
    for page in opened(browser, gallery_url, theme=theme, width=width):
        page.evaluate(AXE.read_text())
        # Closed menus and tables count too.
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        found = page.evaluate(
            "axe.run().then((result) => result.violations.map((each) => [each.id, each.nodes[0].html]))"
        )
        assert found == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_ctrl_k_goes_to_the_search_box(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.locator("[data-lookup]")).to_be_focused()


def test_a_menu_closes_with_escape_and_gives_the_focus_back(page: Page) -> None:
    summary = page.locator("main summary", has_text="More").first
    summary.click()
    expect(page.get_by_role("link", name="Edit order")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Edit order")).to_be_hidden()
    expect(summary).to_be_focused()


def test_a_dangerous_action_says_what_will_happen_first(page: Page) -> None:
    page.get_by_role("button", name="Archive product").click()
    dialog = page.get_by_role("dialog", name="Archive Tea tin?")
    expect(dialog).to_contain_text("12 variants leave 3 channels")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_arrow_keys_read_a_chart(page: Page) -> None:
    chart = page.locator("[data-chart]").first
    chart.focus()
    page.keyboard.press("End")
    expect(page.locator("[data-chart-read]").first).to_contain_text("This period £")
    expect(page.locator("[data-chart-read]").first).to_contain_text("Before £")


def test_the_theme_changes_at_once(page: Page) -> None:
    page.route("**/preferences", lambda route: route.fulfill(status=204))
    page.locator(".person-button").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_chosen_rows_are_remembered(page: Page) -> None:
    page.evaluate("""() => {
      const form = document.querySelector("form[data-selection]");
      form.insertAdjacentHTML("beforeend", '<input type="checkbox" name="id" value="7" data-select-row aria-label="Row 7">');
    }""")
    page.get_by_label("Row 7").check()
    expect(page.locator("[data-selected-count]")).to_have_text("1")
    assert page.evaluate("sessionStorage.getItem('selection:gallery')") == '["7"]'


def test_a_failed_request_says_so_and_leaves_the_page_alone(browser: Browser, gallery_url: str) -> None:
    for page in opened(browser, gallery_url, silent="ail"):
        page.route("**/broken", lambda route: route.abort())
        page.evaluate("""() => {
          document.querySelector("main").insertAdjacentHTML("beforeend", '<button id="try" hx-get="/broken">Try</button>');
          htmx.process(document.getElementById("try"));
        }""")
        page.locator("#try").click()
        expect(page.get_by_text("The server did not answer.")).to_be_visible()
        expect(page.locator("#try")).to_have_text("Try")


def test_a_toast_from_the_server_is_shown_with_its_link(page: Page) -> None:
    page.route(
        "**/done",
        lambda route: route.fulfill(
            status=204,
            headers={
                "HX-Trigger": '{"toast": {"text": "Export started", "tone": "success", "url": "/jobs/1", "link": "See job"}}'
            },
        ),
    )
    page.evaluate("""() => {
      document.querySelector("main").insertAdjacentHTML("beforeend", '<button id="try" hx-post="/done">Try</button>');
      htmx.process(document.getElementById("try"));
    }""")
    page.locator("#try").click()
    expect(page.get_by_role("link", name="See job")).to_have_attribute("href", "/jobs/1")


def test_without_javascript_the_navigation_of_a_phone_still_opens(browser: Browser, gallery_url: str) -> None:
    for page in opened(browser, gallery_url, width=360, javascript=False):
        expect(page.get_by_role("link", name="Channels")).to_be_hidden()
        page.get_by_role("link", name="Navigation", exact=True).click()
        expect(page.get_by_role("link", name="Channels")).to_be_visible()
        expect(page.get_by_role("button", name="Save product")).to_be_visible()


@pytest.mark.parametrize("is_reachable", [True, False])
def test_htmx_works_whether_the_cdn_answers_or_not(browser: Browser, is_reachable: bool) -> None:
    server = make_server("127.0.0.1", 0, make_gallery(cdn=True), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    context = browser.new_context()
    page = context.new_page()
    told: list[str] = []
    page.on(
        "console",
        lambda message: (
            told.append(message.text)
            if "Content Security" in message.text or "digest" in message.text
            else None
        ),
    )
    if is_reachable:
        page.route(
            "https://cdn.jsdelivr.net/**",
            lambda route: route.fulfill(
                path=STATIC / HTMX_FILE,
                content_type="text/javascript",
                headers={"Access-Control-Allow-Origin": "*"},
            ),
        )
    else:
        page.route("https://cdn.jsdelivr.net/**", lambda route: route.abort())
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    loaded = page.evaluate(
        "performance.getEntriesByType('resource').some((each) => each.name.includes('/static/vendor/htmx-'))"
    )
    assert page.evaluate("htmx.version") == HTMX_VERSION
    assert loaded is not is_reachable
    assert told == []
    context.close()
    server.shutdown()
    thread.join()
    server.server_close()
