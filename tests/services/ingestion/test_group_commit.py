"""Large requests beside small ones, at the group commit."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from atlas_core import limits
from atlas_core.errors import TransientError
from atlas_core.ports import Message
from services.ingestion import group_commit
from services.ingestion.group_commit import BATCH_MESSAGES, SLICE_BYTES, GroupCommit


class Gate:
    """A log that writes nothing until it is opened, and takes its time for each message."""

    def __init__(self) -> None:
        self.writes: list[list[bytes]] = []
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        self.seconds_per_message = 0.0
        self.failing: set[int] = set()
        self.calls = 0

    def publish(self, messages: list[Message]) -> None:
        self.entered.release()
        assert self.open.wait(20)
        time.sleep(self.seconds_per_message * len(messages))
        self.calls += 1
        if self.calls in self.failing:
            raise TransientError("away")
        self.writes.append([message.body for message in messages])

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def run(gate: Gate) -> Iterator[Callable[[Callable[[GroupCommit], Coroutine[Any, Any, None]]], None]]:
    commits = []

    def go(scenario: Callable[[GroupCommit], Coroutine[Any, Any, None]]) -> None:
        async def within() -> None:
            commits.append(GroupCommit(gate))
            await scenario(commits[0])

        asyncio.run(within())

    yield go
    gate.open.set()
    commits[0].close()


def messages(body: bytes, count: int) -> list[Message]:
    return [Message(b"", body)] * count


async def first_write(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.entered.acquire, timeout=20)


def test_a_small_request_goes_between_the_slices_of_a_large_one(gate: Gate, run: Any):
    async def scenario(commit: GroupCommit) -> None:
        large = asyncio.create_task(commit.publish(messages(b"large", 5 * BATCH_MESSAGES)))
        await first_write(gate)
        small = asyncio.create_task(commit.publish(messages(b"small", 1)))
        await asyncio.sleep(0)
        gate.open.set()
        await asyncio.gather(large, small)

    run(scenario)
    at = next(n for n, write in enumerate(gate.writes) if b"small" in write)
    assert at <= 2
    assert sum(map(len, gate.writes)) == 5 * BATCH_MESSAGES + 1
    assert max(map(len, gate.writes)) <= BATCH_MESSAGES + 1


def test_a_large_request_that_takes_longer_than_a_small_one_may_is_accepted(
    gate: Gate, run: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(group_commit, "ANSWER_WITHIN_S", 1.0)
    gate.seconds_per_message = 0.25 / BATCH_MESSAGES
    gate.open.set()
    run(lambda commit: commit.publish(messages(b"large", 5 * BATCH_MESSAGES)))
    assert len(gate.writes) == 5


def test_a_large_request_that_finds_no_turn_is_refused_before_anything_of_it_is_written(
    gate: Gate, run: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(group_commit, "LARGE_WAITS_S", 0.05)

    async def scenario(commit: GroupCommit) -> None:
        first = asyncio.create_task(commit.publish(messages(b"first", 2 * BATCH_MESSAGES)))
        await first_write(gate)
        with pytest.raises(TransientError, match="too many large requests"):
            await commit.publish(messages(b"second", 2 * BATCH_MESSAGES))
        gate.open.set()
        await first
        await commit.publish(messages(b"third", 2 * BATCH_MESSAGES))

    run(scenario)
    assert {body for write in gate.writes for body in write} == {b"first", b"third"}


def test_slices_are_bounded_in_bytes_too(gate: Gate, run: Any):
    gate.open.set()
    body = b"x" * (limits.MIB + 1)
    run(lambda commit: commit.publish([*messages(body, 7), *messages(b"y" * limits.MESSAGE_BYTES, 2)]))
    assert [len(write) for write in gate.writes] == [3, 3, 1, 1, 1]
    assert all(sum(map(len, write)) <= SLICE_BYTES for write in gate.writes)


def test_what_was_refused_or_failed_half_way_leaves_room_for_others(gate: Gate, run: Any):
    gate.open.set()
    gate.failing = {2}

    async def scenario(commit: GroupCommit) -> None:
        most = messages(b"x" * limits.MIB, 60)
        with pytest.raises(TransientError, match="away"):
            await commit.publish(most)
        await commit.publish(most)

    run(scenario)
    assert sum(map(len, gate.writes)) == 60 + 4
