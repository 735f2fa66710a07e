"""The consume loop on memory channels: what costs whom, and when it stops."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from atlas_core import limits
from atlas_core.errors import RejectedError, TransientError
from atlas_core.ports import Message
from atlas_core.runner import Worker
from atlas_core.transports.memory import MemoryLog

PATIENCE_S = 20


def eventually(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Handler:
    """Remembers what it was given; raises what a test puts under a record."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.batches: list[int] = []
        self.raises: dict[str, Exception] = {}

    def handle(self, records: Sequence[str]) -> None:
        self.batches.append(len(records))
        for record in records:
            if record in self.raises:
                raise self.raises[record]
        self.done += records


def decode(body: bytes) -> str:
    if body.startswith(b"bad"):
        raise RejectedError("not a record")
    return body.decode()


class Bench:
    """A channel of one partition, a handler, and a worker between them."""

    def __init__(self) -> None:
        self.log = MemoryLog(1)
        self.handler = Handler()
        self.consumer = self.log.consumer("g")
        self.worker: Worker[str] | None = None

    def publish(self, *bodies: str) -> None:
        self.log.publisher().publish([Message(b"k", body.encode()) for body in bodies])

    def start(self, max_messages: int = 500) -> "Worker[str]":
        self.worker = Worker("memory", "g", self.consumer, decode, self.handler.handle, max_messages=max_messages)
        self.worker.start()
        return self.worker

    def dead(self) -> list[tuple[str, str]]:
        return [(letter.body.decode(), letter.reason) for letter in self.log.dead_letters]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    if made.worker is not None:
        made.worker.stop()
        made.publish("last")  # ends a poll that waits
        made.worker.join(PATIENCE_S)


def test_a_batch_is_handled_once_and_then_done(bench: Bench):
    bench.publish(*"abc")
    worker = bench.start()
    eventually(lambda: bench.consumer.lag() == 0)
    assert bench.handler.done == ["a", "b", "c"]
    assert bench.handler.batches == [3]
    worker.check()


def test_a_record_that_cannot_be_read_costs_itself(bench: Bench):
    bench.publish("a", "bad", "c")
    bench.start()
    eventually(lambda: bench.consumer.lag() == 0)
    assert bench.handler.done == ["a", "c"]
    assert bench.dead() == [("bad", "not a record")]


def test_a_record_that_is_refused_costs_itself_and_never_its_batch(bench: Bench):
    bench.handler.raises["c"] = RejectedError("no such project")
    bench.publish(*"abcde")
    bench.start()
    eventually(lambda: bench.consumer.lag() == 0)
    assert bench.handler.done == ["a", "b", "d", "e"]
    assert bench.dead() == [("c", "no such project")]


@pytest.mark.logs_errors
def test_a_bug_is_a_dead_letter_with_its_traceback_in_the_log(bench: Bench, caplog):
    bench.handler.raises["b"] = ZeroDivisionError("division by zero")
    bench.publish(*"abc")
    bench.start()
    eventually(lambda: bench.consumer.lag() == 0)
    assert bench.handler.done == ["a", "c"]
    assert bench.dead() == [("b", "ZeroDivisionError: division by zero")]
    assert "Traceback" in caplog.text


def test_a_dependency_that_is_away_costs_nothing(bench: Bench):
    bench.handler.raises["b"] = TransientError("PostgreSQL: connection refused")
    bench.publish(*"abc")
    worker = bench.start()
    with pytest.raises(TransientError, match="connection refused"):
        eventually(lambda: worker.check() is not None)  # unready while it waits
    assert bench.handler.done == []
    del bench.handler.raises["b"]
    eventually(lambda: bench.consumer.lag() == 0)
    assert bench.handler.done == ["a", "b", "c"]
    assert bench.dead() == []
    eventually(lambda: _is_ready(worker))


def test_a_dependency_that_goes_away_while_a_batch_is_divided_loses_nothing(bench: Bench):
    bench.handler.raises = {"b": RejectedError("no"), "d": TransientError("not now")}
    bench.publish(*"abcde")
    worker = bench.start()
    eventually(lambda: not _is_ready(worker) and "b" in dict(bench.dead()))
    del bench.handler.raises["d"]
    eventually(lambda: bench.consumer.lag() == 0)
    assert set(bench.handler.done) == {"a", "c", "d", "e"}
    assert dict(bench.dead()) == {"b": "no"}


def test_twenty_refused_in_a_row_are_borne(bench: Bench):
    bad = [f"bad {n}" for n in range(limits.REJECTS_IN_A_ROW)]
    bench.publish(*bad, "good", *bad, "good")
    worker = bench.start(max_messages=1)
    eventually(lambda: bench.consumer.lag() == 0)
    assert bench.handler.done == ["good", "good"]
    worker.check()


@pytest.mark.logs_errors
def test_one_more_in_a_row_stops_the_consumer_before_it_drains_the_channel(bench: Bench):
    bench.publish(*[f"bad {n}" for n in range(100)])
    worker = bench.start(max_messages=1)
    eventually(lambda: not _is_ready(worker))
    worker.join(PATIENCE_S)
    with pytest.raises(TransientError, match="consuming has stopped"):
        worker.check()
    assert len(bench.dead()) == limits.REJECTS_IN_A_ROW + 1
    assert bench.consumer.lag() == 100 - limits.REJECTS_IN_A_ROW - 1


@pytest.mark.logs_errors
def test_half_of_the_last_two_hundred_stops_it_too(bench: Bench):
    bench.publish(*[("good" if n % 3 == 2 else "bad") + f" {n}" for n in range(300)])
    worker = bench.start(max_messages=1)
    eventually(lambda: not _is_ready(worker))
    worker.join(PATIENCE_S)
    assert len(bench.dead()) == limits.REJECTS_IN_WINDOW + 1


def test_half_of_them_exactly_is_borne(bench: Bench):
    bench.publish(*[("good" if n % 2 else "bad") + f" {n}" for n in range(400)])
    worker = bench.start(max_messages=1)
    eventually(lambda: bench.consumer.lag() == 0)
    worker.check()
    assert len(bench.dead()) == 200


def test_stopping_finishes_the_batch_under_way_and_leaves_the_group(bench: Bench):
    begun, go_on = threading.Event(), threading.Event()

    def slow(records: Sequence[str]) -> None:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        bench.handler.handle(records)

    worker = Worker("memory", "g", bench.consumer, decode, slow)
    bench.publish("a")
    worker.start()
    assert begun.wait(PATIENCE_S)
    worker.stop()
    bench.publish("b")
    go_on.set()
    worker.join(PATIENCE_S)
    assert bench.handler.done == ["a"]
    assert bench.log.members["g"] == []
    assert bench.consumer.lag() == 1
    with pytest.raises(TransientError, match="does not run"):
        worker.check()


def _is_ready(worker: "Worker[str]") -> bool:
    try:
        worker.check()
    except TransientError:
        return False
    return True
