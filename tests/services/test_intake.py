"""The balance of a project: accepted = stored + in flight + dropped by reason, always."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from atlas_core.errors import TransientError
from atlas_core.events import Event, Level
from atlas_core.ports import Delivery, Message
from atlas_core.runner import Worker
from atlas_core.storage.database import Database
from atlas_core.storage.intake_queries import IntakeHour, IntakeQueries
from atlas_core.storage.issues import PostgresIssueStore
from atlas_core.storage.outcomes import KEPT, PostgresOutcomes
from atlas_core.transports.postgres import PostgresConsumer, PostgresPublisher
from services.issues.dead_letters import DeadLetters

PROJECT = UUID("00000000-0000-4000-8000-000000000001")
NOW = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
HOUR = NOW.replace(minute=0)
BEFORE = HOUR - timedelta(hours=1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url, pool_size=2)
    yield made
    made.close()


@pytest.fixture
def outcomes(database: Database) -> PostgresOutcomes:
    return PostgresOutcomes(database)


def balance(database: Database, lag: int = 0, hours: int = 3, project: UUID = PROJECT) -> list[IntakeHour]:
    found = IntakeQueries(database, lambda: lag).hours(project, hours, NOW)
    for hour in found:
        assert hour.accepted == hour.stored + hour.in_flight + sum(hour.dropped.values())
    return found


def store(database: Database, number: int, at: datetime = NOW, project: UUID = PROJECT) -> list[Event]:
    events = [
        Event(project_id=project, event_id=uuid4(), source="api", level=Level.ERROR, message="m", timestamp=at,
              received_at=at)
        for _ in range(number)
    ]  # fmt: skip
    PostgresIssueStore(database).record(events)
    return events


def test_a_project_without_events_has_hours_of_nothing(database):
    assert balance(database) == [IntakeHour(HOUR - timedelta(hours=n), 0, 0, 0, {}, {}) for n in range(3)]


def test_what_is_stored_balances_what_was_accepted_and_the_rest_came_twice(database, outcomes):
    outcomes.add({(PROJECT, HOUR, "accepted"): 10, (PROJECT, BEFORE, "accepted"): 5, (PROJECT, HOUR, "quota"): 2})
    outcomes.add({(PROJECT, HOUR, "quota"): 1, (uuid4(), HOUR, "accepted"): 7})
    store(database, 8)
    store(database, 5, NOW - timedelta(hours=1))
    now, before, _ = balance(database)
    assert (now.accepted, now.stored, now.in_flight, now.dropped, now.refused) == (
        10,
        8,
        0,
        {"repeated": 2},
        {"quota": 3},
    )
    assert (before.accepted, before.stored, before.dropped) == (5, 5, {})


def test_what_waits_is_in_flight_the_newest_first(database, outcomes):
    outcomes.add({(PROJECT, HOUR, "accepted"): 10, (PROJECT, BEFORE, "accepted"): 10})
    now, before, _ = balance(database, lag=14)
    assert (now.in_flight, before.in_flight, before.dropped) == (10, 4, {"repeated": 6})


def test_what_waits_is_in_flight_although_the_worker_has_stopped(database, outcomes, database_url):
    consumer = PostgresConsumer(database_url, "events", 2, "g")
    worker = Worker("events", "g", consumer, bytes, lambda _: None)
    worker.start()
    worker.stop()
    worker.join(10)
    publisher = PostgresPublisher(database_url, "events", 2)
    publisher.publish([Message(b"k", b"an event")])
    publisher.close()
    outcomes.add({(PROJECT, HOUR, "accepted"): 3})
    store(database, 1)
    now = IntakeQueries(database, worker.lag).hours(PROJECT, 1, NOW)[0]
    assert (now.accepted, now.stored, now.in_flight, now.dropped) == (3, 1, 1, {"repeated": 1})


def test_while_nobody_knows_what_waits_it_is_said_and_nothing_is_taken_for_a_repeat(database, outcomes):
    def lag() -> int:
        raise TransientError("Kafka does not answer")

    outcomes.add({(PROJECT, HOUR, "accepted"): 10, (PROJECT, BEFORE, "accepted"): 5})
    store(database, 8)
    store(database, 5, BEFORE)
    now, before = IntakeQueries(database, lag).hours(PROJECT, 2, NOW)
    assert (now.in_flight, now.in_flight_is_known, now.dropped) == (2, False, {})
    assert (before.in_flight, before.in_flight_is_known) == (0, True)


def test_what_others_have_waiting_is_not_ours(database, outcomes):
    outcomes.add({(PROJECT, HOUR, "accepted"): 3})
    store(database, 3)
    assert balance(database, lag=1_000)[0].in_flight == 0


def test_a_dead_letter_is_told_by_its_project(database, outcomes):
    outcomes.add({(PROJECT, datetime.now(UTC).replace(minute=0, second=0, microsecond=0), "accepted"): 2})
    letters = DeadLetters(database)
    for key in (PROJECT.bytes + b"12345678", PROJECT.bytes, b"short", b""):
        letters.count(Delivery(b"poison", key, 1, None))
    found = IntakeQueries(database, lambda: 0).hours(PROJECT, 2, datetime.now(UTC))
    assert sum(hour.dropped.get("dead_letter", 0) for hour in found) == 2


def test_counts_that_were_not_written_down_leave_no_hole(database):
    store(database, 4)
    now, *_ = balance(database)
    assert (now.accepted, now.stored) == (4, 4)


def test_a_dead_letter_costs_no_consumer_when_the_database_is_away():
    away = Database("postgresql://nobody@127.0.0.1:9/none", pool_size=1)
    DeadLetters(away).count(Delivery(b"poison", PROJECT.bytes, 1, None))
    away.close()


def test_what_is_old_is_forgotten(outcomes, database_url):
    outcomes.add({(PROJECT, HOUR - KEPT - timedelta(hours=2), "accepted"): 1, (PROJECT, HOUR, "accepted"): 1})
    outcomes.forget(NOW)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT hour FROM ingestion.outcomes").fetchall() == [(HOUR,)]


def test_what_was_accepted_since_is_summed_for_those_who_are_asked_for(outcomes):
    other = uuid4()
    outcomes.add({(PROJECT, HOUR, "accepted"): 3, (PROJECT, BEFORE, "accepted"): 4, (PROJECT, HOUR, "quota"): 9})
    outcomes.add({(other, HOUR, "accepted"): 5})
    assert outcomes.accepted_since([PROJECT], BEFORE) == {PROJECT: 7}
    assert outcomes.accepted_since([PROJECT, other, uuid4()], HOUR) == {PROJECT: 3, other: 5}
    assert outcomes.accepted_since([], HOUR) == {}


def test_nothing_to_add_adds_nothing(outcomes):
    outcomes.add({})
