"""The log or the database is away, slow or full: 503 within two seconds, in each protocol's form, and nothing else."""

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from atlas_core.errors import AtlasError, TooLargeError, TransientError
from atlas_core.ports import Message
from atlas_core.projects import KeyOwner
from services.ingestion import group_commit
from services.ingestion.requests import Answer, Call
from tests.services.ingestion.cases import envelope, native, store
from tests.services.ingestion.door import Door, Request
from tests.services.ingestion.otlp import JSON, PROTOBUF, logs, request

EVENT = {"message": "boom"}
LOG = logs({"severityNumber": 17, "body": {"stringValue": "boom"}})
REQUESTS = {
    "native": native(EVENT),
    "batch": Request("/api/ingest/events/batch", b'[{"message":"boom"}]', native({}).headers),
    "envelope": envelope(EVENT),
    "store": store(EVENT),
    "otlp json": request("logs", LOG, JSON),
    "otlp protobuf": request("logs", LOG, PROTOBUF),
}


class Log:
    """An event log that does what the test says."""

    def __init__(self) -> None:
        self.problem: Exception | None = None
        self.open = threading.Event()
        self.open.set()
        self.written: list[Message] = []

    def publish(self, messages: Sequence[Message]) -> None:
        self.open.wait(20)
        if self.problem:
            raise self.problem
        if any(b"too large" in message.body for message in messages):
            raise TooLargeError("the broker takes no message of this size")
        self.written += messages

    def check(self) -> None:
        """It is there."""

    def close(self) -> None:
        self.open.set()


class Away:
    """A store of keys that does not answer."""

    def find(self, digest: bytes) -> KeyOwner | None:
        raise TransientError(f"PostgreSQL: {digest[:0]!r} cannot be looked up")


@pytest.mark.parametrize("name", REQUESTS)
def test_a_log_that_is_away_is_503_and_only_who_may_hear_it_is_told_when_to_come_again(name: str):
    log = Log()
    log.problem = TransientError("Kafka does not answer")
    with Door(publisher=log) as door:
        response = door.send(REQUESTS[name])
    assert response.status == 503
    assert ("retry-after" in response.headers) is (name not in ("envelope", "store"))
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("name", ["native", "envelope", "otlp json"])
def test_a_log_that_hangs_is_503_before_two_seconds_are_over(name: str, monkeypatch: pytest.MonkeyPatch):
    assert group_commit.ANSWER_WITHIN_S < 2
    monkeypatch.setattr(group_commit, "ANSWER_WITHIN_S", 0.3)
    log = Log()
    log.open.clear()
    with Door(publisher=log) as door:
        assert door.send(REQUESTS[name]).status == 503
        assert not log.open.is_set()
        log.open.set()


@pytest.mark.parametrize("name", REQUESTS)
def test_keys_that_cannot_be_looked_up_are_503_and_never_401(name: str):
    with Door(finder=Away()) as door:
        assert door.send(REQUESTS[name]).status == 503


@pytest.mark.logs_errors
def test_what_nobody_expected_is_500_in_json_and_says_nothing_of_the_inside(monkeypatch: pytest.MonkeyPatch):
    def broken(_call: Call, _error: AtlasError) -> Answer:
        raise ValueError("a secret of the inside")

    with Door(finder=Away()) as door:
        monkeypatch.setattr(door.intake, "refuse", broken)
        response = door.send(REQUESTS["native"])
    assert (response.status, response.headers["content-type"]) == (500, "application/json")
    assert set(response.json()) == {"error"}
    assert b"secret" not in response.body


def test_what_waits_for_the_log_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(group_commit, "WAITING_BYTES", 2_000)
    log = Log()
    log.open.clear()
    with Door(publisher=log) as door, ExitStack() as opened:
        connections = [opened.enter_context(door.connection()) for _ in range(12)]
        for connection in connections:
            connection.write(REQUESTS["native"].head() + REQUESTS["native"].body)
        time.sleep(0.5)
        log.open.set()
        statuses = [connection.read().status for connection in connections]
        assert set(statuses) == {202, 503}
        assert len(log.written) == statuses.count(202)
        assert (
            door.send(
                Request("/api/ingest/events/batch", b"[" + b'{"message":"x"},' * 20 + b"{}]", native({}).headers)
            ).status
            == 413
        )


@pytest.mark.slow
def test_one_message_that_the_log_does_not_take_costs_only_itself():
    log = Log()
    log.open.clear()
    with Door(publisher=log) as door, ExitStack() as opened:
        sent = [native({"message": text}) for text in ("first", "good", "too large", "good")]
        connections = [opened.enter_context(door.connection()) for _ in sent]
        for one, connection in zip(sent, connections, strict=True):
            connection.write(one.head() + one.body)
            time.sleep(0.2)
        log.open.set()
        assert [connection.read().status for connection in connections] == [202, 202, 413, 202]


def test_what_was_accepted_before_the_end_is_written():
    log = Log()
    door = Door(publisher=log)
    with door:
        for _ in range(20):
            assert door.send(native(EVENT)).status == 202
    assert len(log.written) == 20
    with pytest.raises(TransientError):
        door.commit.check()
