"""From an issue's update to its insight: once, whatever doubles, breaks or is away; and asking again over HTTP."""

import asyncio
import json
from uuid import UUID, uuid4

import httpx
import pytest

from atlas_core.errors import RejectedError, TransientError
from atlas_core.insights import InsightState
from atlas_core.language_models.scripted import ScriptedModel
from atlas_core.storage.insights import BACKOFF_S, RING_S, WAIT_S, PostgresInsightStore
from atlas_core.storage.memory import MemoryInsightStore
from atlas_core.testing import FrozenClock, MemoryAtlas, make_event
from atlas_core.topics import INSIGHT_JOBS
from atlas_core.transports.memory import MemoryQueue
from services.http import Sessions
from services.intelligence.app import make_intelligence_app
from services.intelligence.dispatcher import Dispatcher
from services.intelligence.sweeper import AT_ONCE, Sweeper
from services.intelligence.worker import LEASE_S, InsightWorker
from tests.services.desk import KEY, Desk

ANSWER = json.dumps({"summary": "s", "root_cause": "c", "remediation": "r", "evidence": []})


class Bench:
    """A dispatcher, its queue and a worker with a scripted model, on a clock that stands still."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.store = MemoryInsightStore(self.clock.seconds)
        self.queue = MemoryQueue()
        self.dispatcher = Dispatcher(self.store, self.queue.publisher())
        self.updates = MemoryAtlas().issues.record([make_event("boom")])

    @property
    def kept(self):
        (kept,) = self.store.insights.values()
        return kept

    def jobs(self) -> list:
        consumer = self.queue.consumer()
        deliveries = consumer.poll(100, 0)
        consumer.ack(deliveries)
        consumer.close()
        return [INSIGHT_JOBS.decode(delivery.body) for delivery in deliveries]

    def sweep(self) -> list:
        self.dispatcher.ring(self.store.due(AT_ONCE))
        return self.jobs()

    def work(self, jobs, *says: str | Exception) -> ScriptedModel:
        model = ScriptedModel(list(says))
        InsightWorker(self.store, model).handle(jobs)
        return model


class BrokenPublisher:
    def publish(self, messages):
        if messages:
            raise TransientError("the queue is away")

    def check(self):
        raise TransientError("the queue is away")

    def close(self):
        pass


def test_doubled_updates_and_doubled_jobs_ask_the_model_once():
    bench = Bench()
    bench.dispatcher.handle(bench.updates)
    bench.dispatcher.handle(bench.updates)
    (job,) = bench.jobs()
    model = bench.work([job, job], ANSWER, ANSWER)
    assert len(model.asked) == 1
    assert (bench.kept.state, bench.kept.attempts) == (InsightState.READY, 1)


def test_a_job_that_the_queue_did_not_take_is_rung_for_by_the_sweep():
    bench = Bench()
    with pytest.raises(TransientError):
        Dispatcher(bench.store, BrokenPublisher()).handle(bench.updates)
    bench.dispatcher.handle(bench.updates)  # the update comes again; its row is there
    assert bench.jobs() == []
    bench.clock.advance(RING_S)
    bench.work(bench.sweep(), ANSWER)
    assert bench.kept.state is InsightState.READY


def test_a_worker_that_died_holds_its_job_until_its_lease_is_over():
    bench = Bench()
    bench.dispatcher.handle(bench.updates)
    (job,) = bench.jobs()
    assert bench.store.claim(job.issue_id, LEASE_S) is not None  # and then it died
    bench.clock.advance(LEASE_S - 1)
    assert bench.sweep() == []
    assert bench.work([job], ANSWER).asked == []
    bench.clock.advance(2)
    bench.work(bench.sweep(), ANSWER)
    assert bench.kept.state is InsightState.READY


def test_a_model_that_is_away_is_waited_for_with_its_reason_and_costs_no_attempt():
    bench = Bench()
    bench.dispatcher.handle(bench.updates)
    bench.work(bench.jobs(), TransientError("run: ollama pull llama3.2:3b"))
    assert (bench.kept.state, bench.kept.attempts) == (InsightState.PENDING, 0)
    assert bench.kept.reason == "run: ollama pull llama3.2:3b"
    bench.clock.advance(WAIT_S - 1)
    assert bench.sweep() == []
    bench.clock.advance(1)
    bench.work(bench.sweep(), ANSWER)
    assert (bench.kept.state, bench.kept.reason) == (InsightState.READY, "")


def test_unusable_answers_are_tried_again_later_and_later_and_then_given_up():
    bench = Bench()
    bench.dispatcher.handle(bench.updates)
    bench.work(bench.jobs(), "no JSON")
    for pause_s in BACKOFF_S[:-1]:
        bench.clock.advance(pause_s - 1)
        assert bench.sweep() == []
        bench.clock.advance(1)
        bench.work(bench.sweep(), RejectedError("cut off"))
    assert (bench.kept.state, bench.kept.attempts, bench.kept.reason) == (InsightState.FAILED, 3, "cut off")
    bench.clock.advance(1_000)
    assert bench.sweep() == []


def test_one_bad_answer_does_not_hold_up_the_other_jobs():
    bench = Bench()
    updates = MemoryAtlas().issues.record([make_event(f"boom {word}") for word in ("one", "two", "three")])
    bench.dispatcher.handle(updates)
    bench.work(bench.jobs(), ANSWER, "no JSON", ANSWER)
    assert sorted(kept.state.value for kept in bench.store.insights.values()) == ["pending", "ready", "ready"]


class Door:
    """The intelligence service's routes over a project's real database."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.store = PostgresInsightStore(desk.database)
        self.queue = MemoryQueue()
        self.dispatcher = Dispatcher(self.store, self.queue.publisher())
        self.app = make_intelligence_app(self.store, self.dispatcher, Sessions(KEY, desk.database), checks={})
        self.issue = self.ask("boom")

    def ask(self, message: str) -> UUID:
        (update,) = self.desk.store.record([self.desk.event(message)])
        self.dispatcher.handle([update])
        return update.issue_id

    def call(self, method: str, path: str) -> httpx.Response:
        return asyncio.run(self._call(method, path))

    async def _call(self, method: str, path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://intelligence") as client:
            return await client.request(method, path, headers=self.desk.headers(self.desk.ann))

    def work(self, *says: str | Exception) -> None:
        worker = InsightWorker(self.store, ScriptedModel(list(says)))
        for said in says:
            self.desk.sql("UPDATE intelligence.insights SET due_at = now() WHERE issue_id = :i", i=self.issue)
            assert said is not None
            worker.handle(self.store.due(1))


@pytest.fixture
def door(desk) -> Door:
    return Door(desk)


def test_only_what_has_failed_can_be_asked_for_again_and_is_then_written(door):
    retry = f"/issues/{door.issue}/insight/retry"
    assert door.call("POST", retry).status_code == 409
    door.work("no JSON", "no JSON", "no JSON")
    shown = door.call("GET", f"/issues/{door.issue}/insight")
    assert (shown.status_code, shown.json()["state"], shown.json()["attempts"]) == (404, "failed", 3)
    assert shown.json()["reason"]
    queued = len(door.queue.waiting)
    assert (door.call("POST", retry).status_code, len(door.queue.waiting)) == (202, queued + 1)
    assert door.call("POST", retry).status_code == 409
    door.work(ANSWER)
    assert door.call("GET", f"/issues/{door.issue}/insight").json()["insight"]["summary"] == "s"
    assert [
        found["summary"] for found in door.call("GET", f"/projects/{door.desk.project}/insights").json()["insights"]
    ] == ["s"]
    assert door.call("POST", retry).status_code == 409


def test_an_issue_that_earns_no_insight_says_so_and_one_that_is_not_there_is_not_found(door):
    quiet = door.desk.issue("only a warning")
    shown = door.call("GET", f"/issues/{quiet}/insight")
    assert (shown.status_code, shown.json()["state"]) == (404, "none")
    for path in ("/insight", "/insight/retry"):
        method = "POST" if path.endswith("retry") else "GET"
        answer = door.call(method, f"/issues/{uuid4()}{path}")
        assert (answer.status_code, "state" in answer.json()) == (404, False)


def test_the_insight_of_a_deleted_issue_is_forgotten_and_no_other(door):
    other = door.ask("another")
    deleted = door.desk.call("DELETE", f"/issues/{door.issue}")
    assert deleted.status_code == 200
    Sweeper(door.store, door.dispatcher).sweep()
    assert door.desk.sql("SELECT issue_id FROM intelligence.insights") == [(other,)]
