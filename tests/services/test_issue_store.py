"""The digest's transaction on a real PostgreSQL."""

import hashlib
import random
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy

from atlas_core.errors import NotFoundError, RejectedError, TransientError
from atlas_core.events import Event, Level
from atlas_core.search import Sort
from atlas_core.storage.database import Database
from atlas_core.storage.event_queries import EventQueries
from atlas_core.storage.issue_lists import IssueLists
from atlas_core.storage.issue_search import Asker
from atlas_core.storage.issues import PostgresIssueStore

pytestmark = pytest.mark.live

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PROJECT = UUID("00000000-0000-4000-8000-000000000001")


@pytest.fixture
def database(database_url: str):
    database = Database(database_url, pool_size=6)
    yield database
    database.close()


def make(
    message: str = "boom", *, project: UUID = PROJECT, level: Level = Level.ERROR, age_s: float = 0, **more
) -> Event:
    at = NOW - timedelta(seconds=age_s)
    return Event(
        project_id=project,
        event_id=uuid4(),
        source="api",
        level=level,
        message=message,
        timestamp=at,
        received_at=at,
        **more,
    )


def listed(database: Database):
    return IssueLists(database).page([PROJECT], (), Asker(PROJECT, NOW), sort=Sort.LAST_SEEN, limit=100)[0]


def record(database: Database, *events: Event):
    return PostgresIssueStore(database).record(events)


def test_the_same_message_is_one_issue_with_a_count(database):
    (update,) = record(database, make(age_s=2), make(age_s=1), make())
    (issue,) = listed(database)
    assert (update.count_before, update.count, update.episode) == (0, 3, 1)
    assert issue["count"] == 3
    assert issue["fingerprint"] == hashlib.sha256(b"boom").hexdigest()
    assert (issue["first_seen"], issue["last_seen"]) == (NOW - timedelta(seconds=2), NOW)


def test_a_repeat_changes_nothing_and_still_shows_where_it_began(database):
    first, second = [make(), make()], [make()]
    record(database, *first)
    record(database, *second)
    (again,) = record(database, *first)
    assert (again.count_before, again.count) == (0, 3)
    (issue,) = listed(database)
    assert issue["count"] == 3


def test_one_event_id_twice_in_a_batch_counts_once(database):
    event = make()
    (update,) = record(database, event, event)
    assert update.count == 1


def test_one_event_id_in_two_projects_counts_in_each(database):
    event = make()
    other = make(project=uuid4())
    other.event_id = event.event_id
    assert [update.count for update in record(database, event, other)] == [1, 1]


def test_the_worst_level_of_a_batch_is_told_apart_from_the_latest(database):
    (update,) = record(database, make(level=Level.CRITICAL, age_s=5), make(level=Level.WARNING))
    assert (update.level, update.worst_level) == (Level.WARNING, Level.CRITICAL)


def test_the_stack_trace_is_that_of_the_first_event_that_has_one(database):
    record(database, make())
    record(database, make(stack_trace="at main"))
    record(database, make(stack_trace="at other"))
    (issue,) = listed(database)
    assert issue["stack_trace"] == "at main"


def test_events_of_several_days_lie_in_partitions_of_their_day(database):
    record(database, make(age_s=0), make(age_s=86_400 * 3))
    with database.transaction() as connection:
        names = (
            connection.execute(
                sqlalchemy.text("SELECT DISTINCT tableoid::regclass::text FROM issues.events ORDER BY 1")
            )
            .scalars()
            .all()
        )
    assert len(names) == 2
    assert all("2026" in name for name in names)


def test_counts_are_exact_when_workers_record_the_same_events_at_once(database):
    rng = random.Random(4)
    events = [make(f"message {n % 17}") for n in range(600)]
    batches = [rng.sample(events, 200) for _ in range(16)] + [events]
    failures: list[Exception] = []

    def work(share: list[list[Event]]) -> None:
        for batch in share:
            try:
                record(database, *batch)
            except TransientError as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(batches[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record(database, *events)
    issues = listed(database)
    assert sum(issue["count"] for issue in issues) == 600
    with database.transaction() as connection:
        stored = connection.execute(
            sqlalchemy.text("SELECT count(*), count(DISTINCT event_id) FROM issues.events")
        ).one()
    assert tuple(stored) == (600, 600)


def test_a_resolved_issue_that_comes_back_is_open_in_a_new_episode(database):
    record(database, make())
    with database.transaction() as connection:
        connection.execute(sqlalchemy.text("UPDATE issues.issues SET status = 'resolved'"))
    (update,) = record(database, make())
    assert (update.status, update.episode) == ("open", 2)


def test_pages_of_events_are_whole_and_never_overlap(database):
    record(database, *[make(f"m{n % 3}", age_s=n % 5) for n in range(45)])
    queries, seen, cursor = EventQueries(database), [], None
    while True:
        page, cursor = queries.page(PROJECT, limit=10, cursor=cursor)
        seen += page
        if cursor is None:
            break
    assert len({event["event_id"] for event in seen}) == len(seen) == 45
    assert [event["received_at"] for event in seen] == sorted((event["received_at"] for event in seen), reverse=True)


def test_an_event_comes_back_whole(database):
    event = make("caf\u00e9 \U0001f600", tags={"a": "b"}, user={"id": "7"}, release="1.2")
    record(database, event)
    shown = EventQueries(database).event(PROJECT, event.event_id)
    assert (shown["message"], shown["tags"], shown["user"], shown["release"], shown["sequence"]) == (
        "caf\u00e9 \U0001f600", {"a": "b"}, {"id": "7"}, "1.2", 1,
    )  # fmt: skip


def test_another_projects_event_is_not_found(database):
    event = make()
    record(database, event)
    with pytest.raises(NotFoundError):
        EventQueries(database).event(uuid4(), event.event_id)


@pytest.mark.parametrize("cursor", ["x", "MjAyNg==", "%%%", ""])
def test_a_cursor_that_is_not_ours_is_refused(database, cursor):
    with pytest.raises(RejectedError):
        EventQueries(database).page(PROJECT, limit=5, cursor=cursor)
