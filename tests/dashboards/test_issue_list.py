"""The list of issues: what is asked of the service, page by page, and what becomes of a query that cannot be read."""

import pytest

from dashboards.records import IssuePage
from dashboards.widgets.issue_table import IssueTable
from tests.dashboards.fake_api import World
from tests.dashboards.fake_data import an_issue
from tests.dashboards.test_issues_page import SHOP, open_page, run, until


def many(count: int) -> World:
    return World(issues=[an_issue(f"Error {n:03}", count=n + 1) for n in range(count)])


def test_a_query_is_answered_by_the_service_and_kept_in_the_address() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: page.table.rows)
            page.table.query = "level:error -is:resolved timeout"
            await until(lambda: page.table.summary == "1 issue")
            assert page.table.rows[0]["title"].startswith("TimeoutError")
            assert page.address.params == {"project": SHOP, "q": "level:error -is:resolved timeout"}

    run(scene)


def test_a_query_that_cannot_be_read_is_said_with_its_place_and_the_rows_stay() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: page.table.rows)
            page.table.query = "timeout level:severe"
            await until(lambda: page.table.problem)
            assert page.table.problem["position"] == 14
            assert "'severe' will not do" in page.table.problem["text"]
            assert "critical" in page.table.problem["text"]
            assert len(page.table.rows) == len(world.issues)
            assert not page.notice.value
            page.table.query = "timeout"
            await until(lambda: page.table.summary == "1 issue")
            assert not page.table.problem

    run(scene)


def test_pages_follow_each_other_and_lead_back() -> None:
    async def scene(_world: World) -> None:
        async with open_page(many(120), sort="count") as page:
            await until(lambda: page.table.rows)
            table = page.table
            assert (table.summary, table.has_next) == ("1-50 of 120", True)
            assert table.rows[0]["count"] == 120
            for summary, first in (("51-100 of 120", 70), ("101-120 of 120", 20)):
                table.page += 1
                await until(lambda summary=summary: table.summary == summary)
                assert table.rows[0]["count"] == first
            assert not table.has_next
            table.page -= 1
            await until(lambda: table.summary == "51-100 of 120")
            table.sort = "last_seen"
            await until(lambda: table.summary == "1-50 of 120")
            assert page.address.params == {"project": SHOP}

    run(scene)


def test_another_query_begins_at_its_first_page() -> None:
    async def scene(_world: World) -> None:
        async with open_page(many(60)) as page:
            await until(lambda: page.table.has_next)
            page.table.page = 1
            await until(lambda: page.table.summary == "51-60 of 60")
            page.table.query = "error"
            await until(lambda: page.table.summary == "1-50 of more")
            assert page.table.page == 0

    run(scene)


def test_an_issue_that_leaves_the_list_stays_open_and_is_kept_fresh() -> None:
    async def scene(world: World) -> None:
        issue = world.issues[0]
        async with open_page(world, issue=issue["id"]) as page:
            await until(lambda: 'data-status="open"' in page.detail.children[0].value)
            page.table.query = "is:resolved"
            await until(lambda: page.table.summary == "2 issues")
            issue.update(count=99_999)
            await until(lambda: "99,999" in page.detail.children[0].value)

    run(scene)


@pytest.mark.parametrize(("sort", "shown"), [("users", "users"), ("title", "last_seen"), ("", "last_seen")])
def test_an_order_that_does_not_exist_is_the_usual_one(sort: str, shown: str) -> None:
    assert IssueTable("", sort).sort == shown


def test_a_page_that_has_become_empty_says_so() -> None:
    table = IssueTable()
    table.show(IssuePage([], None), 0)
    assert table.summary == "no issues"
