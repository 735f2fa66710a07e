import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from services.issues.workflow_bodies import IssueChanges
from tests.dashboards.browsing import Watch, looks, sign_in
from tests.dashboards.fake_api import EMAIL, OTHER_EMAIL, World
from tests.dashboards.fake_data import HOSTILE, an_id, an_issue

pytestmark = [pytest.mark.live, pytest.mark.slow]


@pytest.fixture
def issue(page: Page, world: World, form: dict[str, str]) -> dict[str, object]:
    """The first issue, open in the page."""
    sign_in(
        page, form, f"/issues?project={an_id('shop')}&issue={world.issues[0]['id']}", ".atlas-history li, .atlas-name"
    )
    expect(page.locator(".atlas-history")).to_contain_text("Nothing yet.")
    return world.issues[0]


def test_an_issue_is_resolved_in_the_next_release_by_keyboard_and_reopened_by_undo(
    page: Page, watch: Watch, issue: dict[str, object]
) -> None:
    page.get_by_label("Or", exact=True).focus()
    page.keyboard.type("resolve in the n")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Apply")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".atlas-name[data-status=resolved]")).to_be_visible()
    expect(page.locator("tr[aria-selected]")).to_contain_text("resolved")
    expect(page.locator(".atlas-lines li").first).to_contain_text(f"{EMAIL} resolved it after shop@1.4.2")
    assert issue["resolved_in_next"] is True
    looks(page, "resolved")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".atlas-name[data-status=open]")).to_be_visible()
    expect(page.locator(".atlas-lines")).to_contain_text("(undone)")
    assert watch.errors == []
    assert watch.foreign == []


def test_an_issue_is_ignored_until_a_time_and_given_to_somebody(page: Page, issue: dict[str, object]) -> None:
    page.get_by_label("Or", exact=True).select_option("ignore until a time…")
    then = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    page.get_by_label("Until", exact=True).fill(then)
    page.get_by_label("Until", exact=True).blur()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".atlas-name[data-status=ignored]")).to_be_visible()
    page.get_by_label("Assignee").select_option(OTHER_EMAIL)
    expect(page.locator(".atlas-numbers").first).to_contain_text(OTHER_EMAIL)
    assert str(issue["ignored_until"]).startswith(then)
    assert issue["assignee_id"] == an_id(OTHER_EMAIL)


def test_a_stale_edit_says_who_was_quicker_and_shows_what_is(
    page: Page, world: World, issue: dict[str, object]
) -> None:
    world.broken.add("overview")  # the list stands still, so the page holds an old version
    expect(page.locator("[data-state=error]")).to_be_visible(timeout=10_000)
    world.workflow.edit(issue, IssueChanges.model_validate({"status": "resolved"}), OTHER_EMAIL)
    page.get_by_role("button", name="Ignore").click()
    expect(page.locator("[data-stale]")).to_contain_text(f"{OTHER_EMAIL} was quicker (resolved")
    expect(page.locator(".atlas-name[data-status=resolved]")).to_be_visible()


def test_a_comment_with_markup_is_text(page: Page, watch: Watch, issue: dict[str, object]) -> None:
    assert issue["status"] == "open"
    page.get_by_label("Comment", exact=True).fill(HOSTILE)
    page.get_by_role("button", name="Comment").click()
    expect(page.locator(".atlas-comment")).to_have_text(re.compile(r"^<script>window\.stolen=1</script>"))
    assert page.evaluate("window.stolen") is None
    assert watch.errors == []


def test_a_similar_issue_is_merged_and_taken_out_again(
    page: Page, watch: Watch, world: World, form: dict[str, str]
) -> None:
    world.issues[:] = [an_issue(f"cart is empty for customer {n}", count=n) for n in (3, 4)]
    sign_in(page, form, f"/issues?project={an_id('shop')}&issue={world.issues[0]['id']}", "[data-similar]")
    page.get_by_role("button", name="Merge").click()
    expect(page.locator("tr[data-id]")).to_have_count(1)
    expect(page.locator(".atlas-grouping")).to_contain_text("2 fingerprints in this issue")
    page.get_by_role("button", name="Take out").nth(1).click()
    expect(page.locator("tr[data-id]")).to_have_count(2)
    page.locator("[data-similar] a").click()
    expect(page.locator(".atlas-name")).to_have_text("cart is empty for customer 4")
    assert watch.errors == []
