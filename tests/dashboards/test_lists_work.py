"""What people do above and below the list: views that they keep, several issues at once, alert rules."""

import pytest

from dashboards.client import Client, ServiceUrls
from dashboards.issue_work import IssueWork
from dashboards.pages.bulk_bar import BulkBar
from dashboards.pages.rules_card import CONDITIONS, said
from dashboards.polling import Tasks
from dashboards.records import Rule
from tests.dashboards.fake_api import World
from tests.dashboards.fake_data import HOSTILE, an_issue
from tests.dashboards.test_issues_page import EMPTY, SHOP, open_page, run, transport, until


def three() -> World:
    return World(issues=[an_issue(f"Error {n}", count=9 - n) for n in range(3)])


def statuses(world: World) -> list[str]:
    return [issue["status"] for issue in world.issues]


def test_a_filter_is_kept_as_a_view_and_brought_back_by_it() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: page.table.rows)
            form = page.views.children[0].children[2]
            assert form.layout.display == "none", "there is no filter to keep"
            page.table.query, page.table.sort = "level:error", "count"
            assert form.layout.display is None
            page.views.name.value, page.views.shared.value = "Errors", True
            page.views.save.click()
            await until(lambda: "Saved as Errors, for everybody." in page.views.note.value)
            (view,) = world.rules.views
            assert (view["query"], view["sort"], view["shared"]) == ("level:error", "count", True)
            assert page.views.choice.value == view["id"], "the list shows that view"
            assert form.layout.display == "none"
            page.views.choice.value = ""
            assert (page.table.query, page.table.sort) == ("", "last_seen")
            page.views.choice.value = view["id"]
            await until(lambda: page.address.params == {"project": SHOP, "q": "level:error", "sort": "count"})
            page.table.query = "level:error timeout"
            assert page.views.choice.value == "", "what was typed is no view"

    run(scene)


def test_a_link_to_a_view_shows_its_name_and_only_ones_own_can_be_deleted() -> None:
    views = [
        {
            "id": "1",
            "name": "Mine",
            "query": "timeout",
            "sort": "last_seen",
            "shared": False,
            "email": "ada@example.com",
        },
        {"id": "2", "name": HOSTILE, "query": "disk", "sort": "count", "shared": True, "email": "bob@example.com"},
        {"id": "3", "name": "Secret", "query": "x", "sort": "count", "shared": False, "email": "bob@example.com"},
    ]

    async def scene(world: World) -> None:
        world.rules.views = views
        async with open_page(world, q="timeout") as page:
            await until(lambda: page.views.choice.value == "1")
            labels = [label for label, _value in page.views.choice.options]
            assert labels == ["no view", "Mine", f"{HOSTILE} (shared)"]
            assert page.views.delete.layout.display is None
            page.views.choice.value = "2"
            assert page.table.query == "disk"
            assert page.views.delete.layout.display == "none"
            page.views.choice.value = "1"
            page.views.delete.click()
            await until(lambda: "Deleted the view Mine" in page.views.note.value)
            assert page.table.query == "timeout"
            assert [view["id"] for view in world.rules.views] == ["2", "3"]

    run(scene)


def test_a_view_that_cannot_be_kept_says_why_and_its_name_stays() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, q="timeout") as page:
            await until(lambda: page.table.rows)
            page.views.name.value = "Mine"
            page.views.save.click()
            await until(lambda: "Saved as Mine." in page.views.note.value)
            page.table.query, page.views.name.value = "disk", "Mine"
            page.views.save.click()
            await until(lambda: "you have a view named Mine already" in page.views.note.value)
            assert page.views.name.value == "Mine"

    run(scene)


def test_several_issues_are_resolved_at_once_and_given_back_by_undo() -> None:
    async def scene(world: World) -> None:
        world.issues[:] = three().issues
        async with open_page(world) as page:
            await until(lambda: page.table.rows)
            assert page.bulk.children[0].layout.display == "none"
            page.table.marked = [page.table.rows[0]["id"], page.table.rows[1]["id"]]
            assert "2 issues chosen" in page.bulk.told.value
            page.bulk.deeds["Resolve"].click()
            await until(lambda: "2 issues set to resolved." in page.bulk.note.value)
            assert sorted(statuses(world)) == ["open", "resolved", "resolved"]
            assert page.table.marked == []
            page.bulk.undo.click()
            await until(lambda: "Undone." in page.bulk.note.value)
            assert set(statuses(world)) == {"open"}
            assert page.bulk.undo.layout.display == "none"

    run(scene)


@pytest.mark.parametrize(("deed", "field", "value"), [("Ignore", "status", "ignored"), ("high", "priority", "high")])
def test_what_else_can_be_done_to_several(deed: str, field: str, value: str) -> None:
    async def scene(world: World) -> None:
        world.issues[:] = three().issues
        async with open_page(world) as page:
            await until(lambda: page.table.rows)
            page.table.marked = [row["id"] for row in page.table.rows]
            if field == "priority":
                page.bulk.priority.value = deed
            else:
                page.bulk.deeds[deed].click()
            await until(lambda: f"3 issues set to {value}." in page.bulk.note.value)
            assert {issue[field] for issue in world.issues} == {value}
            page.table.marked = [page.table.rows[0]["id"]]
            page.bulk.deeds["Reopen"].click()
            await until(lambda: "set to open." in page.bulk.note.value or "All were open" in page.bulk.note.value)

    run(scene)


def test_when_somebody_was_quicker_nothing_is_changed_and_it_is_said() -> None:
    async def scene(_world: World) -> None:
        world = three()
        client, told = Client(ServiceUrls(), "a-token", transport(world)), []
        bar = BulkBar(IssueWork(client), lambda: told.append("done"), Tasks(told.append).start)
        bar.choose((await client.issues(SHOP)).issues)
        world.issues[0]["version"] += 1
        bar.deeds["Resolve"].click()
        await until(lambda: told)
        assert "changed since" in bar.note.value
        assert set(statuses(world)) == {"open"}
        assert bar.undo.layout.display == "none"
        await client.close()

    run(scene)


def test_ticks_end_with_the_page_the_filter_and_the_project() -> None:
    async def scene(_world: World) -> None:
        world = World(issues=[an_issue(f"Error {n:03}", count=n + 1) for n in range(60)])
        async with open_page(world) as page:
            await until(lambda: page.table.has_next)
            for change in ({"page": 1}, {"query": "error"}):
                page.table.marked = [page.table.rows[0]["id"]]
                for name, value in change.items():
                    setattr(page.table, name, value)
                assert page.table.marked == []
                await until(lambda: not page.table.loading)
            page.table.marked = [page.table.rows[0]["id"]]
            world.issues[:] = [issue for issue in world.issues if issue["id"] != page.table.marked[0]]
            await until(lambda: page.table.marked == [])
            page.table.marked = [page.table.rows[0]["id"]]
            page.projects.value = EMPTY
            await until(lambda: page.table.marked == [] and page.bulk.children[0].layout.display == "none")

    run(scene)


def test_rules_are_listed_made_and_deleted() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            card = page.rules
            await until(lambda: "nothing here alerts anybody" in card.list.children[0].value)
            assert card.threshold.layout.display == "none"
            card.condition.value = "regression"
            card.add.click()
            await until(lambda: len(world.rules.rules) == 1)
            card.condition.value, card.threshold.value, card.name.value = "count_threshold", 7, HOSTILE
            assert card.threshold.layout.display is None
            card.add.click()
            await until(lambda: len(card.list.children) == 2)
            told = [line.children[0].value for line in card.list.children]
            assert "an issue has more than 7 events" in told[0]
            assert HOSTILE not in told[0]
            assert "a resolved issue comes back" in told[1]
            card.list.children[0].children[1].click()
            await until(lambda: len(card.list.children) == 1)
            assert [rule["condition"] for rule in world.rules.rules] == ["regression"]

    run(scene)


def test_every_condition_of_the_alert_service_can_be_chosen() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            for number, condition in enumerate(CONDITIONS, start=1):
                page.rules.condition.value = condition
                page.rules.add.click()
                await until(lambda number=number: len(page.rules.list.children) == len(world.rules.rules) == number)

    run(scene)
    assert said(Rule("1", "r", "of_another_time")) == "of_another_time"
