import pytest
from playwright.sync_api import Page, expect

from tests.dashboards.browsing import SLOW_MS, Watch, looks, sign_in
from tests.dashboards.fake_data import an_id
from tests.dashboards.fake_intake import an_intake, sums

pytestmark = [pytest.mark.live, pytest.mark.slow]
SHOWN = ".atlas-bars [data-index]"


def test_the_intake_page_says_where_every_event_went_and_what_to_do(
    page: Page, watch: Watch, form: dict[str, str]
) -> None:
    sign_in(page, form, "/intake", SHOWN)
    sent = sums(an_intake("hours=24"))
    expect(page.locator("[data-figure=accepted]")).to_contain_text(f"{sent['accepted']:,}")
    expect(page.locator("[data-figure=refused]")).to_contain_text(f"{sent['refused'].total():,}")
    expect(page.locator("[data-reason=spike]")).to_contain_text("Open Issues and sort by events")
    expect(page.locator(SHOWN)).to_have_count(24)
    page.locator('.atlas-bars [data-index="18"]').hover()
    expect(page.locator(".atlas-readout")).to_contain_text("2,410 refused: spike protection")
    expect(page.locator(".atlas-legend")).to_contain_text("<i>new</i>")
    looks(page, "intake")
    assert watch.foreign == []
    assert watch.errors == []


def test_hours_are_read_by_keyboard_and_as_a_table(page: Page, form: dict[str, str]) -> None:
    sign_in(page, form, f"/intake?project={an_id('shop')}&hours=72", SHOWN)
    expect(page.locator(SHOWN)).to_have_count(72)
    page.locator(".atlas-bars svg").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    before_last = an_intake("hours=24")["hours"][1]
    expect(page.locator(".atlas-readout")).to_contain_text(f"{before_last['stored']:,} stored")
    page.get_by_text("As a table").click()
    expect(page.locator("details[open] tbody tr")).to_have_count(72)


def test_the_pages_lead_to_each_other_with_the_same_project(page: Page, form: dict[str, str]) -> None:
    sign_in(page, form, f"/issues?project={an_id('empty')}", "[data-state=empty]")
    page.get_by_role("link", name="Intake").click()
    expect(page.locator("[data-state=empty]")).to_contain_text("Nothing was sent in this window", timeout=SLOW_MS)
    expect(page.get_by_role("link", name="Intake")).to_have_attribute("aria-current", "page")
    assert f"project={an_id('empty')}" in page.url
