"""What is counted is written down, later if it must be, and never twice."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from atlas_core.errors import TransientError
from services.ingestion import ledger as ledgers
from services.ingestion.ledger import ACCEPTED, Ledger
from services.ingestion.rates import Allowances, Rates
from tests.services.ingestion.door import MemoryOutcomes

PROJECT = UUID(int=1)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Shaky(MemoryOutcomes):
    """Answers only when it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.away: set[str] = set()

    def _answer(self, name: str) -> None:
        if name in self.away:
            raise TransientError("away")

    def add(self, counts) -> None:
        self._answer("add")
        super().add(counts)

    def accepted_since(self, project_ids, since) -> dict[UUID, int]:
        self._answer("accepted_since")
        return super().accepted_since(project_ids, since)

    def mark_used(self, key_ids) -> None:
        self._answer("mark_used")
        super().mark_used(key_ids)


@pytest.fixture
def store() -> Shaky:
    return Shaky()


@pytest.fixture
def kept(store: Shaky, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setattr(ledgers, "EVERY_S", 3_600)
    made = Ledger(store, store, Rates(Allowances(events_per_day=1_000)))
    yield made
    made.close()


def test_counts_are_kept_by_project_hour_and_outcome(kept, store):
    other = uuid4()
    kept.count(PROJECT, ACCEPTED, 3, NOON)
    kept.count(PROJECT, ACCEPTED, 4, NOON + timedelta(minutes=59))
    kept.count(PROJECT, "quota", 1, NOON + timedelta(minutes=60))
    kept.count(other, ACCEPTED, 2, NOON + timedelta(minutes=61))
    assert store.counts == {}
    kept.write()
    later = NOON + timedelta(hours=1)
    assert store.counts == {(PROJECT, NOON, ACCEPTED): 7, (PROJECT, later, "quota"): 1, (other, later, ACCEPTED): 2}


@pytest.mark.parametrize("away", [{"add"}, {"accepted_since"}, {"mark_used"}, {"add", "mark_used"}])
def test_what_cannot_be_written_is_written_once_when_it_can(kept, store, away):
    key = uuid4()
    store.away = away
    kept.count(PROJECT, ACCEPTED, 3, NOON)
    kept.use(key)
    kept.write()
    kept.count(PROJECT, ACCEPTED, 4, NOON)
    store.away = set()
    kept.write()
    kept.write()
    assert store.counts == {(PROJECT, NOON, ACCEPTED): 7}
    assert store.used == [key]


def test_a_key_in_use_is_noted_once_a_minute(kept, store, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(ledgers.time, "monotonic", lambda: now[0])
    key = uuid4()
    for _ in range(10):
        now[0] += 7
        kept.use(key)
        kept.write()
    assert store.used == [key, key]


def test_no_count_is_lost_between_threads(kept, store):
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            kept.write()

    writer = threading.Thread(target=write)
    writer.start()
    for n in range(20_000):
        kept.count(PROJECT, ACCEPTED if n % 3 else "quota", 1, NOON)
    stop.set()
    writer.join()
    kept.write()
    assert Counter(store.counts).total() == 20_000


def test_the_end_writes_the_rest(store):
    made = Ledger(store, store, Rates(Allowances()))
    made.count(PROJECT, ACCEPTED, 1, NOON)
    made.close()
    made.close()
    assert store.counts == {(PROJECT, NOON, ACCEPTED): 1}
