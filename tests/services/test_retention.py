"""What is forgotten, when, and what stays."""

import threading
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from atlas_core.errors import TransientError
from atlas_core.events import Event
from atlas_core.storage.database import Database
from atlas_core.storage.identity import IdentityStore
from atlas_core.storage.issues import PostgresIssueStore
from atlas_core.storage.partitions import day_partitions
from atlas_core.storage.retention import Retention
from tests.services.desk import Desk, ok, refused

DAY_S = 86_400


def days(desk: Desk) -> list[date]:
    with desk.database.cursor() as cursor:
        return day_partitions(cursor, "issues.events")


def kept(desk: Desk, project: UUID | None = None) -> list[str]:
    found = desk.sql(
        "SELECT e.message FROM issues.events e JOIN issues.event_ids i USING (project_id, event_id) "
        "WHERE project_id = :p ORDER BY e.received_at DESC", p=project or desk.project,
    )  # fmt: skip
    return [row[0] for row in found]


def aged(desk: Desk, *ages_days: float, project: UUID | None = None) -> list[Event]:
    events = [desk.event(f"{age} days", after_s=-age * DAY_S - 1) for age in ages_days]
    for event in events:
        event.project_id = project or desk.project
    return events


def test_days_past_the_retention_are_dropped_whole_and_issues_stay(desk, monkeypatch):
    monkeypatch.setattr("atlas_core.storage.retention.AT_ONCE", 3)
    desk.store.record(aged(desk, 0, 5, 89, 92, 92, 92, 92, 200))
    assert len(days(desk)) == 5
    done = Retention(desk.database).forget()
    assert (done.events, done.days) == (5, 2)
    assert kept(desk) == ["0 days", "5 days", "89 days"]
    assert len(days(desk)) == 3
    assert desk.sql("SELECT count(*) FROM issues.event_ids") == [(3,)]
    counts = dict(desk.sql("SELECT title, count FROM issues.issues"))
    assert counts == {"0 days": 1, "5 days": 1, "89 days": 1, "92 days": 4, "200 days": 1}
    forgotten = dict(
        desk.sql("SELECT title, forgotten FROM issues.fingerprints f JOIN issues.issues i ON i.id = f.issue_id")
    )
    assert forgotten == {"0 days": 0, "5 days": 0, "89 days": 0, "92 days": 4, "200 days": 1}
    again = Retention(desk.database).forget()
    assert (again.events, again.days) == (0, 0)


def test_time_that_passes_forgets_one_day_after_the_other(desk):
    desk.store.record(aged(desk, 0, 1, 2))
    left = []
    today = datetime.now(UTC).replace(hour=23)
    for passed in (88, 89, 90, 91, 92):
        Retention(desk.database, lambda passed=passed: today + timedelta(days=passed)).forget()
        left.append(len(kept(desk)))
    assert left == [3, 2, 1, 0, 0]
    assert days(desk) == []


def test_a_project_that_keeps_less_loses_its_rows_and_no_other_project_does(desk):
    (organization,) = desk.sql("SELECT id FROM identity.organizations")[0]
    other = IdentityStore(desk.database).add_project(desk.ann, organization, "other")[0]["id"]
    desk.store.record(aged(desk, 0, 10, 40) + aged(desk, 0, 10, 40, project=other))
    ok(desk.call("PUT", "/settings", {"retention_days": 7}))
    done = Retention(desk.database).forget()
    assert (done.events, done.days) == (2, 0)
    assert kept(desk) == ["0 days"]
    assert kept(desk, other) == ["0 days", "10 days", "40 days"]
    assert len(days(desk)) == 3
    desk.sql(
        "INSERT INTO issues.project_settings (project_id, grouping, retention_days) VALUES (:p, '{}', 30)", p=other
    )
    done = Retention(desk.database).forget()
    assert (done.events, done.days) == (1, 1)
    assert kept(desk, other) == ["0 days", "10 days"]


def test_an_event_counts_once_as_long_as_it_is_kept(desk):
    events = aged(desk, 89)
    desk.store.record(events)
    Retention(desk.database).forget()
    desk.store.record(events)
    assert desk.sql("SELECT count FROM issues.issues") == [(1,)]


def test_a_late_event_of_a_day_that_was_dropped_is_stored_and_forgotten_in_its_turn(desk):
    desk.store.record(aged(desk, 100))
    Retention(desk.database).forget()
    (update,) = desk.store.record(aged(desk, 100))
    assert update.count == 2
    assert Retention(desk.database).forget().events == 1
    assert desk.sql("SELECT forgotten FROM issues.fingerprints") == [(2,)]


@pytest.mark.slow
def test_a_reader_is_waited_for_briefly_and_the_day_is_dropped_the_next_time(desk, database_url):
    desk.store.record(aged(desk, 100))
    with psycopg.connect(database_url) as reader:
        reader.execute("SELECT count(*) FROM issues.events")
        with pytest.raises(TransientError):
            Retention(desk.database).forget()
    assert len(days(desk)) == 1
    assert Retention(desk.database).forget().days == 1


def test_a_day_that_got_events_meanwhile_waits_and_the_next_days_do_not(desk):
    desk.store.record(aged(desk, 101, 102))
    asked = []

    def stopped() -> bool:
        asked.append(len(asked))
        if len(asked) == 4:  # the oldest day has been gone through and is about to be dropped
            desk.store.record(aged(desk, 102))
        return False

    assert Retention(desk.database).forget(stopped).days == 1
    assert len(days(desk)) == 1
    assert kept(desk) == ["102 days"]
    assert Retention(desk.database).forget().days == 1
    assert desk.sql("SELECT sum(forgotten)::int, count(*) FROM issues.fingerprints") == [(3, 2)]


@pytest.mark.slow
def test_forgetting_beside_a_busy_digest_neither_blocks_it_nor_loses_a_count(desk, monkeypatch):
    monkeypatch.setattr("atlas_core.storage.retention.AT_ONCE", 10)
    database = Database(desk.database.url, pool_size=3)
    stop, sent, failures = threading.Event(), [0], []

    def digest() -> None:
        store = PostgresIssueStore(database)
        while not stop.is_set():
            batch = [desk.event(f"m{n % 5}", after_s=-n * 4 * DAY_S) for n in range(40)]
            try:
                store.record(batch)
            except TransientError as error:
                failures.append(error)
            else:
                sent[0] += len(batch)

    worker = threading.Thread(target=digest)
    worker.start()
    while not sent[0]:
        stop.wait(0.01)
    done = []
    for _ in range(12):
        try:
            done.append(Retention(desk.database).forget())
        except TransientError as error:
            failures.append(error)
    stop.set()
    worker.join(60)
    Retention(desk.database).forget()
    database.close()
    assert [str(error) for error in failures if "lock timeout" not in str(error)] == []
    (counted,), (stored,), (forgotten,) = (
        desk.sql(f"SELECT coalesce(sum({what}), 0)::int FROM issues.{table}")[0]  # noqa: S608 - names above
        for what, table in (("count", "issues"), ("1", "event_ids"), ("forgotten", "fingerprints"))
    )
    assert counted == sent[0] == stored + forgotten
    assert sum(each.events for each in done) > 0
    assert desk.sql("SELECT count(*) FROM issues.events WHERE received_at < now() - interval '92 days'") == [(0,)]


def test_the_retention_is_chosen_by_members_and_the_audit_tells_who(desk):
    assert ok(desk.call("GET", "/settings")) == {"settings": {"retention_days": 90}}
    assert ok(desk.call("PUT", "/settings", {"retention_days": 3_650}, user=desk.bob))["settings"] == {
        "retention_days": 3_650
    }
    assert ok(desk.call("GET", "/settings"))["settings"]["retention_days"] == 3_650
    for wrong in ({"retention_days": 0}, {"retention_days": 3_651}, {"retention_days": "x"}, {}, {"grouping": {}}):
        refused(desk.call("PUT", "/settings", wrong), 422)
    (told,) = ok(desk.call("GET", "/audit"))["audit"]
    assert (told["action"], told["detail"]) == ("retention_changed", {"retention_days": 3_650, "from": 90})
    assert told["user"]["email"] == "bob@example.org"


def test_a_choice_of_grouping_stays_when_the_retention_changes(desk):
    desk.sql(
        "INSERT INTO issues.project_settings (project_id, grouping, retention_days) "
        "VALUES (:p, '{\"strategy\": \"message\"}', 90)", p=desk.project,
    )  # fmt: skip
    ok(desk.call("PUT", "/settings", {"retention_days": 30}))
    assert desk.sql("SELECT grouping, retention_days FROM issues.project_settings") == [({"strategy": "message"}, 30)]
