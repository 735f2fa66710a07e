import pytest
from playwright.sync_api import Page, expect

from tests.dashboards.browsing import SLOW_MS, Watch, looks, sign_in
from tests.dashboards.fake_api import World
from tests.dashboards.fake_data import an_id, an_issue, events_of, minutes_ago

pytestmark = [pytest.mark.live, pytest.mark.slow]


def test_a_query_is_mended_where_the_page_says_it_goes_wrong(page: Page, watch: Watch, form: dict[str, str]) -> None:
    sign_in(page, form)
    box = page.get_by_label("Filter issues")
    box.fill("is:open level:severe")
    expect(page.get_by_role("alert")).to_contain_text("at position 14: 'severe' will not do")
    expect(page.locator("mark")).to_have_text("severe")
    expect(box).to_have_attribute("aria-invalid", "true")
    page.get_by_text("Help", exact=True).click()
    looks(page, "query")
    page.set_viewport_size({"width": 1440, "height": 900})
    box.fill("is:open level:critical")
    expect(page.locator("tr[data-id]")).to_have_count(2)
    expect(box).to_have_attribute("aria-invalid", "false")
    page.reload()
    expect(page.locator("tr[data-id]")).to_have_count(2, timeout=SLOW_MS)
    assert watch.errors == []


def test_a_long_list_is_read_page_by_page_in_the_chosen_order(page: Page, world: World, form: dict[str, str]) -> None:
    world.issues += [an_issue(f"Error {n:03}", count=n + 20_000, last_seen=minutes_ago(500)) for n in range(60)]
    sign_in(page, form)
    expect(page.locator("tr[data-id]")).to_have_count(50)
    page.get_by_label("Sort").select_option("Events")
    expect(page.locator("tr[data-id]").first).to_contain_text("Error 059")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("tr[data-id]")).to_have_count(23)
    expect(page.locator(".atlas-count")).to_have_text("51-73 of 73")
    page.get_by_role("button", name="Previous").click()
    expect(page.locator("tr[data-id]").first).to_contain_text("Error 059")


def test_issues_are_ticked_by_mouse_and_keyboard_and_edited_at_once(
    page: Page, world: World, watch: Watch, form: dict[str, str]
) -> None:
    sign_in(page, form)
    rows = page.locator("tr[data-id]")
    before = [issue["status"] for issue in world.issues]
    rows.nth(0).get_by_role("checkbox").check()
    rows.nth(1).focus()
    page.keyboard.press("x")
    expect(page.locator(".atlas-bulk")).to_contain_text("2 issues chosen")
    expect(page.get_by_text("No issue selected")).to_be_visible()  # a tick opens nothing
    looks(page, "bulk")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator(".atlas-bulk").get_by_role("button", name="Ignore").click()
    expect(page.locator(".atlas-bulk")).to_contain_text("2 issues set to ignored.")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(0)
    page.locator(".atlas-bulk").get_by_role("button", name="Undo").click()
    expect(page.locator(".atlas-bulk")).to_contain_text("Undone.")
    assert [issue["status"] for issue in world.issues] == before
    page.get_by_label("Choose all issues of this page").check()
    expect(page.locator(".atlas-bulk")).to_contain_text(f"{rows.count()} issues chosen")
    assert watch.errors == []


def test_a_filter_is_kept_as_a_view_that_brings_it_back(page: Page, watch: Watch, form: dict[str, str]) -> None:
    sign_in(page, form)
    box = page.get_by_label("Filter issues")
    box.fill("level:critical")
    page.get_by_placeholder("Keep this filter as…").fill("Critical ones")
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_text("Saved as Critical ones.")).to_be_visible()
    page.get_by_label("View", exact=True).select_option("no view")
    expect(box).to_have_value("")
    page.get_by_label("View", exact=True).select_option("Critical ones")
    expect(box).to_have_value("level:critical")
    expect(page.locator("tr[data-id]")).to_have_count(2)
    assert watch.errors == []


def test_events_are_walked_through_by_button_by_link_and_by_back(
    page: Page, world: World, form: dict[str, str]
) -> None:
    issue = world.issues[0]
    newest, second, *_, oldest = (event["event_id"] for event in events_of([issue], issue["id"]))
    sign_in(page, form, f"/issues?project={an_id('shop')}&issue={issue['id']}", ".atlas-here")
    card = page.locator(".atlas-event")
    page.get_by_role("button", name="Older").click()
    expect(card).to_contain_text(second)
    page.evaluate("window.sameDocument = true")
    page.get_by_role("link", name=oldest[:8]).click()
    expect(card).to_contain_text(oldest)
    assert f"event={oldest}" in page.url
    page.go_back()
    expect(card).to_contain_text(second)
    page.go_back()
    expect(card).to_contain_text(newest)
    assert page.evaluate("window.sameDocument") is True
