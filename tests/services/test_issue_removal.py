"""Discarded issues can be had back, deleted ones leave nothing but the audit."""

import hashlib
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from atlas_core.errors import TransientError
from atlas_core.grouping import Grouping
from atlas_core.storage import issue_removal, issues
from atlas_core.storage import regrouping as regrouping_module
from atlas_core.storage.issue_edits import hold
from atlas_core.storage.issue_removal import IssueRemoval
from atlas_core.storage.regrouping import Regrouping
from atlas_core.storage.retention import Retention
from services.issues.forgetter import Forgetter
from tests.services.desk import ok, refused


def test_a_discarded_issue_is_off_the_lists_drops_its_events_and_can_be_had_back(desk):
    issue = desk.issue()
    desk.issue("other")
    answer = ok(desk.call("POST", f"/issues/{issue}/discard", user=desk.bob))
    assert desk.listed() == ["other"]
    assert desk.call("GET", "/overview").json()["total_issues"] == 1
    assert desk.store.record([desk.event()]) == []
    assert desk.shown(issue)["discarded_at"] is not None
    refused(desk.edit(issue, status="open"), 409, "discarded")
    refused(desk.call("POST", f"/issues/{issue}/discard"), 409, "discarded")
    ok(desk.call("POST", f"/actions/{answer['action_id']}/undo"))
    assert sorted(desk.listed()) == ["boom", "other"]
    assert [update.count for update in desk.store.record([desk.event()])] == [2]
    told = ok(desk.call("GET", "/audit"))["audit"]
    assert [(entry["action"], entry["user"]["email"]) for entry in told] == [
        ("discard_undone", "ann@example.org"), ("discarded", "bob@example.org"),
    ]  # fmt: skip
    assert told[1]["detail"] == {
        "issue_id": str(issue), "title": "boom", "count": 1, "action_id": answer["action_id"],
    }  # fmt: skip


def test_a_deleted_issue_leaves_nothing_but_the_audit(desk, monkeypatch):
    monkeypatch.setattr("atlas_core.storage.issue_removal.EVENTS_AT_ONCE", 7)
    other = desk.issue("other", user={"id": 1}, tags={"a": "b"})
    events = [desk.event(user={"id": n}, tags={"a": "b"}, after_s=-86_400 * (n % 3)) for n in range(30)]
    (update,) = desk.store.record(events)
    issue = update.issue_id
    merged = uuid4()
    desk.sql(
        "INSERT INTO issues.issues (id, project_id, fingerprint, title, level, first_seen, last_seen, merged_into) "
        "SELECT :m, project_id, fingerprint, title, level, first_seen, last_seen, id "
        "FROM issues.issues WHERE id = :i",
        m=merged, i=issue,
    )  # fmt: skip
    ok(desk.edit(issue, priority="high"))
    assert ok(desk.call("DELETE", f"/issues/{issue}")) == {"status": "deleted", "count": 30}
    for table in ("fingerprints", "event_ids", "issue_users", "issue_tags", "issue_hours", "issue_words"):
        assert desk.sql(f"SELECT DISTINCT issue_id FROM issues.{table}") == [(other,)]  # noqa: S608 - names above
    assert desk.sql("SELECT id FROM issues.issues") == [(other,)]
    assert desk.sql("SELECT message FROM issues.events") == [("other",)]
    assert desk.sql("SELECT count(*) FROM issues.activities") == [(0,)]
    refused(desk.call("DELETE", f"/issues/{issue}"), 404)
    refused(desk.call("GET", f"/issues/{issue}"), 404)
    (entry,) = ok(desk.call("GET", "/audit"))["audit"]
    assert (entry["action"], entry["user"]["email"], entry["detail"]) == (
        "deleted", "ann@example.org", {"issue_id": str(issue), "title": "boom", "count": 30},
    )  # fmt: skip
    assert desk.issue() != issue


def cut_off(desk, monkeypatch, issue: UUID, *, at_once: int = 4) -> None:
    """Delete an issue in a process that is killed after the first of its events have gone."""
    monkeypatch.setattr("atlas_core.storage.issue_removal.EVENTS_AT_ONCE", at_once)
    real, lives = issue_removal._sweep_some, iter([True])  # noqa: SLF001 - where a kill leaves the most behind

    def killed(*args: Any) -> bool:
        if not next(lives, False):
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patched:
        patched.setattr(issue_removal, "_sweep_some", killed)
        with pytest.raises(KeyboardInterrupt):
            IssueRemoval(desk.database).delete(desk.project, desk.ann, issue)


def items(desk) -> tuple[UUID, UUID]:
    """Count events of two issues that `normalized` makes one; return them, the larger one first."""
    issues = [update.issue_id for n in (0, 1) for update in desk.store.record(
        [desk.event(f"item {n} failed", user={"id": n}, tags={"n": str(n)}) for _ in range(10 - 7 * n)])]  # fmt: skip
    return issues[0], issues[1]


def remains(desk) -> list[tuple[int, int, int, int]]:
    """Return for each listed issue its count, its series' sum, its events that are kept, and how many can be read."""
    return desk.sql("""
        SELECT i.count, (SELECT sum(count)::int FROM issues.issue_hours h WHERE h.issue_id = i.id),
               (SELECT count(*) FROM issues.event_ids e WHERE e.issue_id = i.id), (SELECT count(*) FROM issues.events)
        FROM issues.issues i WHERE merged_into IS NULL AND discarded_at IS NULL ORDER BY i.count""")


def test_a_delete_that_was_cut_off_is_done_for_all_to_see_and_swept_later(desk, monkeypatch):
    first, _ = items(desk)
    cut_off(desk, monkeypatch, first)
    assert desk.listed() == ["item 1 failed"]
    refused(desk.call("DELETE", f"/issues/{first}"), 404)
    assert [entry["detail"]["count"] for entry in ok(desk.call("GET", "/audit"))["audit"]] == [10]
    assert remains(desk) == [(3, 3, 3, 9)]
    removal = IssueRemoval(desk.database)
    Forgetter(Retention(desk.database), removal).look()
    assert remains(desk) == [(3, 3, 3, 3)]
    assert (removal.sweep(), desk.sql("SELECT count(*) FROM issues.issue_users")) == (0, [(1,)])


@pytest.mark.parametrize("undone", [False, True])
def test_a_switch_beside_a_delete_finds_nothing_of_the_issue(desk, monkeypatch, undone):
    first, second = items(desk)
    regrouping = Regrouping(desk.database)
    cut_off(desk, monkeypatch, first)
    told = regrouping.what_if(desk.project, Grouping("normalized"))
    assert (told["events"], told["issues_before"]) == (3, 1)
    change = regrouping.apply(desk.project, desk.ann, Grouping("normalized"))
    assert change["summary"]["events"] == 3
    if undone:
        regrouping.undo(desk.project, desk.ann, change["change_id"])
    assert remains(desk) == [(3, 3, 3, 9)]
    IssueRemoval(desk.database).sweep()
    assert remains(desk) == [(3, 3, 3, 3)]
    (update,) = desk.store.record([desk.event("item 1 failed")])
    assert (update.issue_id, update.count) == (second, 4)


def test_no_list_shows_what_a_delete_has_still_to_sweep_and_all_pages_are_found(desk, monkeypatch):
    kept = [desk.event("kept", after_s=-60), desk.event("kept", after_s=60)]
    desk.store.record(kept)
    (update,) = desk.store.record([desk.event("gone") for _ in range(9)])
    cut_off(desk, monkeypatch, update.issue_id)
    assert desk.sql("SELECT count(*) FROM issues.events") == [(7,)]
    found, page = [], {"next_cursor": ""}
    while page["next_cursor"] is not None:
        page = ok(desk.call("GET", f"/events?limit=2&cursor={page['next_cursor']}".removesuffix("&cursor=")))
        found += [event["event_id"] for event in page["events"]]
    assert found == [str(event.event_id) for event in reversed(kept)]


def test_an_issue_that_is_being_deleted_is_merged_with_nothing(desk, monkeypatch):
    first, second = items(desk)
    cut_off(desk, monkeypatch, first)
    refused(desk.call("POST", "/issues/merge", {"into": str(second), "issues": [str(first)]}), 404)
    refused(desk.call("POST", "/issues/merge", {"into": str(first), "issues": [str(second)]}), 404)
    digest = hashlib.sha256(b"item 0 failed").hexdigest()
    refused(desk.call("POST", f"/issues/{first}/unmerge", {"fingerprints": [digest]}), 404)
    assert remains(desk) == [(3, 3, 3, 9)]


@pytest.mark.parametrize("which", [0, 1])
def test_a_delete_that_waited_for_a_switch_is_refused_and_deletes_nothing(desk, monkeypatch, which):
    issue = items(desk)[which]
    switching, goes_on = threading.Event(), threading.Event()
    real = regrouping_module.make_plan

    def slowly(*args: Any, **more: Any) -> Any:
        switching.set()
        assert goes_on.wait(30)
        return real(*args, **more)

    monkeypatch.setattr(regrouping_module, "make_plan", slowly)
    with ThreadPoolExecutor() as pool:
        switch = pool.submit(desk.call, "PUT", "/grouping", {"strategy": "normalized"})
        assert switching.wait(30)
        delete = pool.submit(desk.call, "DELETE", f"/issues/{issue}")
        until_one_waits(desk, delete)
        goes_on.set()
        ok(switch.result(30))
        refused(delete.result(30), 409, "merged into" if which else "regrouped by ann@example.org")
    assert remains(desk) == [(13, 13, 13, 13)]


def test_an_unmerge_that_waited_for_a_delete_finds_no_issue(desk, monkeypatch):
    first, second = items(desk)
    ok(desk.call("POST", "/issues/merge", {"into": str(second), "issues": [str(first)]}))
    deleting, goes_on = threading.Event(), threading.Event()

    def slowly(*args: Any) -> Any:
        deleting.set()
        assert goes_on.wait(30)
        return hold(*args)

    monkeypatch.setattr(issue_removal, "hold", slowly)
    with ThreadPoolExecutor() as pool:
        delete = pool.submit(desk.call, "DELETE", f"/issues/{second}")
        assert deleting.wait(30)
        digest = hashlib.sha256(b"item 0 failed").hexdigest()
        unmerge = pool.submit(desk.call, "POST", f"/issues/{second}/unmerge", {"fingerprints": [digest]})
        until_one_waits(desk, unmerge)
        goes_on.set()
        assert ok(delete.result(30))["count"] == 13
        refused(unmerge.result(30), 404)
    assert (remains(desk), desk.sql("SELECT count(*) FROM issues.events")) == ([], [(0,)])


def test_a_delete_whose_sweep_must_wait_is_done_all_the_same(desk, monkeypatch):
    first, _ = items(desk)

    def not_now(*_: object) -> bool:
        raise TransientError("not now")

    with monkeypatch.context() as patched:
        patched.setattr(issue_removal, "_sweep_some", not_now)
        assert ok(desk.call("DELETE", f"/issues/{first}"))["count"] == 10
    assert remains(desk) == [(3, 3, 3, 13)]
    assert (IssueRemoval(desk.database).sweep(), remains(desk)) == (1, [(3, 3, 3, 3)])


def test_an_event_of_a_deleted_issue_that_comes_again_tells_nothing_and_is_new_after_the_sweep(desk, monkeypatch):
    events = [desk.event(after_s=n) for n in range(2)]
    (update,) = desk.store.record(events)
    cut_off(desk, monkeypatch, update.issue_id, at_once=1)
    assert desk.store.record(events[:1]) == []
    IssueRemoval(desk.database).sweep()
    (again,) = desk.store.record(events)
    assert (again.count_before, again.count) == (0, 2)


def test_a_batch_that_looked_before_the_delete_leaves_nothing_behind(desk, monkeypatch):
    issue, looked, goes_on = desk.issue(), threading.Event(), threading.Event()
    lock_states = issues.lock_states

    def slowly(*args: Any) -> Any:
        looked.set()
        assert goes_on.wait(30)
        return lock_states(*args)

    monkeypatch.setattr(issues, "lock_states", slowly)
    with ThreadPoolExecutor() as pool:
        batch = pool.submit(desk.store.record, [desk.event(), desk.event()])
        assert looked.wait(30)
        delete = pool.submit(desk.call, "DELETE", f"/issues/{issue}")
        until_one_waits(desk, delete)
        goes_on.set()
        assert [update.count for update in batch.result(30)] == [3]
        assert ok(delete.result(30)) == {"status": "deleted", "count": 3}
    assert desk.sql("SELECT count(*) FROM issues.event_ids") == desk.sql("SELECT count(*) FROM issues.events") == [(0,)]


def until_one_waits(desk, asked: Future[Any]) -> None:
    """Return once what was asked waits for a lock on the project, or is done."""
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while not asked.done() and desk.sql(waits) == [(0,)]:
        time.sleep(0.01)
