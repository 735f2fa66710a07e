"""Acting on an issue: what a visitor presses, what the service is asked for, what the page says afterwards."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.pages.issue_ways import WAYS
from dashboards.pages.issues import IssuesPage
from services.issues.workflow_bodies import IssueChanges
from tests.dashboards.fake_api import EMAIL, OTHER_EMAIL, World
from tests.dashboards.fake_data import HOSTILE, an_id
from tests.dashboards.test_issues_page import SHOP, open_page, run, until


def first(world: World) -> dict[str, Any]:
    return world.issues[0]


async def shown(page: IssuesPage) -> None:
    await until(lambda: page.detail.actions in page.detail.children and "Nothing yet" in page.detail.history.list.value)


def by_other(world: World, **changes: Any) -> None:
    """The colleague edits the first issue."""
    world.workflow.edit(first(world), IssueChanges(**changes), OTHER_EMAIL)


@pytest.mark.parametrize(("button", "status"), [("resolve", "resolved"), ("ignore", "ignored")])
def test_one_click_changes_the_status_and_the_history_says_who(button: str, status: str) -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            page.detail.actions.quick[button].click()
            await until(lambda: "Saved." in page.detail.actions.note.value)
            assert first(world)["status"] == status
            await until(lambda: f'data-kind="{status}"' in page.detail.history.list.value)
            assert EMAIL in page.detail.history.list.value
            assert page.detail.actions.quick[button].layout.display == "none"
            assert page.detail.actions.quick["reopen"].layout.display is None

    run(scene)


@pytest.mark.parametrize(
    ("label", "typed", "field", "expected"),
    [
        ("resolve in the next release", None, "resolved_in_next", True),
        ("resolve in a release…", " shop@2.0 ", "resolved_in", "shop@2.0"),
        ("ignore until more events…", 50, "ignored_until_count", 12_458),
        ("ignore until more users…", 5, "ignored_until_users", 1384),
    ],
)
def test_a_way_that_needs_more_than_a_click_asks_for_it(
    label: str, typed: object, field: str, expected: object
) -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            actions = page.detail.actions
            actions.way.value = next(way for way in WAYS if way.label == label)
            visible = [name for name, widget in actions.fields.items() if widget.layout.display is None]
            assert visible == [name for name in [actions.way.value.field] if name]
            if visible:
                actions.fields[visible[0]].value = typed
            actions.apply.click()
            await until(lambda: "Saved." in actions.note.value)
            assert first(world)[field] == expected
            assert not actions.way.value

    run(scene)


def test_an_ignore_until_a_time_is_sent_as_that_moment() -> None:
    until_then = datetime.now(UTC) + timedelta(days=1)

    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            actions = page.detail.actions
            actions.way.value = WAYS[2]
            actions.apply.click()
            assert "Choose a time." in actions.note.value
            actions.fields["until"].value = until_then
            actions.apply.click()
            await until(lambda: "Saved." in actions.note.value)
            assert datetime.fromisoformat(first(world)["ignored_until"]) == until_then

    run(scene)


def test_what_the_service_refuses_is_said_in_its_own_words_and_the_fields_show_what_is() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            actions = page.detail.actions
            actions.way.value = WAYS[2]
            actions.fields["until"].value = datetime.now(UTC) - timedelta(hours=1)
            actions.apply.click()
            await until(lambda: "ignored_until is not in the future" in actions.note.value)
            assert first(world)["version"] == 1
            assert actions.way.value is WAYS[2]
            world.broken.add(first(world)["id"])
            actions.priority.value = "high"
            await until(lambda: "answered 503" in actions.note.value)
            assert actions.priority.value == "medium"

    run(scene)


def test_assignee_and_priority_are_chosen_from_lists() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            actions = page.detail.actions
            assert [email for email, _id in actions.assignee.options] == ["nobody", EMAIL, OTHER_EMAIL]
            actions.assignee.value = an_id(OTHER_EMAIL)
            await until(lambda: first(world)["assignee_id"] == an_id(OTHER_EMAIL) and not actions.priority.disabled)
            actions.priority.value = "high"
            await until(lambda: first(world)["priority"] == "high")
            await until(lambda: "high priority" in page.detail.children[0].value)
            assert f"<dd>{OTHER_EMAIL}</dd>" in page.detail.children[0].value
            actions.assignee.value = ""
            await until(lambda: first(world)["assignee_id"] is None)
            assert first(world)["version"] == 4

    run(scene)


def test_undo_gives_back_what_the_last_action_replaced_step_by_step() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            actions = page.detail.actions
            assert actions.undo.layout.display == "none"
            actions.quick["resolve"].click()
            await until(lambda: actions.undo.layout.display is None)
            actions.undo.click()
            await until(lambda: "Undone." in actions.note.value)
            assert first(world)["status"] == "open"
            await until(lambda: actions.undo.layout.display == "none")
            assert "(undone)" in page.detail.history.list.value

    run(scene)


def test_a_stale_edit_changes_nothing_says_who_was_quicker_and_shows_what_is() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            world.broken.add("overview")  # the list stands still, so the page holds an old version
            await until(lambda: "answered 503" in page.notice.value)
            by_other(world, status="resolved")
            page.detail.actions.quick["ignore"].click()
            await until(lambda: "was quicker (resolved" in page.detail.actions.note.value)
            assert OTHER_EMAIL in page.detail.actions.note.value
            assert first(world)["status"] == "resolved"
            assert 'data-status="resolved"' in page.detail.children[0].value

    run(scene)


def test_a_colleagues_edit_appears_by_itself() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            by_other(world, status="ignored", ignored_for_users=3)
            await until(lambda: 'data-status="ignored"' in page.detail.children[0].value)
            await until(lambda: OTHER_EMAIL in page.detail.history.list.value)
            assert page.detail.actions.quick["ignore"].layout.display == "none"

    run(scene)


def test_a_comment_is_added_and_an_empty_one_is_not() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            history = page.detail.history
            history.send.click()
            await until(lambda: "Write something first." in history.note.value)
            history.text.value = HOSTILE
            history.send.click()
            await until(lambda: "window.stolen" in history.list.value)
            assert "<script" not in history.list.value
            assert (history.text.value, history.note.value) == ("", "")
            history.text.value = "x" * 9_000
            history.send.click()
            await until(lambda: "wrong shape" in history.note.value)
            assert history.text.value

    run(scene)


def test_a_discarded_issue_leaves_the_list_and_offers_only_to_be_taken_back() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            actions = page.detail.actions
            actions.way.value = WAYS[-1]
            actions.apply.click()
            await until(lambda: "discarded" in page.detail.children[0].value)
            await until(lambda: len(page.table.rows) == len(world.issues) - 1)
            await until(lambda: actions.undo.layout.display is None)
            hidden = [*actions.quick.values(), actions.way]
            assert all(widget.layout.display == "none" for widget in hidden)
            actions.undo.click()
            await until(lambda: len(page.table.rows) == len(world.issues))
            await until(lambda: actions.quick["resolve"].layout.display is None)

    run(scene)


def test_another_issue_does_not_inherit_what_was_said_and_typed() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            page.detail.actions.quick["resolve"].click()
            await until(lambda: page.detail.actions.undo.layout.display is None)
            page.detail.history.text.value = "half a thought"
            page.table.selected = world.issues[1]["id"]
            await until(lambda: "TimeoutError" in page.detail.children[0].value)
            assert page.detail.actions.note.value == ""
            assert page.detail.actions.undo.layout.display == "none"
            assert page.detail.history.text.value == ""

    run(scene)


def test_a_token_refused_in_the_middle_of_an_edit_ends_the_page() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            world.refuses_tokens = True
            page.detail.actions.quick["resolve"].click()
            await until(lambda: "Sign in again" in page.notice.value)

    run(scene)


def test_an_edit_whose_issue_is_no_longer_shown_still_reaches_the_service() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=first(world)["id"]) as page:
            await shown(page)
            page.detail.actions.quick["resolve"].click()
            page.table.selected = world.issues[1]["id"]
            await until(lambda: first(world)["status"] == "resolved")
            await until(lambda: "TimeoutError" in page.detail.children[0].value)
            await asyncio.sleep(0.05)
            assert 'data-status="open"' in page.detail.children[0].value

    run(scene)
