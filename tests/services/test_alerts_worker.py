"""However issue updates are batched, doubled or interrupted, a rule speaks once for each issue and episode."""

import random
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.conditions import Condition, CountThreshold, CriticalError, NewIssue
from atlas_core.errors import TransientError
from atlas_core.events import Level
from atlas_core.storage.memory import MemoryAlertStore
from atlas_core.testing import MemoryAtlas, make_event
from services.alerts.worker import AlertsWorker

CONDITIONS: tuple[Condition, ...] = (NewIssue(), CriticalError(), CountThreshold(threshold=3))


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def notify(self, firing, idempotency_key):
        assert str(firing.issue_id) in idempotency_key
        self.keys.append(idempotency_key)


class Away(MemoryAlertStore):
    """Is away, before or after it wrote, when it is told to be."""

    def __init__(self, rules, failures) -> None:
        super().__init__(rules)
        self._failures = iter(failures)

    def add(self, firings):
        failure = next(self._failures, None)
        if failure == "before":
            raise TransientError("away")
        return super().add(firings)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(list(Level))), max_size=25),
    st.integers(0, 2**32),
    st.lists(st.sampled_from([None, "before"]), max_size=10),
)
def test_a_rule_speaks_once_for_what_happened_however_it_was_batched(happened, seed, failures):
    rng = random.Random(seed)
    atlas = MemoryAtlas()
    rules = [atlas.add_rule(condition) for condition in CONDITIONS]
    told = Told()
    store = Away(rules, failures)
    worker = AlertsWorker(store, [told])
    left = [make_event(message, level=level) for message, level in happened]
    while left:
        size = rng.randint(1, 5)
        batch, left = left[:size], left[size:]
        updates = atlas.issues.record(batch)
        for _ in range(rng.choice((1, 1, 2))):  # a batch that was handled may come again
            deliver(worker, updates)
    assert sorted(told.keys) == sorted(expected(atlas, rules, happened))
    assert len(store.alerts) == len(told.keys)


def deliver(worker: AlertsWorker, updates) -> None:
    for _ in range(20):
        try:
            worker.handle(updates)
        except TransientError:
            continue
        return


def expected(atlas, rules, happened) -> list[str]:
    new, critical, many = (rule.id for rule in rules)
    keys = []
    for issue in atlas.issues.issues.values():
        levels = [level for message, level in happened if message == issue.title]
        keys.append(f"{new}:{issue.id}:1")
        keys += [f"{critical}:{issue.id}:1"] if {Level.ERROR, Level.CRITICAL} & set(levels) else []
        keys += [f"{many}:{issue.id}:1"] if len(levels) > 3 else []
    return keys


def test_a_rule_of_another_project_and_one_that_is_off_say_nothing():
    atlas = MemoryAtlas()
    foreign, off = atlas.add_rule(NewIssue(), project_id=uuid4()), atlas.add_rule(NewIssue())
    off.is_active = False
    told = Told()
    worker = AlertsWorker(MemoryAlertStore([foreign, off]), [told])
    worker.handle(atlas.issues.record([make_event()]))
    assert told.keys == []
    worker.handle(atlas.issues.record([make_event(project_id=foreign.project_id)]))
    assert len(told.keys) == 1


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_message_of_an_alert_names_the_issue(condition):
    atlas = MemoryAtlas()
    rule = atlas.add_rule(condition)
    store = MemoryAlertStore([rule])
    AlertsWorker(store, []).handle(
        atlas.issues.record([make_event("disk full", level=Level.CRITICAL) for _ in range(9)])
    )
    (firing,) = store.alerts.values()
    assert "disk full" in firing.message
