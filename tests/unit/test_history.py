"""The seeded history: the same seed is the same history, and its shape is that of a shop's bad day."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from atlas_core.events import Level
from atlas_core.protocols import native
from data.history import ERRORS, history

UNTIL = datetime(2026, 11, 25, 8, tzinfo=UTC)


def made(count: int = 500, seed: int = 7, until: datetime = UNTIL) -> list[dict]:
    return list(history(count, seed=seed, until=until))


def test_the_same_seed_makes_the_same_events_and_another_does_not():
    assert made() == made()
    assert made() != made(seed=8)


def test_another_end_moves_the_times_and_nothing_else():
    later = made(until=UNTIL + timedelta(hours=1))
    for event, moved in zip(made(), later, strict=True):
        shift = datetime.fromisoformat(moved["timestamp"]) - datetime.fromisoformat(event["timestamp"])
        assert abs(shift - timedelta(hours=1)) < timedelta(milliseconds=1)
        assert {**event, "timestamp": ""} == {**moved, "timestamp": ""}


@pytest.mark.parametrize("count", [0, 1, 500])
def test_it_is_as_long_as_was_asked_and_every_event_has_an_id_of_its_own(count):
    events = made(count)
    assert len(events) == len({UUID(event["event_id"]) for event in events}) == count


def test_it_runs_over_the_day_before_its_end_oldest_first():
    times = [datetime.fromisoformat(event["timestamp"]) for event in made()]
    assert times == sorted(times)
    assert times[0] > UNTIL - timedelta(days=1)
    assert times[-1] <= UNTIL


def test_one_error_bursts_in_the_last_hour():
    recent = Counter(
        event["message"]
        for event in made(2_000)
        if datetime.fromisoformat(event["timestamp"]) > UNTIL - timedelta(hours=1)
    )
    assert recent.most_common(1)[0][0] == "payment provider refused the connection"


def test_every_kind_of_error_comes_and_nothing_else():
    assert {event["message"] for event in made(5_000)} == {error[3] for error in ERRORS}


def test_it_is_json_and_the_native_api_takes_every_event_as_it_is():
    for event in made(200):
        read = native.parse(json.dumps(event).encode(), UUID(int=1), UNTIL)
        assert (read.event_id, read.message, read.level) == (
            UUID(event["event_id"]), event["message"], Level(event["level"]),
        )  # fmt: skip
        assert read.repairs == []
