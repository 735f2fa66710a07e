"""A person works on an issue in the browser, on a whole Atlas: what was pressed is what the services keep."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.stack import QUIET_S, Stack, eventually
from tests.servers.install import CHROMIUM_FLAGS

pytestmark = [pytest.mark.live, pytest.mark.slow]


@contextmanager
def signed_in(atlas: Stack, chromium_path: str, path: str) -> Iterator[Page]:
    account = atlas.account()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, base_url=atlas.url("dashboards"))
        page.goto(path)
        page.get_by_label("Email").fill(account["email"])
        page.get_by_label("Password").fill(account["password"])
        page.get_by_role("button", name="Sign in").click()
        yield page
        browser.close()


def test_an_issue_resolved_in_the_browser_comes_back_with_its_next_event(embedded: Stack, chromium_path: str):
    user = embedded.user()
    project = user.new_project("worked on")
    for number in range(3):
        answer = embedded.send(project["api_key"], message="cart is empty", release="shop@1.4.2")
        assert answer.status_code == 202, f"{number}: {answer.text}"
    eventually(lambda: user.counted(project["id"]) == 3, within_s=QUIET_S, what=embedded.log)
    (issue,) = user.issues(project["id"])
    account = embedded.account()
    with signed_in(embedded, chromium_path, f"/issues?project={project['id']}&issue={issue['id']}") as page:
        expect(page.locator(".atlas-history")).to_contain_text("Nothing yet.", timeout=60_000)
        expect(page.locator(".atlas-event")).to_contain_text("Grouped by message", timeout=30_000)
        page.get_by_label("Filter issues").fill("is:open level:severe")
        expect(page.locator(".atlas-refused")).to_contain_text("at position 14", timeout=30_000)
        page.get_by_label("Filter issues").fill("release:shop@1.* cart")
        expect(page.locator("tr[data-id]")).to_have_count(1, timeout=30_000)
        page.get_by_label("Assignee").select_option(account["email"])
        expect(page.locator(".atlas-numbers").first).to_contain_text(account["email"], timeout=30_000)
        page.get_by_role("button", name="Resolve").click()
        expect(page.locator(".atlas-name[data-status=resolved]")).to_be_visible(timeout=30_000)
        kept = user.get("issues", f"/projects/{project['id']}/issues/{issue['id']}")["issue"]
        assert (kept["status"], kept["version"]) == ("resolved", 3)
        assert embedded.send(project["api_key"], message="cart is empty", release="shop@1.4.3").status_code == 202
        expect(page.locator("tr[aria-selected]")).to_contain_text("regressed", timeout=30_000)
        expect(page.locator(".atlas-lines")).to_contain_text("came back after it was resolved", timeout=30_000)
        page.get_by_label("Comment", exact=True).fill("Seen again")
        page.get_by_role("button", name="Comment").click()
        expect(page.locator(".atlas-comment")).to_have_text("Seen again", timeout=30_000)
    history = user.get("issues", f"/projects/{project['id']}/issues/{issue['id']}/activity")["activity"]
    assert [entry["kind"] for entry in history] == ["commented", "regressed", "resolved", "assigned"]


def test_the_intake_page_accounts_for_what_came_twice_and_what_was_refused(embedded: Stack, chromium_path: str):
    user = embedded.user()
    project = user.new_project("accounted for")
    twice = str(uuid4())
    for event_id in (twice, twice, str(uuid4())):
        assert embedded.send(project["api_key"], message="counted", event_id=event_id).status_code == 202
    headers = {"X-API-Key": project["api_key"]}
    bad = httpx.post(embedded.url("ingestion", "/api/ingest/events"), content=b"{", headers=headers, timeout=10)
    assert bad.status_code == 400
    with signed_in(embedded, chromium_path, f"/issues?project={project['id']}") as page:
        page.get_by_role("link", name="Intake").click(timeout=60_000)
        for figure, number in (("accepted", 3), ("stored", 2), ("dropped", 1), ("refused", 1)):
            expect(page.locator(f"[data-figure='{figure}'] b")).to_have_text(str(number), timeout=60_000)
        expect(page.locator("[data-reason=repeated]")).to_contain_text("came twice")
        expect(page.locator("[data-reason=invalid]")).to_contain_text("1 request refused")
        expect(page.locator(".atlas-bars [data-index]")).to_have_count(24)
