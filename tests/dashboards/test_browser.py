import pytest
from playwright.sync_api import Page, expect

from tests.dashboards.browsing import ARTIFACTS, SLOW_MS, Watch, looks, sign_in
from tests.dashboards.conftest import Dashboards
from tests.dashboards.fake_api import World
from tests.dashboards.fake_data import an_id, an_issue, minutes_ago

pytestmark = [pytest.mark.live, pytest.mark.slow]


def test_a_visitor_signs_in_finds_an_issue_and_reads_its_trace_and_insight(
    page: Page, watch: Watch, form: dict[str, str]
) -> None:
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
    looks(page, "issues")
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
    expect(page.locator(".atlas-name")).to_contain_text("KeyError", timeout=SLOW_MS)


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
    page.get_by_role("button", name="Reload").click(timeout=SLOW_MS)
    expect(page.locator("tr[data-id]").first).to_be_visible(timeout=SLOW_MS)


def test_signing_out_leads_to_the_sign_in_page(page: Page, server: Dashboards, form: dict[str, str]) -> None:
    sign_in(page, form)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Atlas")).to_be_visible()
    server.wait_for_kernels(0)
