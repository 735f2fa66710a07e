"""Discarded issues can be had back, deleted ones leave nothing but the audit."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from atlas_core.storage import issues
from atlas_core.storage.issue_removal import IssueRemoval
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


def test_a_delete_that_was_cut_off_is_finished_by_asking_again(desk, monkeypatch):
    monkeypatch.setattr("atlas_core.storage.issue_removal.EVENTS_AT_ONCE", 4)
    desk.store.record([desk.event() for _ in range(10)])
    (issue,) = [row[0] for row in desk.sql("SELECT id FROM issues.issues")]
    with monkeypatch.context() as patched:
        patched.setattr(IssueRemoval, "_finish", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            IssueRemoval(desk.database).delete(desk.project, desk.ann, issue)
    assert desk.listed() == []
    assert ok(desk.call("DELETE", f"/issues/{issue}"))["count"] == 10
    assert desk.sql("SELECT count(*) FROM issues.issues") == [(0,)]


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
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not delete.done() and desk.sql(waits) == [(0,)]:
            time.sleep(0.01)
        goes_on.set()
        assert [update.count for update in batch.result(30)] == [3]
        assert ok(delete.result(30)) == {"status": "deleted", "count": 3}
    assert desk.sql("SELECT count(*) FROM issues.event_ids") == desk.sql("SELECT count(*) FROM issues.events") == [(0,)]


def _cut_off(*_: object) -> int:
    raise KeyboardInterrupt
