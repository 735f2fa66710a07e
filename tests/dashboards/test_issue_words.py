"""An issue's history and standing in words, and which action can be undone."""

from typing import Any

import msgspec
import pytest

from dashboards.issue_words import standing, stored_again, told, undoable
from dashboards.records import Activity, Issue, Person
from tests.dashboards.fake_api import EMAIL
from tests.dashboards.fake_data import HOSTILE, an_id

AT = "2026-11-25T12:00:00Z"
ATTACK = f"\"'>{HOSTILE}"


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


def test_discarded_issues_that_came_in_are_told_until_the_change_is_undone() -> None:
    def change(kind: str, change_id: str, **detail: Any) -> Activity:
        return msgspec.structs.replace(entry(kind, **detail), action_id=change_id)

    came = change("regrouped", "one", merged_discarded=2), change("regrouped", "two", merged=1)
    assert stored_again(came) == 2
    assert stored_again([change("regrouping_undone", "one"), *came]) == 0
    assert stored_again([change("regrouping_undone", "two"), *came]) == 2


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
    ("regrouped", {"merged": 3}, "changed the grouping of its events <small>"),
    ("regrouped", {"merged": 3, "merged_discarded": 2}, "2 discarded issues came into it, whose events are stored"),
    ("regrouped", {"merged_into": "i"}, "it is part of another issue"),
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
    assert "its events are dropped" in standing(issue("open", discarded_at=AT))
