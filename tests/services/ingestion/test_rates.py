"""Limits: a bucket for each key, a quota for each project, an end to floods."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from atlas_core.projects import KeyOwner
from services.ingestion.rates import Allowances, LimitedError, Rates

PROJECT = UUID(int=1)
KEY = UUID(int=2)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = NOON.replace(hour=0)


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds - 1_000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rates(clock: Clock, **allowed: int) -> Rates:
    return Rates(Allowances(**allowed), clock, clock.now)


def refusal(limited: Rates, owner: KeyOwner) -> LimitedError | None:
    try:
        limited.check(owner)
    except LimitedError as error:
        return error
    return None


def sent(limited: Rates, owner: KeyOwner, events: int = 1, tries: int = 1) -> int:
    """Try so often; return how many events came through."""
    taken = 0
    for _ in range(tries):
        if refusal(limited, owner) is None:
            limited.take(owner, events)
            taken += events
    return taken


def owner(**more: int | None) -> KeyOwner:
    return KeyOwner(PROJECT, 1, KEY, **more)


def test_a_key_sends_ten_seconds_of_its_rate_at_once_and_then_its_rate(clock):
    limited = rates(clock, rate_per_s=5)
    assert sent(limited, owner(), tries=100) == 50
    clock.seconds += 2
    assert sent(limited, owner(), tries=100) == 10


def test_a_batch_past_what_is_left_is_taken_and_owed(clock):
    limited = rates(clock, rate_per_s=5)
    assert sent(limited, owner(), events=500) == 500
    found = refusal(limited, owner())
    assert found is not None
    assert (found.reason, found.retry_after_s) == ("rate_limit", 91)
    clock.seconds += 90
    assert refusal(limited, owner()) is not None
    clock.seconds += 1
    assert refusal(limited, owner()) is None


@pytest.mark.parametrize(
    ("rate", "events", "wait_s"), [(1_000_000, 20_000_000, 11), (5, 10**9, 3_600), (100, 1_000, 1)]
)
def test_when_to_try_again_is_a_whole_number_of_seconds_from_one_to_an_hour(clock, rate, events, wait_s):
    limited = rates(clock, rate_per_s=rate)
    sent(limited, owner(), events=events)
    found = refusal(limited, owner())
    assert found is not None
    assert found.retry_after_s == wait_s


def test_each_key_has_a_bucket_of_its_own_and_a_project_its_own_rate(clock):
    limited = rates(clock, rate_per_s=5)
    other = KeyOwner(PROJECT, 1, uuid4())
    assert sent(limited, owner(), tries=100) == sent(limited, other, tries=100) == 50
    assert sent(limited, KeyOwner(PROJECT, 1, uuid4(), rate_per_s=1), tries=100) == 10
    assert sent(limited, KeyOwner(PROJECT, 1, uuid4(), rate_per_s=0), tries=100) == 100


def test_without_limits_nothing_is_limited(clock):
    limited = rates(clock)
    assert sent(limited, owner(), events=10**9, tries=10) == 10**10


def test_a_quota_ends_with_the_day_in_utc(clock):
    limited = rates(clock, events_per_day=100)
    assert sent(limited, owner(), tries=1_000) == 100
    found = refusal(limited, owner())
    assert found is not None
    assert (found.reason, found.retry_after_s) == ("quota", 3_600)
    clock.seconds += 11.9 * 3_600
    found = refusal(limited, owner())
    assert found is not None
    assert found.retry_after_s == 360
    clock.seconds += 361
    assert sent(limited, owner(), tries=1_000) == 100


def test_all_keys_of_a_project_share_its_quota_and_a_project_has_its_own(clock):
    limited = rates(clock, events_per_day=100)
    assert sent(limited, owner(), tries=60) == 60
    assert sent(limited, KeyOwner(PROJECT, 1, uuid4()), tries=60) == 40
    assert sent(limited, KeyOwner(uuid4(), 2, uuid4(), events_per_day=7), tries=60) == 7
    assert sent(limited, KeyOwner(uuid4(), 3, uuid4(), events_per_day=0), tries=600) == 600


def test_what_other_processes_have_stored_counts_too(clock):
    limited = rates(clock, events_per_day=100)
    sent(limited, owner(), tries=10)
    limited.settle(DAY, {PROJECT: 95}, {PROJECT: 10})
    assert sent(limited, owner(), tries=100) == 5
    limited.settle(DAY - timedelta(days=1), {PROJECT: 0}, {})
    assert refusal(limited, owner()) is not None


def test_what_is_not_written_yet_is_not_forgotten(clock):
    limited = rates(clock, events_per_day=100)
    sent(limited, owner(), tries=10)
    assert limited.watched() == [PROJECT]
    sent(limited, owner(), tries=20)
    limited.settle(DAY, {PROJECT: 10}, {PROJECT: 10})
    assert sent(limited, owner(), tries=100) == 70


def test_a_flood_ends_above_the_floor_and_goes_on_when_its_minutes_are_over(clock):
    limited = rates(clock, flood_events=1_000)
    assert sent(limited, owner(), events=100, tries=50) == 1_000
    found = refusal(limited, owner())
    assert found is not None
    assert (found.reason, found.retry_after_s) == ("spike", 60)
    clock.seconds += 4 * 60
    assert refusal(limited, owner()) is not None
    clock.seconds += 60
    assert refusal(limited, owner()) is None


def test_a_project_that_always_sends_much_may_send_ten_times_as_much(clock):
    limited = rates(clock, flood_events=1_000)
    for _ in range(10 * 60):
        clock.seconds += 60
        assert sent(limited, owner(), events=190) == 190
    assert sent(limited, owner(), events=100, tries=200) == pytest.approx(9_500 - 5 * 190, abs=200)
    assert refusal(limited, owner()) is not None


def test_a_project_after_a_long_silence_starts_anew(clock):
    limited = rates(clock, flood_events=1_000)
    sent(limited, owner(), events=900)
    clock.seconds += 40 * 86_400
    assert sent(limited, owner(), events=100, tries=50) == 1_000
