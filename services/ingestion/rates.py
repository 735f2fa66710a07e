"""How much a key and a project may send: a token bucket, a quota for each day, and an end to floods."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from atlas_core.errors import AtlasError
from atlas_core.projects import KeyOwner

K = TypeVar("K")
V = TypeVar("V")

BURST_S: Final = 10
WINDOW_MINUTES: Final = 5
BASELINE_MINUTES: Final = 60
SPIKE_FACTOR: Final = 10
_LONGEST_S: Final = 3_600
_FLOOD_PAUSE_S: Final = 60
_KEPT: Final = 50_000


class LimitedError(AtlasError):
    """More than may be sent; 429. `reason` is the outcome that it counts as."""

    def __init__(self, text: str, reason: str, retry_after_s: float) -> None:
        super().__init__(text)
        self.reason = reason
        self.retry_after_s = max(1, min(_LONGEST_S, math.ceil(retry_after_s)))


class Allowances(msgspec.Struct, frozen=True):
    """What holds where a project says nothing; 0 is no limit.

    `rate_per_s` is for each key, `events_per_day` for a project (days are UTC's). `flood_events` is what a project may
    send in five minutes whatever it sent before: only above it, and above ten times its own last hour, is it cut off.
    """

    rate_per_s: int = 0
    events_per_day: int = 0
    flood_events: int = 0


class Rates:
    """Holds the limits of one process. Use from one event loop.

    Several processes share a day's quota by what is stored, seconds late; buckets and floods are each process's own.

    Args:
        allowances: What holds where a project says nothing.
        clock: Seconds, monotonic.
        now: The time in UTC.
    """

    def __init__(
        self,
        allowances: Allowances,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._allowances = allowances
        self._clock = clock
        self._now = now
        self._buckets: dict[UUID | None, _Bucket] = {}
        self._days: dict[UUID, _Day] = {}
        self._floods: dict[UUID, _Flood] = {}
        self._settled: deque[tuple[datetime, Mapping[UUID, int], Mapping[UUID, int]]] = deque()

    def check(self, owner: KeyOwner) -> None:
        """Return if the key may send.

        Raises:
            LimitedError: It may not, now.
        """
        while self._settled:
            self._settle(*self._settled.popleft())
        rate = _first(owner.rate_per_s, self._allowances.rate_per_s)
        bucket = self._buckets.get(owner.key_id)
        if rate and bucket and (wait_s := bucket.wait_s(rate, self._clock())) > 0:
            raise LimitedError(f"this key may send {rate:,} events a second", "rate_limit", wait_s)
        quota = _first(owner.events_per_day, self._allowances.events_per_day)
        day = self._days.get(owner.project_id)
        if quota and day and day.used(self._now()) >= quota:
            left_s = (_midnight(self._now()) + timedelta(days=1) - self._now()).total_seconds()
            raise LimitedError(f"this project may send {quota:,} events a day (UTC)", "quota", left_s)
        flood = self._floods.get(owner.project_id)
        if flood and flood.is_on(self._allowances.flood_events, self._clock()):
            raise LimitedError("this project sends far more than it ever did", "spike", _FLOOD_PAUSE_S)

    def take(self, owner: KeyOwner, events: int) -> None:
        """Count what a key has sent; it may have been more than was left, and then is owed."""
        if rate := _first(owner.rate_per_s, self._allowances.rate_per_s):
            _kept(self._buckets, owner.key_id, _Bucket).take(rate, events, self._clock())
        if _first(owner.events_per_day, self._allowances.events_per_day):
            _kept(self._days, owner.project_id, _Day).take(events, self._now())
        if self._allowances.flood_events:
            _kept(self._floods, owner.project_id, _Flood).take(events, self._clock())

    @property
    def day(self) -> datetime:
        """When today began."""
        return _midnight(self._now())

    def watched(self) -> list[UUID]:
        """Return the projects that have a quota and used some of it here."""
        return list(self._days)

    def settle(self, day: datetime, stored: Mapping[UUID, int], written: Mapping[UUID, int]) -> None:
        """Learn what all processes together have stored for a day, `written` of it being ours just now.

        The one function that another thread may call.
        """
        self._settled.append((day, stored, written))

    def _settle(self, day: datetime, stored: Mapping[UUID, int], written: Mapping[UUID, int]) -> None:
        for project_id, total in stored.items():
            if project_id in self._days:
                self._days[project_id].settle(day, total, written.get(project_id, 0))


class _Bucket:
    """Tokens that come back at a rate, up to `BURST_S` of it."""

    def __init__(self) -> None:
        self._tokens: float | None = None
        self._at = 0.0

    def wait_s(self, rate: int, now: float) -> float:
        return (1 - self._filled(rate, now)) / rate

    def take(self, rate: int, events: int, now: float) -> None:
        self._tokens = self._filled(rate, now) - events
        self._at = now

    def _filled(self, rate: int, now: float) -> float:
        full = float(rate * BURST_S)
        return full if self._tokens is None else min(full, self._tokens + (now - self._at) * rate)


class _Day:
    """What a project has used of its quota today: what is stored, and what is not yet."""

    def __init__(self) -> None:
        self._day: datetime | None = None
        self._stored = 0
        self._unwritten = 0

    def used(self, now: datetime) -> int:
        return self._stored + self._unwritten if self._day == _midnight(now) else 0

    def take(self, events: int, now: datetime) -> None:
        self._begin(_midnight(now))
        self._unwritten += events

    def settle(self, day: datetime, stored: int, written: int) -> None:
        if day == self._day:
            self._stored = stored
            self._unwritten = max(0, self._unwritten - written)

    def _begin(self, day: datetime) -> None:
        if day != self._day:
            self._day, self._stored, self._unwritten = day, 0, 0


class _Flood:
    """What a project sent in the last minutes, and what it usually sends in as many."""

    def __init__(self) -> None:
        self._minute = -1
        self._counts: deque[int] = deque([0], maxlen=WINDOW_MINUTES)
        self._usual = 0.0

    def is_on(self, floor: int, now: float) -> bool:
        self._roll(now)
        return floor > 0 and sum(self._counts) >= max(floor, SPIKE_FACTOR * self._usual)

    def take(self, events: int, now: float) -> None:
        self._roll(now)
        self._counts[-1] += events

    def _roll(self, now: float) -> None:
        minute = int(now // 60)
        if self._minute < 0:
            self._minute = minute
        for _ in range(min(minute - self._minute, BASELINE_MINUTES * 10)):
            self._usual += (sum(self._counts) - self._usual) / BASELINE_MINUTES
            self._counts.append(0)
        self._minute = max(self._minute, minute)


def _first(own: int | None, common: int) -> int:
    return common if own is None else own


def _kept(known: dict[K, V], key: K, make: Callable[[], V]) -> V:
    if key not in known:
        if len(known) >= _KEPT:
            known.clear()
        known[key] = make()
    return known[key]


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
