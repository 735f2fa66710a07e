"""The stores in memory and on PostgreSQL keep the same promises."""

import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from atlas_core.actions import Edit, Resolve
from atlas_core.alerts import AlertRule, Firing
from atlas_core.conditions import Condition, CountThreshold, CriticalError, NewIssue, Regression
from atlas_core.errors import TransientError
from atlas_core.events import Event, Level
from atlas_core.insights import Answer, InsightJob, InsightState, Reply
from atlas_core.issues import IssueUpdate, Status
from atlas_core.ports import AlertStore, InsightStore, IssueStore
from atlas_core.storage.alerts import PostgresAlertStore
from atlas_core.storage.database import Database
from atlas_core.storage.identity import IdentityStore
from atlas_core.storage.insights import BACKOFF_S, RING_S, WAIT_S, PostgresInsightStore
from atlas_core.storage.issue_actions import PostgresIssueActions
from atlas_core.storage.issues import PostgresIssueStore
from atlas_core.storage.memory import MemoryAlertStore, MemoryInsightStore, MemoryIssueStore
from atlas_core.testing import make_event
from atlas_core.workflow import Standing

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PROJECT, OTHER = UUID(int=1), UUID(int=2)
LEASE_S = 100


class Memory:
    """The stores in memory, and what goes on around them."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.issues: IssueStore = (issues := MemoryIssueStore())
        self.alerts: AlertStore = (alerts := MemoryAlertStore())
        self.insights: InsightStore = (insights := MemoryInsightStore(lambda: self.now_s))
        self._issues, self._alerts, self._insights = issues, alerts, insights

    def resolve(self, update: IssueUpdate) -> None:
        self._issues.issues[update.issue_id].standing = Standing(
            status=Status.RESOLVED, episode=update.episode, resolved_at=NOW
        )

    def add_rule(self, project_id: UUID, condition: Condition, *, is_active: bool = True) -> UUID:
        rule = AlertRule(
            id=uuid4(), project_id=project_id, name="r", condition=condition, is_active=is_active, created_at=NOW,
            updated_at=NOW,
        )  # fmt: skip
        self._alerts.rules.append(rule)
        return rule.id

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds

    def progress(self, issue_id: UUID) -> tuple[str, int, str]:
        kept = self._insights.insights[issue_id]
        return kept.state, kept.attempts, kept.reason

    def written(self, issue_id: UUID) -> tuple[str, str]:
        kept = self._insights.insights[issue_id]
        assert kept.answer is not None
        assert kept.reply is not None
        return kept.answer.summary, kept.reply.model


class Postgres:
    """The stores on PostgreSQL, and what goes on around them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.issues: IssueStore = PostgresIssueStore(database)
        self.alerts: AlertStore = (alerts := PostgresAlertStore(database))
        self.insights: InsightStore = (insights := PostgresInsightStore(database))
        self._alerts, self._insights = alerts, insights
        self._user = IdentityStore(database).add_user("ann@example.org", "hash")

    def resolve(self, update: IssueUpdate) -> None:
        edit = Edit(move=Resolve())
        PostgresIssueActions(self._database).apply(update.project_id, self._user, {update.issue_id: None}, edit)
        self._run("UPDATE issues.issues SET resolved_at = :at", at=NOW)

    def add_rule(self, project_id: UUID, condition: Condition, *, is_active: bool = True) -> UUID:
        rule_id: UUID = self._alerts.add_rule(project_id, "r", condition)["id"]
        self._run("UPDATE alerts.rules SET is_active = :active WHERE id = :rule", active=is_active, rule=rule_id)
        return rule_id

    def pass_time(self, seconds: float) -> None:
        self._run("UPDATE intelligence.insights SET due_at = due_at - make_interval(secs => :s)", s=seconds)

    def progress(self, issue_id: UUID) -> tuple[str, int, str]:
        found = self._insights.of_issue(issue_id)
        assert found is not None
        return found["state"], found["attempts"], found["reason"]

    def written(self, issue_id: UUID) -> tuple[str, str]:
        found = self._insights.of_issue(issue_id)
        assert found is not None
        return found["summary"], found["model_used"]

    def _run(self, query: str, **values: object) -> None:
        with self._database.transaction() as connection:
            connection.execute(text(query), values)


Stores = Memory | Postgres


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    if request.param == "memory":
        yield Memory()
        return
    database = Database(request.getfixturevalue("database_url"), pool_size=8)
    yield Postgres(database)
    database.close()


def event(message: str = "boom", *, project: UUID = PROJECT, after_s: float = 0, **more) -> Event:
    return make_event(message, at=NOW + timedelta(seconds=after_s), **{"project_id": project, **more})


def told(updates: list[IssueUpdate]) -> set[tuple[object, ...]]:
    """What updates say, without what differs between two stores."""
    return {
        (u.project_id, u.title, u.level, u.worst_level, u.count_before, u.count, u.episode, u.status, u.stack_trace,
         u.regressed, u.returned)
        for u in updates
    }  # fmt: skip


def test_the_same_message_is_one_issue_and_its_update_spans_the_batch(stores: Stores):
    (first,) = stores.issues.record([event(), event()])
    (second,) = stores.issues.record([event(after_s=1)])
    assert (first.count_before, first.count, second.count_before, second.count) == (0, 2, 2, 3)
    assert first.issue_id == second.issue_id
    assert (first.status, first.episode, first.title) == (Status.OPEN, 1, "boom")


def test_a_repeat_changes_nothing_and_tells_the_crossing_of_the_first_time(stores: Stores):
    batch = [event(), event()]
    stores.issues.record(batch)
    stores.issues.record([event()])
    (again,) = stores.issues.record(batch)
    assert (again.count_before, again.count) == (0, 3)


def test_an_event_counts_once_in_a_batch_and_once_in_each_project(stores: Stores):
    one = event()
    other = event(project=OTHER, event_id=one.event_id)
    assert {(u.project_id, u.count) for u in stores.issues.record([one, one, other])} == {(PROJECT, 1), (OTHER, 1)}


def test_nothing_recorded_is_nothing_told(stores: Stores):
    assert stores.issues.record([]) == []


def test_the_worst_level_of_a_batch_is_told_apart_from_the_latest(stores: Stores):
    (update,) = stores.issues.record([event(level=Level.CRITICAL), event(level=Level.INFO, after_s=1)])
    assert (update.worst_level, update.level) == (Level.CRITICAL, Level.INFO)
    (late,) = stores.issues.record([event(level=Level.WARNING, after_s=-5)])
    assert (late.worst_level, late.level) == (Level.WARNING, Level.INFO)


def test_a_resolved_issue_that_comes_back_begins_an_episode(stores: Stores):
    (update,) = stores.issues.record([event()])
    stores.resolve(update)
    back = event(after_s=60)
    (regressed,) = stores.issues.record([back])
    assert (regressed.status, regressed.episode, regressed.regressed) == (Status.OPEN, 2, True)
    (again,) = stores.issues.record([back])
    assert (again.episode, again.regressed, again.count) == (2, True, 2)
    (later,) = stores.issues.record([event(after_s=61)])
    assert [Regression().met(told) for told in (update, regressed, again, later)] == [False, True, True, False]


def test_both_stores_tell_the_same_of_any_history(database_url):
    rng = random.Random(11)
    events = [
        event(
            f"message {rng.randrange(12)}",
            project=rng.choice((PROJECT, OTHER)),
            after_s=n,
            level=rng.choice(list(Level)),
            stack_trace=rng.choice(("", "at main")),
            release=rng.choice((None, "1.0", "1.1")),
            user=rng.choice((None, {"id": "7"})),
        )
        for n in range(300)
    ]
    database = Database(database_url, pool_size=2)
    memory, postgres = MemoryIssueStore(), PostgresIssueStore(database)
    for _ in range(60):
        batch = rng.choices(events, k=rng.randrange(1, 25))
        assert told(memory.record(batch)) == told(postgres.record(batch))
    database.close()


def test_counts_are_exact_when_two_record_the_same_events(stores: Stores):
    events = [event(f"message {n % 7}", after_s=n) for n in range(200)]

    def work(seed: int) -> None:
        shuffled = random.Random(seed).sample(events, len(events))
        for start in range(0, len(shuffled), 50):
            for _ in range(20):
                try:
                    stores.issues.record(shuffled[start : start + 50])
                except TransientError:
                    continue  # they met too often: as a worker does, take the batch again
                break

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(update.count for update in stores.issues.record(events)) == 200


def test_the_rules_of_a_project_are_its_active_ones(stores: Stores):
    wanted = {stores.add_rule(PROJECT, NewIssue()), stores.add_rule(PROJECT, CountThreshold(threshold=3))}
    stores.add_rule(PROJECT, CriticalError(), is_active=False)
    stores.add_rule(OTHER, NewIssue())
    found = stores.alerts.rules_of([PROJECT, uuid4()])
    assert set(found) == {PROJECT}
    assert {rule.id for rule in found[PROJECT]} == wanted
    assert {rule.condition for rule in found[PROJECT]} == {NewIssue(), CountThreshold(threshold=3)}
    assert not stores.alerts.rules_of([])


def firing(rule: int = 1, issue: int = 1, episode: int = 1) -> Firing:
    return Firing(
        rule_id=UUID(int=rule), issue_id=UUID(int=issue), project_id=PROJECT, episode=episode, message="New issue"
    )


def test_a_firing_is_new_once_for_each_rule_issue_and_episode(stores: Stores):
    assert stores.alerts.add([firing()]) == [firing()]
    assert stores.alerts.add([firing()]) == []
    others = [firing(rule=2), firing(issue=2), firing(episode=2)]
    assert sorted(stores.alerts.add([firing(), *others]), key=str) == sorted(others, key=str)
    assert stores.alerts.add([]) == []


def test_a_firing_that_is_given_twice_at_once_is_new_once(stores: Stores):
    assert stores.alerts.add([firing(), firing()]) == [firing()]


def job(issue: int = 1, title: str = "boom") -> InsightJob:
    return InsightJob(
        issue_id=UUID(int=issue), project_id=PROJECT, title=title, level=Level.ERROR, count=1, stack_trace="at main"
    )


ANSWER = Answer(summary="s", root_cause="c", remediation="r")
REPLY = Reply(content="{}", model="m", tokens_used=3, duration_s=1.0)


def test_an_issue_is_asked_about_once(stores: Stores):
    assert stores.insights.request([job(), job(title="again")]) == [job()]
    assert stores.insights.request([job()]) == []
    assert stores.insights.request([job(), job(2)]) == [job(2)]
    assert stores.progress(UUID(int=1)) == (InsightState.PENDING, 0, "")


def test_a_job_is_leased_to_one_worker_at_a_time(stores: Stores):
    stores.insights.request([job()])
    assert stores.insights.claim(UUID(int=1), LEASE_S) == job()
    assert stores.insights.claim(UUID(int=1), LEASE_S) is None
    stores.pass_time(LEASE_S + 1)  # its worker is gone
    assert stores.insights.claim(UUID(int=1), LEASE_S) == job()
    assert stores.insights.claim(uuid4(), LEASE_S) is None


def test_a_written_insight_is_never_written_again(stores: Stores):
    stores.insights.request([job()])
    stores.insights.claim(UUID(int=1), LEASE_S)
    stores.insights.finish(job(), ANSWER, REPLY)
    stores.insights.finish(job(), Answer(summary="other", root_cause="c", remediation="r"), REPLY)
    assert stores.written(UUID(int=1)) == ("s", "m")
    assert stores.progress(UUID(int=1)) == (InsightState.READY, 1, "")
    assert stores.insights.claim(UUID(int=1), LEASE_S) is None
    assert not stores.insights.fail(UUID(int=1), "too late")
    stores.insights.wait(UUID(int=1), "too late")
    stores.pass_time(10_000)
    assert stores.insights.due(10) == []
    assert stores.progress(UUID(int=1)) == (InsightState.READY, 1, "")


def test_a_model_that_is_away_costs_no_attempt(stores: Stores):
    stores.insights.request([job()])
    for _ in range(5):
        assert stores.insights.claim(UUID(int=1), LEASE_S) == job()
        stores.insights.wait(UUID(int=1), "Ollama is not running")
    assert stores.progress(UUID(int=1)) == (InsightState.PENDING, 0, "Ollama is not running")
    assert stores.insights.due(10) == []
    stores.pass_time(WAIT_S + 1)
    assert stores.insights.due(10) == [job()]


def test_the_third_failed_attempt_is_the_last(stores: Stores):
    stores.insights.request([job()])
    for number, pause_s in enumerate(BACKOFF_S, start=1):
        assert stores.insights.claim(UUID(int=1), LEASE_S) == job()
        allowed = stores.insights.fail(UUID(int=1), f"reason {number}")
        assert allowed is (number < len(BACKOFF_S))
        stores.pass_time(pause_s - 2)
        assert stores.insights.due(10) == []
        stores.pass_time(4)
        assert stores.insights.due(10) == ([job()] if allowed else [])
    assert stores.progress(UUID(int=1)) == (InsightState.FAILED, len(BACKOFF_S), "reason 3")
    assert stores.insights.claim(UUID(int=1), LEASE_S) is None


def test_what_nobody_rings_for_is_found_and_then_left_for_a_while(stores: Stores):
    stores.insights.request([job(1), job(2), job(3)])
    assert stores.insights.due(10) == []
    stores.pass_time(RING_S + 1)
    first = stores.insights.due(2)
    assert len(first) == 2
    (rest,) = stores.insights.due(10)
    assert {each.issue_id.int for each in [*first, rest]} == {1, 2, 3}
    assert stores.insights.due(10) == []


def test_of_two_workers_one_gets_the_job(stores: Stores):
    stores.insights.request([job(n) for n in range(1, 21)])
    got: list[InsightJob] = []

    def work(claim: Callable[[UUID, float], InsightJob | None]) -> None:
        got.extend(found for n in range(1, 21) if (found := claim(UUID(int=n), LEASE_S)))

    threads = [threading.Thread(target=work, args=(stores.insights.claim,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(each.issue_id.int for each in got) == list(range(1, 21))
