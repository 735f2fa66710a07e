"""Acting on an issue: what a visitor presses, what the service is asked for, what the page says afterwards."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.issue_words import standing, told, undoable
from dashboards.pages.issue_ways import WAYS
from dashboards.pages.issues import IssuesPage
from dashboards.records import Activity, Issue, Person
from services.issues.workflow_bodies import IssueChanges
from tests.dashboards.fake_api import EMAIL, OTHER_EMAIL, World
from tests.dashboards.fake_data import HOSTILE, an_id
from tests.dashboards.test_issues_page import SHOP, open_page, run, until

AT = "2026-11-25T12:00:00Z"
ATTACK = f"\"'>{HOSTILE}"


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


def entry(kind: str, *, user: str | None = EMAIL, undone: bool = False, **detail: Any) -> Activity:
    person = Person(id=an_id(user), email=user) if user else None
    return Activity(action_id=kind, kind=kind, at=AT, detail=detail, undone=undone, user=person)


@pytest.mark.parametrize(
    ("activity", "found"),
    [
        ([], None),
        ([entry("resolved")], "resolved"),
        ([entry("commented"), entry("assigned")], "assigned"),
        ([entry("undone"), entry("resolved", undone=True), entry("prioritized")], "prioritized"),
        ([entry("regressed", user=None), entry("resolved")], None),
        ([entry("merged"), entry("resolved")], None),
    ],
)
def test_only_an_edit_that_nothing_but_comments_came_after_can_be_undone(
    activity: list[Activity], found: str | None
) -> None:
    last = undoable(activity)
    assert (last and last.kind) == found


KINDS: list[tuple[str, dict[str, Any], str]] = [
    ("opened", {}, "reopened it"),
    ("resolved", {}, "resolved it"),
    ("resolved", {"resolved_in": "1.2"}, "resolved it in <b>1.2</b>"),
    ("resolved", {"resolved_in": "1.2", "resolved_in_next": True}, "resolved it after <b>1.2</b>"),
    ("ignored", {}, "ignored it for ever"),
    ("ignored", {"ignored_until_count": 1_200}, "until it has 1,200 events"),
    ("ignored", {"ignored_until_users": 1, "ignored_until": AT}, "or until 1 user met it"),
    ("assigned", {"assignee_id": "b"}, "assigned it to <b>bob</b>"),
    ("assigned", {"assignee_id": "gone"}, "somebody who left"),
    ("prioritized", {"priority": "high"}, "set the priority to <b>high</b>"),
    ("regressed", {"release": "1.3"}, "came back after it was resolved in <b>1.3</b>"),
    ("ignore_ended", {}, "the ignore has ended"),
    ("merged", {"issues": [{"id": "i", "title": "One"}]}, "merged <b>One</b> into it"),
    ("merged", {"into": "i", "events": 3}, "merged it into another issue"),
    ("something_new", {}, "something new"),
]


@pytest.mark.parametrize(("kind", "detail", "words"), KINDS)
def test_every_line_of_history_is_words(kind: str, detail: dict[str, Any], words: str) -> None:
    assert words in told(entry(kind, **detail), {"b": "bob"})


@pytest.mark.parametrize("kind", sorted({kind for kind, _detail, _words in KINDS} | {ATTACK, "commented"}))
def test_nothing_in_the_history_becomes_markup(kind: str) -> None:
    names = ("text", "resolved_in", "ignored_until", "assignee_id", "priority", "release", "total")
    issues = [{"id": ATTACK, "title": ATTACK}]
    html = told(entry(kind, user=ATTACK, issues=issues, **dict.fromkeys(names, ATTACK)), {ATTACK: ATTACK})
    assert "<script" not in html
    assert "<img" not in html


def test_where_an_issue_stands_says_what_would_change_it() -> None:
    def issue(status: str, **more: Any) -> Issue:
        return Issue(id="i", title="t", level="error", count=1, status=status, **more)

    assert standing(issue("open")) == ""
    assert "came back" in standing(issue("open", is_regressed=True, regressed_at=AT))
    assert "after it was ignored" in standing(issue("open", returned_at=AT))
    assert "in <b>1.2</b>" in standing(issue("resolved", resolved_in="1.2"))
    assert standing(issue("ignored")) == "ignored for ever"


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
