"""Counts what becomes of what is sent, in memory, and writes it down every few seconds.

Never on the request path: a crash loses the counts of the last seconds, never an event.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from atlas_core.errors import TransientError
from atlas_core.events import utc_now
from services.ingestion.rates import Rates

log = logging.getLogger(__name__)

EVERY_S: Final = 2.0
USED_EVERY_S: Final = 60.0
FORGET_EVERY_S: Final = 3_600.0
ACCEPTED: Final = "accepted"
_Key = tuple[UUID, datetime, str]


class OutcomeStore(Protocol):
    """Where counts are kept; each raises TransientError when it does not answer."""

    def add(self, counts: Mapping[_Key, int]) -> None:
        """Add counts by project, hour and outcome."""

    def accepted_since(self, project_ids: Collection[UUID], since: datetime) -> Mapping[UUID, int]:
        """Return how many events were accepted since then."""

    def forget(self, now: datetime) -> None:
        """Delete old counts."""


class KeyStore(Protocol):
    """Where keys are kept."""

    def mark_used(self, key_ids: Collection[UUID]) -> None:
        """Note that keys are in use now; raises TransientError when the store does not answer."""


class Ledger:
    """Keeps the counts of one process.

    Args:
        outcomes: Where they go.
        keys: Where the last use of a key goes.
        rates: Learns from what all processes have stored.
    """

    def __init__(self, outcomes: OutcomeStore, keys: KeyStore, rates: Rates) -> None:
        self._outcomes = outcomes
        self._keys = keys
        self._rates = rates
        self._lock = threading.Lock()
        self._counts: Counter[_Key] = Counter()
        self._hour = self._hour_ends = datetime.min.replace(tzinfo=utc_now().tzinfo)
        self._noted: dict[UUID, float] = {}
        self._used: set[UUID] = set()
        self._forget_at = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def count(self, project_id: UUID, outcome: str, number: int, at: datetime) -> None:
        """Count `number` events (or, where it is not known how many there were, requests)."""
        if at >= self._hour_ends:
            self._hour = at.replace(minute=0, second=0, microsecond=0)
            self._hour_ends = self._hour + timedelta(hours=1)
        with self._lock:
            self._counts[project_id, self._hour, outcome] += number

    def use(self, key_id: UUID | None) -> None:
        """Note that a key was used, at most once a minute."""
        now = time.monotonic()
        if key_id is not None and now - self._noted.get(key_id, -USED_EVERY_S) >= USED_EVERY_S:
            self._noted[key_id] = now
            with self._lock:
                self._used.add(key_id)

    def write(self) -> None:
        """Write down what was counted; what cannot be written now is written later."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            used, self._used = self._used, set()
        try:
            if counts:
                self._outcomes.add(counts)
                written, counts = counts, Counter()
                self._settle(written)
            if used:
                self._keys.mark_used(used)
                used = set()
            if time.monotonic() >= self._forget_at:
                self._outcomes.forget(utc_now())
                self._forget_at = time.monotonic() + FORGET_EVERY_S
        except TransientError as error:
            log.warning("what was counted is written later: %s", error)
            with self._lock:
                self._counts.update(counts)
                self._used |= used

    def close(self) -> None:
        """Write down the rest and stop; a second call does nothing."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            self.write()
        self.write()

    def _settle(self, counts: Mapping[_Key, int]) -> None:
        day, watched = self._rates.day, self._rates.watched()
        if not watched:
            return
        written: Counter[UUID] = Counter()
        for (project_id, hour, outcome), number in counts.items():
            if outcome == ACCEPTED and hour >= day:
                written[project_id] += number
        self._rates.settle(day, self._outcomes.accepted_since(watched, day), written)
