"""Many issues in one action; many people beside a busy digest."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from atlas_core.storage.issues import PostgresIssueStore
from tests.services.desk import ok, refused


@contextmanager
def counted() -> Iterator[list[object]]:
    """Collect the statements that are sent meanwhile."""
    sent: list[object] = []
    execute = psycopg.Cursor.execute

    def counting(cursor: psycopg.Cursor[Any], query: object, *args: Any, **more: Any) -> object:
        sent.append(query)
        return execute(cursor, query, *args, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", counting)
        yield sent


@pytest.mark.slow
def test_a_thousand_issues_are_edited_and_undone_in_a_few_statements(desk):
    desk.store.record([desk.event(f"m{n}", release="1.0") for n in range(1_000)])
    ids = [str(row[0]) for row in desk.sql("SELECT id FROM issues.issues")]
    body = {"status": "resolved", "resolved_in_next": True, "assignee_id": str(desk.bob), "priority": "low"}
    with counted() as statements:
        answer = ok(desk.call("POST", "/issues/bulk", {"issues": dict.fromkeys(ids, 1), **body}))
    assert answer["changed"] == 1_000
    assert set(answer["versions"].values()) == {2}
    assert len(statements) < 15
    (row,) = desk.sql("SELECT DISTINCT status, resolved_in, priority, version FROM issues.issues")
    assert row == ("resolved", "1.0", "low", 2)
    with counted() as statements:
        assert ok(desk.call("POST", f"/actions/{answer['action_id']}/undo"))["changed"] == 1_000
    assert len(statements) < 15
    (row,) = desk.sql("SELECT DISTINCT status, resolved_in, assignee_id, priority, version FROM issues.issues")
    assert row == ("open", None, None, "medium", 3)


def test_a_bulk_edit_is_all_or_nothing(desk):
    issues = [desk.issue(f"m{n}") for n in range(3)]
    ok(desk.edit(issues[1], status="resolved", user=desk.bob))
    versions: dict[str, int | None] = {str(issue): 1 for issue in issues}
    (detail,) = refused(desk.call("POST", "/issues/bulk", {"issues": versions, "priority": "low"}), 409, "bob@")
    assert detail["issue_id"] == str(issues[1])
    gone = str(uuid4())
    assert refused(
        desk.call("POST", "/issues/bulk", {"issues": {str(issues[0]): None, gone: None}, "priority": "low"}), 404
    ) == [gone]
    assert desk.sql("SELECT count(*) FROM issues.issues WHERE priority = 'low'") == [(0,)]
    versions[str(issues[1])] = None
    answer = ok(desk.call("POST", "/issues/bulk", {"issues": versions, "status": "resolved"}))
    assert (answer["changed"], sorted(answer["versions"].values())) == (2, [2, 2, 2])
    many = {str(uuid4()): None for _ in range(1_001)}
    refused(desk.call("POST", "/issues/bulk", {"issues": many, "status": "open"}), 422, "1000 items")
    refused(desk.call("POST", "/issues/bulk", {"issues": {}, "status": "open"}), 422)


def test_a_bulk_discard_is_undone_as_one_even_when_one_issue_was_deleted(desk):
    issues = [desk.issue(f"m{n}") for n in range(3)]
    answer = ok(desk.call("POST", "/issues/bulk", {"issues": {str(i): None for i in issues}, "discard": True}))
    assert desk.listed() == []
    assert len(ok(desk.call("GET", "/audit?limit=100"))["audit"]) == 3
    ok(desk.call("DELETE", f"/issues/{issues[0]}"))
    assert ok(desk.call("POST", f"/actions/{answer['action_id']}/undo"))["changed"] == 2
    assert sorted(desk.listed()) == ["m1", "m2"]


def test_edits_bulks_and_deletes_meet_a_busy_digest_without_a_deadlock_or_a_lost_event(desk):
    names = [f"m{n}" for n in range(40)]
    desk.store.record([desk.event(name) for name in names])
    kept = {row[1]: row[0] for row in desk.sql("SELECT id, title FROM issues.issues")}
    sent, refusals = 40, []
    stop = threading.Event()
    counts = [0, 0]

    def digest(share: int) -> None:
        while not stop.is_set():
            batch = [desk.event(names[(n * 7 + share) % 40]) for n in range(60)]
            PostgresIssueStore(desk.database).record(batch)
            counts[share] += len(batch)

    def people(move: Callable[[int], dict[str, object]]) -> None:
        for n in range(12):
            issues = {str(issue): None for issue in list(kept.values())[n % 3 :]}
            answer = desk.call("POST", "/issues/bulk", {"issues": issues} | move(n))
            if answer.status_code != 200:
                refusals.append(answer.text)

    digests = [threading.Thread(target=digest, args=(share,)) for share in range(2)]
    workers = [
        threading.Thread(target=people, args=(lambda n: {"status": ["resolved", "ignored", "open"][n % 3]},)),
        threading.Thread(target=people, args=(lambda n: {"priority": ["low", "high"][n % 2]},)),
    ]
    for thread in digests + workers:
        thread.start()
    for thread in workers:
        thread.join(120)
    deleted = ok(desk.call("DELETE", f"/issues/{kept['m0']}"))["count"]
    stop.set()
    for thread in digests:
        thread.join(60)
    sent += sum(counts)
    assert refusals == []
    assert sum(counts) > 0
    (left,) = desk.sql("SELECT sum(count)::int FROM issues.issues")[0]
    (dropped,) = desk.sql("SELECT coalesce(sum(count), 0)::int FROM issues.drop_hours")[0]
    assert left + deleted + dropped == sent
    assert desk.sql("SELECT count(*)::int FROM issues.events") == [(left,)]
    edits = desk.sql(
        "SELECT count(*) FROM issues.issues i WHERE i.version <> 1 + (SELECT count(DISTINCT action_id) "
        "FROM issues.activities a WHERE a.issue_id = i.id)"
    )
    assert edits == [(0,)]
