"""Channels inside one process, with every promise of `ports` but survival: for tests and notebooks."""

import threading
import time
import zlib
from collections.abc import Iterable, Sequence

import msgspec

from atlas_core import limits
from atlas_core.errors import TooLargeError
from atlas_core.ports import DeadLetter, Delivery, Message
from atlas_core.transports.progress import PartitionProgress


class MemoryLog:
    """A topic: partitions that are only appended to, read by groups."""

    def __init__(self, partitions: int, name: str = "memory") -> None:
        self.name = name
        self.partitions: list[list[Message]] = [[] for _ in range(partitions)]
        self.dead_letters: list[DeadLetter] = []
        self.changed = threading.Condition()
        self.committed: dict[tuple[str, int], int] = {}
        self.members: dict[str, list[MemoryConsumer]] = {}

    def publisher(self) -> "MemoryPublisher":
        """Return what appends to it."""
        return MemoryPublisher(self)

    def consumer(self, group: str) -> "MemoryConsumer":
        """Return a new member of a group."""
        return MemoryConsumer(self, group)


class MemoryPublisher:
    """Appends to a `MemoryLog` or a `MemoryQueue`."""

    def __init__(self, log: "MemoryLog | MemoryQueue") -> None:
        self._log = log

    def publish(self, messages: Sequence[Message]) -> None:
        """Append all messages.

        Raises:
            TooLargeError: A message is past the limit; none was written.
        """
        if any(len(message.body) > limits.MESSAGE_BYTES for message in messages):
            raise TooLargeError(f"a message is larger than {limits.MESSAGE_BYTES:,} bytes")
        with self._log.changed:
            for message in messages:
                if isinstance(self._log, MemoryQueue):
                    self._log.waiting.append((0.0, 1, message))
                else:
                    self._log.partitions[zlib.crc32(message.key) % len(self._log.partitions)].append(message)
            self._log.changed.notify_all()

    def check(self) -> None:
        """Return: it is always there."""

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


class _Receipt(msgspec.Struct, frozen=True):
    partition: int
    offset: int
    progress: PartitionProgress


class MemoryConsumer:
    """Reads a `MemoryLog` as a member of a group; partitions are shared out whenever members come and go."""

    def __init__(self, log: MemoryLog, group: str) -> None:
        self._log = log
        self._group = group
        self._owned: dict[int, PartitionProgress] = {}
        with log.changed:
            log.members.setdefault(group, []).append(self)
            self._share_out()

    def poll(self, max_messages: int, timeout_s: float) -> list[Delivery]:
        """Return up to `max_messages` deliveries, waiting up to `timeout_s` for the first one."""
        deadline = time.monotonic() + timeout_s
        with self._log.changed:
            while not (found := self._take(max_messages)):
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    break
                self._log.changed.wait(min(left_s, 0.02))
            return found

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Mark deliveries as done."""
        with self._log.changed:
            for delivery in deliveries:
                receipt = delivery.receipt
                assert isinstance(receipt, _Receipt)
                receipt.progress.settle(receipt.offset)
                if self._owned.get(receipt.partition) is receipt.progress:
                    self._log.committed[self._group, receipt.partition] = receipt.progress.commit_offset

    def retry(self, deliveries: Iterable[Delivery], delay_s: float) -> None:
        """Have deliveries come again after `delay_s`; later ones of their partitions come again too."""
        until = time.monotonic() + delay_s
        with self._log.changed:
            receipts = [delivery.receipt for delivery in deliveries]
            for receipt in reversed(receipts):
                assert isinstance(receipt, _Receipt)
                receipt.progress.rewind(receipt.offset, until)

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Move a delivery to the dead letters with its reason."""
        with self._log.changed:
            letter = DeadLetter(self._log.name, delivery.key, delivery.body, reason, delivery.attempt)
            self._log.dead_letters.append(letter)
        self.ack([delivery])

    def lag(self) -> int:
        """Return how many messages the group has not settled yet."""
        with self._log.changed:
            done = sum(self._log.committed.get((self._group, n), 0) for n in range(len(self._log.partitions)))
            return sum(len(partition) for partition in self._log.partitions) - done

    def close(self) -> None:
        """Leave the group; what is unsettled goes to other members at once."""
        with self._log.changed:
            members = self._log.members[self._group]
            if self in members:
                members.remove(self)
                self._owned.clear()
                self._share_out()

    def _share_out(self) -> None:
        members = self._log.members[self._group]
        for index, member in enumerate(members):
            numbers = range(index, len(self._log.partitions), len(members))
            member._owned = {  # noqa: SLF001 - another of its own kind
                number: PartitionProgress(self._log.committed.get((self._group, number), 0)) for number in numbers
            }

    def _take(self, max_messages: int) -> list[Delivery]:
        found: list[Delivery] = []
        now = time.monotonic()
        for number, progress in self._owned.items():
            if progress.paused_until > now:
                continue
            partition = self._log.partitions[number]
            while progress.position < len(partition) and len(found) < max_messages:
                offset = progress.position
                message = partition[offset]
                attempt = progress.deliver(offset)
                found.append(Delivery(message.body, message.key, attempt, _Receipt(number, offset, progress)))
        return found


class MemoryQueue:
    """A job queue; what a closed consumer held goes back."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.waiting: list[tuple[float, int, Message]] = []  # due, attempt, message
        self.dead_letters: list[DeadLetter] = []
        self.changed = threading.Condition()
        self.held = 0

    def publisher(self) -> MemoryPublisher:
        """Return what puts jobs into it."""
        return MemoryPublisher(self)

    def consumer(self) -> "MemoryJobConsumer":
        """Return what takes jobs from it."""
        return MemoryJobConsumer(self)


class MemoryJobConsumer:
    """Takes jobs from a `MemoryQueue`."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue
        self._held: dict[int, tuple[int, Message]] = {}
        self._next = 0

    def poll(self, max_messages: int, timeout_s: float) -> list[Delivery]:
        """Return up to `max_messages` due jobs, waiting up to `timeout_s` for the first one."""
        deadline = time.monotonic() + timeout_s
        with self._queue.changed:
            while not (found := self._take(max_messages)):
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    break
                self._queue.changed.wait(min(left_s, 0.02))
            return found

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Mark jobs as done."""
        for delivery in deliveries:
            self._let_go(delivery)

    def retry(self, deliveries: Iterable[Delivery], delay_s: float) -> None:
        """Have jobs come again after `delay_s`."""
        for delivery in deliveries:
            self._give_back(delivery, time.monotonic() + delay_s, delivery.attempt + 1)

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Move a job to the dead letters with its reason."""
        letter = DeadLetter(self._queue.name, delivery.key, delivery.body, reason, delivery.attempt)
        self._queue.dead_letters.append(letter)
        self._let_go(delivery)

    def lag(self) -> int:
        """Return how many jobs wait or are being worked on."""
        return len(self._queue.waiting) + self._queue.held

    def close(self) -> None:
        """Give back what is unsettled."""
        with self._queue.changed:
            for attempt, message in self._held.values():
                self._queue.waiting.append((0.0, attempt + 1, message))
                self._queue.held -= 1
            self._held.clear()
            self._queue.changed.notify_all()

    def _take(self, max_messages: int) -> list[Delivery]:
        now = time.monotonic()
        due = [job for job in self._queue.waiting if job[0] <= now][:max_messages]
        found = []
        for job in due:
            self._queue.waiting.remove(job)
            self._queue.held += 1
            self._next += 1
            self._held[self._next] = (job[1], job[2])
            found.append(Delivery(job[2].body, job[2].key, job[1], self._next))
        return found

    def _let_go(self, delivery: Delivery) -> None:
        assert isinstance(delivery.receipt, int)
        with self._queue.changed:
            if self._held.pop(delivery.receipt, None) is not None:
                self._queue.held -= 1

    def _give_back(self, delivery: Delivery, due: float, attempt: int) -> None:
        self._let_go(delivery)
        with self._queue.changed:
            self._queue.waiting.append((due, attempt, Message(delivery.key, delivery.body)))
            self._queue.changed.notify_all()
