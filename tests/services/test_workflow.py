"""People edit issues, undo and comment over HTTP, on a real PostgreSQL, while events arrive."""

from uuid import uuid4

import pytest
import sqlalchemy

from atlas_core.storage.identity import IdentityStore
from tests.services.desk import ok, refused


def test_a_resolved_issue_says_how_and_regresses_with_the_next_event(desk):
    issue = desk.issue()
    shown = ok(desk.edit(issue, status="resolved", version=1))["issue"]
    assert (shown["status"], shown["version"], shown["resolved_in"]) == ("resolved", 2, None)
    assert shown["resolved_at"] is not None
    desk.issue(after_s=1)
    shown = desk.shown(issue)
    assert (shown["status"], shown["is_regressed"], shown["resolved_at"], shown["version"]) == ("open", True, None, 3)
    assert desk.kinds(issue) == ["regressed", "resolved"]
    assert desk.call("GET", "/overview").json()["open_issues"] == 1


def test_resolved_in_the_next_release_waits_for_a_release_after_the_newest(desk):
    issue = desk.issue(release="shop@1.9")
    desk.issue("other", release="shop@1.10")
    shown = ok(desk.edit(issue, status="resolved", resolved_in_next=True))["issue"]
    assert (shown["resolved_in"], shown["resolved_in_next"]) == ("shop@1.10", True)
    desk.issue(release="shop@1.10", after_s=1)
    assert desk.shown(issue)["status"] == "resolved"
    desk.issue(release="shop@1.11", after_s=1)
    assert desk.shown(issue)["is_regressed"]


def test_the_next_release_is_one_of_the_issues_own_package(desk):
    issue = desk.issue(release="worker@1.5")
    desk.issue("other", release="web@2.0")
    shown = ok(desk.edit(issue, status="resolved", resolved_in_next=True))["issue"]
    assert shown["resolved_in"] == "worker@1.5"
    desk.issue(release="web@2.0", after_s=1)
    assert desk.shown(issue)["status"] == "resolved"
    desk.issue(release="worker@1.6", after_s=1)
    assert desk.shown(issue)["is_regressed"]


def test_an_issue_without_a_release_waits_for_one_after_the_projects_newest(desk):
    issue = desk.issue()
    desk.issue("other", release="web@2.0")
    assert ok(desk.edit(issue, status="resolved", resolved_in_next=True))["issue"]["resolved_in"] == "web@2.0"


@pytest.mark.parametrize(("resolved_in", "release"), [("worker@1.6", "web@1.9"), ("abc", "def")])
def test_resolved_in_a_release_yet_to_come_keeps_quiet_about_a_first_event_of_what_cannot_be_compared(
    desk, resolved_in, release
):
    issue = desk.issue(release="worker@1.5")
    ok(desk.edit(issue, status="resolved", resolved_in=resolved_in))
    desk.issue(release=release, after_s=1)
    assert desk.shown(issue)["status"] == "resolved"
    desk.issue(release=resolved_in, after_s=2)
    assert desk.shown(issue)["status"] == "open"


def test_resolved_in_a_release_keeps_quiet_about_older_ones(desk):
    issue = desk.issue(release="1.0")
    ok(desk.edit(issue, status="resolved", resolved_in=" 2.0\u0000 "))
    desk.issue(release="1.5", after_s=1)
    assert (desk.shown(issue)["status"], desk.shown(issue)["resolved_in"]) == ("resolved", "2.0")
    desk.issue(release="2.0", after_s=1)
    assert desk.shown(issue)["status"] == "open"


@pytest.mark.parametrize(
    ("limit", "shown"),
    [
        ({"ignored_for_events": 2}, ("ignored_until_count", 3)),
        ({"ignored_for_users": 2}, ("ignored_until_users", 3)),
        ({"ignored_until": "2099-01-01T00:00:00+01:00"}, ("ignored_until", "2098-12-31T23:00:00Z")),
        ({}, ("ignored_until", None)),
    ],
)
def test_an_ignored_issue_comes_back_at_its_limit_alone(desk, limit, shown):
    issue = desk.issue(user={"id": 0})
    assert ok(desk.edit(issue, status="ignored", **limit))["issue"][shown[0]] == shown[1]
    desk.issue(user={"id": 1})
    assert desk.shown(issue)["status"] == "ignored"
    desk.issue(user={"id": 2}, after_s=1)
    comes_back = "ignored_for_events" in limit or "ignored_for_users" in limit
    assert desk.shown(issue)["status"] == ("open" if comes_back else "ignored")
    assert (desk.shown(issue)["returned_at"] is not None) == comes_back


def test_an_issue_is_assigned_to_members_only(desk):
    issue, stranger = desk.issue(), IdentityStore(desk.database).add_user("eve@example.org", "hash")
    assert [member["email"] for member in ok(desk.call("GET", "/members"))["members"]] == [
        "ann@example.org", "bob@example.org",
    ]  # fmt: skip
    assert ok(desk.edit(issue, assignee_id=str(desk.bob)))["issue"]["assignee_id"] == str(desk.bob)
    refused(desk.edit(issue, assignee_id=str(stranger)), 400, "not a member")
    refused(desk.edit(issue, assignee_id=str(uuid4())), 400, "not a member")
    assert ok(desk.edit(issue, assignee_id=None))["issue"]["assignee_id"] is None
    assert desk.kinds(issue) == ["unassigned", "assigned"]


def test_one_edit_may_change_all_and_is_undone_as_one(desk):
    issue = desk.issue()
    before = desk.shown(issue)
    action = ok(desk.edit(issue, status="ignored", priority="high", assignee_id=str(desk.bob)))["action_id"]
    assert desk.kinds(issue) == ["prioritized", "assigned", "ignored"]
    assert ok(desk.call("POST", f"/actions/{action}/undo")) == {
        "action_id": desk.sql("SELECT action_id::text FROM issues.activities WHERE kind = 'undone'")[0][0],
        "changed": 1,
        "versions": {str(issue): 3},
    }
    after = desk.shown(issue)
    assert after == before | {"version": 3, "updated_at": after["updated_at"]}
    entries = desk.call("GET", f"/issues/{issue}/activity").json()["activity"]
    assert [(entry["kind"], entry["undone"]) for entry in entries] == [
        ("undone", False), ("prioritized", True), ("assigned", True), ("ignored", True),
    ]  # fmt: skip


def test_an_edit_that_changes_nothing_is_no_version_and_no_history(desk):
    issue = desk.issue()
    answer = ok(desk.edit(issue, status="open", priority="medium", version=1))
    assert (answer["action_id"], answer["issue"]["version"]) == (None, 1)
    assert desk.kinds(issue) == []


def test_a_stale_edit_is_refused_with_who_and_when(desk):
    issue = desk.issue()
    ok(desk.edit(issue, priority="high", version=1, user=desk.bob))
    desk.issue()  # events make nobody's version stale
    (detail,) = refused(desk.edit(issue, status="resolved", version=1), 409, "version 2", "prioritized", "bob@")
    assert (detail["issue_id"], detail["version"], detail["by"]) == (str(issue), 2, "bob@example.org")
    assert desk.shown(issue)["status"] == "open"
    ok(desk.edit(issue, status="resolved", version=2))
    refused(desk.call("DELETE", f"/issues/{issue}?version=2"), 409, "version 3")
    refused(desk.call("POST", f"/issues/{issue}/discard", {"version": 2}), 409, "version 3")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "nothing to change"),
        ({"version": 1}, "nothing to change"),
        ({"status": "closed"}, "'open', 'resolved' or 'ignored'"),
        ({"resolved_in": "1.0"}, "goes with status resolved"),
        ({"status": "open", "ignored_for_events": 3}, "goes with status ignored"),
        ({"status": "resolved", "resolved_in": "1.0", "resolved_in_next": True}, "not both"),
        ({"status": "resolved", "resolved_in": "\u0000 "}, "at least 1 character"),
        ({"status": "ignored", "ignored_for_events": 0}, "greater than or equal to 1"),
        ({"status": "ignored", "ignored_for_users": 10**10}, "less than or equal to"),
        ({"status": "ignored", "ignored_until": "2030-01-01T00:00:00"}, "timezone"),
        ({"status": "ignored", "ignored_until": "9999-12-31T23:59:59-12:00"}, "body.ignored_until"),
        ({"status": "ignored", "ignored_until": "9999-12-31T23:59:59Z"}, "1970 to 2199"),
        ({"status": "ignored", "ignored_until": "2199-12-31T23:59:59-00:01"}, "1970 to 2199, in UTC"),
        ({"status": "ignored", "ignored_until": "0001-01-01T00:00:00+14:00"}, "1970 to 2199"),
        ({"status": "ignored", "ignored_until": 10**30}, "body.ignored_until"),
        ({"priority": "urgent"}, "'low', 'medium' or 'high'"),
        ({"prority": "low"}, "prority"),
        ({"priority": "low", "version": 0}, "version"),
    ],
)
def test_a_malformed_edit_is_refused_and_says_where(desk, body, words):
    refused(desk.call("PATCH", f"/issues/{uuid4()}", body), 422, words)


def test_an_edit_that_cannot_be_made_now_says_why(desk):
    issue = desk.issue()
    refused(desk.edit(issue, status="resolved", resolved_in_next=True), 400, "no release yet")
    refused(desk.edit(issue, status="ignored", ignored_until="2020-01-01T00:00:00Z"), 400, "future")
    refused(desk.edit(uuid4(), status="open"), 404, "no such issue")
    desk.sql("UPDATE issues.issues SET merged_into = :i", i=uuid4())
    refused(desk.edit(issue, status="resolved"), 409, "merged into")


def test_the_last_time_that_can_be_named_can_be_shown_and_events_still_be_counted(desk):
    issue = desk.issue()
    last = ok(desk.edit(issue, status="ignored", ignored_until="2200-01-01T00:59:59.999999+01:00"))["issue"]
    assert last["ignored_until"] == "2199-12-31T23:59:59.999999Z"
    desk.issue(after_s=1)
    assert (desk.shown(issue)["count"], desk.shown(issue)["status"]) == (2, "ignored")
    with pytest.raises(sqlalchemy.exc.IntegrityError, match="issues_ignored_until_readable"):
        desk.sql("UPDATE issues.issues SET ignored_until = '10000-01-01 00:00:00+00'")


@pytest.mark.parametrize(("limit", "kind"), [({}, "regressed"), ({"ignored_for_events": 1}, "ignore_ended")])
def test_an_edit_made_before_events_brought_the_issue_back_is_stale(desk, limit, kind):
    issue = desk.issue()
    seen = ok(desk.edit(issue, status="ignored" if limit else "resolved", **limit))["issue"]["version"]
    desk.issue(after_s=1)
    assert desk.shown(issue)["version"] == seen + 1
    (detail,) = refused(desk.edit(issue, status="resolved", version=seen), 409, f"{kind} by events")
    assert (detail["version"], detail["kind"], detail["by"]) == (seen + 1, kind, None)
    desk.issue(after_s=2)  # one that brings nothing back makes nobody's version stale
    again = ok(desk.edit(issue, status="resolved", version=seen + 1))
    ok(desk.call("POST", f"/actions/{again['action_id']}/undo"))
    assert (desk.shown(issue)["status"], desk.shown(issue)["version"]) == ("open", seen + 3)


def test_an_undo_is_refused_after_a_later_edit_or_a_comeback(desk):
    issue = desk.issue()
    first = ok(desk.edit(issue, priority="low"))["action_id"]
    second = ok(desk.edit(issue, status="resolved", user=desk.bob))["action_id"]
    (detail,) = refused(desk.call("POST", f"/actions/{first}/undo"), 409, "resolved by bob@example.org")
    assert (detail["kind"], detail["by"]) == ("resolved", "bob@example.org")
    ok(desk.call("POST", f"/issues/{issue}/comments", {"text": "no edit"}), 201)
    ok(desk.call("POST", f"/actions/{second}/undo"))
    refused(desk.call("POST", f"/actions/{second}/undo"), 409, "undone already")
    ok(desk.call("POST", f"/actions/{first}/undo"))
    third = ok(desk.edit(issue, status="resolved"))["action_id"]
    desk.issue(after_s=1)
    refused(desk.call("POST", f"/actions/{third}/undo"), 409, "regressed by events")
    assert desk.sql("SELECT status, episode FROM issues.issues") == [("open", 2)]


def test_only_edits_of_this_project_can_be_undone(desk):
    issue = desk.issue()
    comment = ok(desk.call("POST", f"/issues/{issue}/comments", {"text": "hm"}), 201)["comment"]
    refused(desk.call("POST", f"/actions/{comment['action_id']}/undo"), 400, "commented")
    refused(desk.call("POST", f"/actions/{uuid4()}/undo"), 404, "no such action")
    action = ok(desk.edit(issue, priority="low"))["action_id"]
    desk.sql("UPDATE issues.activities SET project_id = :p", p=uuid4())
    refused(desk.call("POST", f"/actions/{action}/undo"), 404, "no such action")


def test_comments_are_history_but_no_edit(desk):
    issue = desk.issue()
    text = "as\u00ed \U0001f600 <b>\u0000</b>"
    ok(desk.call("POST", f"/issues/{issue}/comments", {"text": text}, user=desk.bob), 201)
    (entry,) = desk.call("GET", f"/issues/{issue}/activity").json()["activity"]
    assert entry["detail"] == {"text": text.replace("\u0000", "")}
    assert entry["user"] == {"id": str(desk.bob), "email": "bob@example.org"}
    assert desk.shown(issue)["version"] == 1
    refused(desk.call("POST", f"/issues/{uuid4()}/comments", {"text": "x"}), 404)
    refused(desk.call("POST", f"/issues/{issue}/comments", {"text": " \u0000 "}), 422)
    refused(desk.call("POST", f"/issues/{issue}/comments", {"text": "x" * 8_193}), 422)
    refused(desk.call("POST", f"/issues/{issue}/comments", {"text": "x", "foo": 1}), 422, "body.foo")
    refused(desk.call("POST", f"/issues/{issue}/discard", {"foo": 1}), 422, "body.foo")
    ok(desk.call("POST", f"/issues/{issue}/comments", {"text": "x" * 8_192}), 201)


def test_history_comes_in_pages_that_are_whole_and_never_overlap(desk):
    issue = desk.issue()
    for n in range(7):
        ok(desk.call("POST", f"/issues/{issue}/comments", {"text": str(n)}), 201)
    seen: list[str] = []
    path = f"/issues/{issue}/activity?limit=3"
    cursor = ""
    while cursor is not None:
        page = ok(desk.call("GET", path + cursor))
        seen += [entry["detail"]["text"] for entry in page["activity"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]
    for wrong in ("x", "-1", "0", "99999999999999999999"):
        refused(desk.call("GET", f"{path}&cursor={wrong}"), 400, "cursor")
    refused(desk.call("GET", f"/issues/{uuid4()}/activity"), 404)
