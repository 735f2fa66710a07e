"""The big seeded history that figures are measured on."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from data.bulk import DAYS, bulk_events

UNTIL = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_the_same_seed_gives_the_same_events_and_another_seed_others():
    first, again, other = (
        list(itertools.islice(bulk_events(3_000, seed=seed, until=UNTIL, issues=500), 200)) for seed in (7, 7, 8)
    )
    assert first == again
    assert {event.event_id for event in first}.isdisjoint(event.event_id for event in other)


@pytest.mark.slow
def test_there_are_as_many_events_and_about_as_many_messages_as_asked_for():
    events = list(bulk_events(20_000, seed=7, until=UNTIL, issues=2_000))
    assert len({event.event_id for event in events}) == len(events) == 20_000
    assert 1_600 < len({event.message for event in events}) <= 2_000
    assert len({event.type for event in events}) > 40


@pytest.mark.slow
def test_events_come_in_order_over_a_month_with_nights_and_incidents():
    events = list(bulk_events(20_000, seed=7, until=UNTIL, issues=2_000))
    times = [event.received_at for event in events]
    assert times == sorted(times)
    assert UNTIL - timedelta(days=DAYS + 1) < times[0] < times[-1] <= UNTIL
    hours = Counter(at.replace(minute=0, second=0, microsecond=0) for at in times)
    calm = sorted(hours.values())
    assert calm[-3] > 3 * calm[len(calm) // 2]
    by_clock = Counter(at.hour for at in times)
    assert max(by_clock.values()) > 2 * min(by_clock.values())
