"""What the digest keeps beside the counts: users, tags, hours, releases, drops; exact whatever is repeated."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas_core.events import Event, Level
from atlas_core.storage.database import Database
from atlas_core.storage.issues import PostgresIssueStore

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


@pytest.fixture
def database(database_url: str):
    database = Database(database_url, pool_size=6)
    yield database
    database.close()


def make(message: str = "boom", *, project: UUID, age_s: float = 0, level: Level = Level.ERROR, **more) -> Event:
    at = NOW - timedelta(seconds=age_s)
    return Event(
        project_id=project, event_id=uuid4(), source="api", level=level, message=message, timestamp=at, received_at=at,
        **more,
    )  # fmt: skip


def rows(database: Database, query: str, **values: object) -> list[tuple[object, ...]]:
    with database.transaction() as connection:
        return [tuple(row) for row in connection.execute(sqlalchemy.text(query), values)]


def test_a_user_is_counted_once_for_each_issue(database):
    project, store = uuid4(), PostgresIssueStore(database)
    store.record([make(project=project, user={"id": n % 3}) for n in range(7)])
    store.record([make(project=project, user={"id": 2}), make(project=project, user={"email": "a@example.org"})])
    store.record([make(project=project), make("other", project=project, user={"id": 1})])
    assert sorted(rows(database, "SELECT title, users FROM issues.issues")) == [("boom", 4), ("other", 1)]


def test_tags_release_and_environment_are_counted_by_issue(database):
    project = uuid4()
    events = [make(project=project, tags={"region": "eu"}, release="1.0", environment="prod") for _ in range(3)]
    PostgresIssueStore(database).record([*events, make(project=project, tags={"region": "us"})])
    found = rows(database, "SELECT key, value, count FROM issues.issue_tags ORDER BY 1, 2")
    assert found == [("environment", "prod", 3), ("region", "eu", 3), ("region", "us", 1), ("release", "1.0", 3)]


def test_a_tag_with_a_new_value_in_every_event_is_kept_up_to_a_limit(database, monkeypatch):
    monkeypatch.setattr("atlas_core.limits.TAG_VALUES_KEPT", 5)
    project, store = uuid4(), PostgresIssueStore(database)
    for start in (0, 10):
        store.record([make(project=project, tags={"request": str(start + n)}) for n in range(5)])
    store.record([make(project=project, tags={"request": "0"})])
    found = rows(database, "SELECT value, count FROM issues.issue_tags ORDER BY 1")
    assert found == [("0", 2), ("1", 1), ("2", 1), ("3", 1), ("4", 1)]


def test_releases_know_their_first_and_last_event_and_what_they_brought(database):
    project, store = uuid4(), PostgresIssueStore(database)
    store.record([make(project=project, release="1.0", age_s=50), make(project=project, release="1.0", age_s=10)])
    store.record([make("new in two", project=project, release="2.0"), make(project=project, release="2.0")])
    found = rows(database, "SELECT release, events, new_issues, last_seen - first_seen FROM issues.releases ORDER BY 1")
    assert found == [("1.0", 2, 1, timedelta(seconds=40)), ("2.0", 2, 1, timedelta(0))]


def test_events_of_a_discarded_fingerprint_are_dropped_and_counted(database):
    project, store = uuid4(), PostgresIssueStore(database)
    store.record([make(project=project)])
    with database.transaction() as connection:
        connection.execute(sqlalchemy.text("UPDATE issues.fingerprints SET discarded = true"))
    assert store.record([make(project=project), make(project=project)]) == []
    assert rows(database, "SELECT count FROM issues.issues") == [(1,)]
    assert rows(database, "SELECT reason, count FROM issues.drop_hours") == [("discarded", 2)]


def test_a_regression_is_told_again_when_its_batch_is_repeated(database):
    project, store = uuid4(), PostgresIssueStore(database)
    store.record([make(project=project, age_s=60)])
    with database.transaction() as connection:
        connection.execute(
            sqlalchemy.text("UPDATE issues.issues SET status = 'resolved', resolved_at = :at"),
            {"at": NOW - timedelta(seconds=30)},
        )
    late = [make(project=project, age_s=40)]
    assert [(u.status, u.episode, u.regressed) for u in store.record(late)] == [("resolved", 1, False)]
    batch = [make(project=project)]
    for _ in range(2):
        assert [(u.status, u.episode, u.regressed) for u in store.record(batch)] == [("open", 2, True)]
    assert rows(database, "SELECT kind FROM issues.activities") == [("regressed",)]


def test_an_ignored_issue_comes_back_at_its_limit_without_a_new_episode(database):
    project, store = uuid4(), PostgresIssueStore(database)
    store.record([make(project=project)])
    with database.transaction() as connection:
        connection.execute(sqlalchemy.text("UPDATE issues.issues SET status = 'ignored', ignored_until_count = 3"))
    assert [u.status for u in store.record([make(project=project)])] == ["ignored"]
    batch = [make(project=project)]
    for _ in range(2):
        assert [(u.status, u.episode, u.returned) for u in store.record(batch)] == [("open", 1, True)]
    assert [u.returned for u in store.record([make(project=project, age_s=-1)])] == [False]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_counts_and_rollups_are_exact_under_any_order_repeats_and_crashes(database, data):
    project, store = uuid4(), PostgresIssueStore(database)
    kinds = data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200), st.integers(0, 4)), max_size=30))
    events = [make(f"m{m}", project=project, age_s=60 * age, user={"id": user}) for m, age, user in kinds]
    batches = data.draw(st.lists(st.lists(st.sampled_from(events), max_size=12), max_size=6)) if events else []
    for batch in batches:
        store.record(batch)
    sent = {event.event_id: event for batch in batches for event in batch}
    counts = Counter(event.message for event in sent.values())
    users = {
        message: len({e.user["id"] for e in sent.values() if e.user and e.message == message}) for message in counts
    }
    found = rows(database, "SELECT title, count, users FROM issues.issues WHERE project_id = :p", p=project)
    assert {(title, count, number) for title, count, number in found} == {(m, counts[m], users[m]) for m in counts}
    hours = rows(
        database,
        "SELECT i.title, h.hour, h.count FROM issues.issue_hours h JOIN issues.issues i ON i.id = h.issue_id "
        "WHERE project_id = :p",
        p=project,
    )
    wanted = Counter((e.message, e.received_at.replace(minute=0, second=0)) for e in sent.values())
    assert {(title, hour): count for title, hour, count in hours} == dict(wanted)
