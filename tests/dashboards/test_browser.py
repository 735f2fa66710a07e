from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.dashboards.conftest import Dashboards
from tests.dashboards.fake_api import World, an_id, an_issue, minutes_ago

pytestmark = [pytest.mark.live, pytest.mark.slow]
ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "dashboards"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@dataclass
class Watch:
    """What a page did beside what one sees."""

    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def over(self, page: Page, host: str) -> None:
        """Note requests to other hosts, errors of the console and of scripts."""
        page.on("request", lambda r: None if self._ours(r.url, host) else self.foreign.append(r.url))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _ours(self, url: str, host: str) -> bool:
        parts = urlsplit(url.removeprefix("blob:"))
        return parts.scheme == "data" or parts.netloc == host


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def page(browser: Browser, server: Dashboards, watch: Watch) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=server.url, color_scheme="light")
    opened = context.new_page()
    watch.over(opened, urlsplit(server.url).netloc)
    yield opened
    context.close()


def sign_in(page: Page, form: dict[str, str], path: str = "/") -> None:
    page.goto(path)
    page.get_by_label("Email").fill(form["email"])
    page.get_by_label("Password").fill(form["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("tr[data-id]").first).to_be_visible(timeout=40_000)


def test_a_visitor_signs_in_finds_an_issue_and_reads_its_trace_and_insight(
    page: Page, watch: Watch, form: dict[str, str]
) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.goto("/")
    page.screenshot(path=ARTIFACTS / "sign-in.png")
    sign_in(page, form)
    expect(page.locator("tr[data-id]")).to_have_count(13)
    page.get_by_label("Filter issues").fill("price_cents")
    expect(page.locator("tr[data-id]")).to_have_count(1)
    page.get_by_label("Filter issues").fill("")
    page.get_by_text("KeyError: 'price_cents' in cart.total").first.click()
    expect(page.locator("[data-insight=ready]")).to_contain_text("gift flow")
    expect(page.locator(".atlas-frames li").first).to_contain_text("cart.py:88")
    expect(page.locator("#atlas-live")).to_have_text("Live")
    page.screenshot(path=ARTIFACTS / "light.png")
    page.get_by_role("button", name="Switch between dark and light").click()
    page.screenshot(path=ARTIFACTS / "dark.png")
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=ARTIFACTS / "mobile.png")
    assert page.evaluate("document.documentElement.scrollWidth <= 390")
    assert page.evaluate("window.stolen") is None
    assert watch.foreign == []
    assert watch.errors == []


def test_a_title_with_markup_is_text_everywhere(page: Page, watch: Watch, form: dict[str, str]) -> None:
    sign_in(page, form)
    page.locator("tr[data-id]", has_text="<script>").click()
    expect(page.locator(".atlas-name")).to_contain_text("<script>window.stolen=1</script>")
    expect(page.locator(".atlas-alerts")).to_contain_text("<img src=x")
    assert page.evaluate("window.stolen") is None
    assert watch.errors == []


def test_an_issue_can_be_opened_by_keyboard_alone(page: Page, form: dict[str, str]) -> None:
    sign_in(page, form)
    page.keyboard.press("/")
    expect(page.get_by_label("Filter issues")).to_be_focused()
    page.locator("tr[data-id]").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".atlas-name")).to_contain_text("TimeoutError")


def test_back_and_a_copied_link_show_the_same_issue(page: Page, form: dict[str, str]) -> None:
    sign_in(page, form)
    rows = page.locator("tr[data-id]")
    rows.nth(0).click()
    expect(page.locator(".atlas-name")).to_contain_text("KeyError")
    rows.nth(1).click()
    expect(page.locator(".atlas-name")).to_contain_text("TimeoutError")
    page.go_back()
    expect(page.locator(".atlas-name")).to_contain_text("KeyError")
    page.reload()
    expect(page.locator(".atlas-name")).to_contain_text("KeyError", timeout=40_000)


def test_a_deep_link_survives_signing_in(page: Page, world: World, form: dict[str, str]) -> None:
    issue = world.issues[4]
    sign_in(page, form, f"/issues?project={an_id('shop')}&issue={issue['id']}")
    expect(page.locator(".atlas-name")).to_contain_text("IntegrityError")


def test_the_page_is_live_and_alerts_can_be_acknowledged(page: Page, world: World, form: dict[str, str]) -> None:
    sign_in(page, form)
    world.issues.append(an_issue("A brand new error", last_seen=minutes_ago(0)))
    expect(page.locator("tr[data-id]").first).to_contain_text("A brand new error", timeout=10_000)
    expect(page.locator("[data-unread]")).to_have_text("2 unread")
    page.get_by_role("button", name="Acknowledge").first.click()
    expect(page.locator("[data-unread]")).to_have_text("1 unread")


def test_an_empty_project_says_how_to_send_a_first_event(page: Page, form: dict[str, str]) -> None:
    sign_in(page, form)
    page.get_by_label("Project", exact=True).select_option("empty")
    expect(page.locator("[data-state=empty]")).to_contain_text("api/ingest/events")
    page.screenshot(path=ARTIFACTS / "empty.png")


def test_a_missing_insight_says_what_to_do(page: Page, world: World, form: dict[str, str]) -> None:
    world.insight = None
    reason = "Ollama is not running: run `ollama pull llama3.2:3b`"
    world.wait = {"error": "no insight", "state": "pending", "reason": reason, "attempts": 3}
    sign_in(page, form)
    page.locator("tr[data-id]").first.click()
    expect(page.locator("[data-insight=pending]")).to_contain_text("ollama pull llama3.2:3b")


def test_a_session_that_ends_says_so(page: Page, world: World, form: dict[str, str]) -> None:
    sign_in(page, form)
    world.refuses_tokens = True
    expect(page.get_by_role("link", name="Sign in again")).to_be_visible(timeout=10_000)


def test_closing_the_tab_ends_its_kernel(page: Page, server: Dashboards, form: dict[str, str]) -> None:
    sign_in(page, form)
    assert server.kernels() == 1
    page.close(run_before_unload=True)
    server.wait_for_kernels(0)


def test_a_kernel_that_dies_is_said_and_reloading_brings_the_page_back(
    page: Page, server: Dashboards, form: dict[str, str]
) -> None:
    sign_in(page, form)
    (kernel,) = server.kernel_processes()
    kernel.kill()
    page.get_by_role("button", name="Reload").click(timeout=40_000)
    expect(page.locator("tr[data-id]").first).to_be_visible(timeout=40_000)


def test_signing_out_leads_to_the_sign_in_page(page: Page, server: Dashboards, form: dict[str, str]) -> None:
    sign_in(page, form)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Atlas")).to_be_visible()
    server.wait_for_kernels(0)
