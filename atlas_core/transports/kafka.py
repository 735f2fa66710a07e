"""The event log on Apache Kafka."""

import contextlib
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka import admin as kafka_admin
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from atlas_core import limits
from atlas_core.errors import MisconfiguredError, TooLargeError, TransientError
from atlas_core.ports import Delivery, Message
from atlas_core.transports.progress import PartitionProgress

log = logging.getLogger(__name__)

RETENTION_MS: Final = 7 * 86_400_000
DELIVERY_S: Final = 6.0
ADMIN_S: Final = 4.0
_QUIET: Final = logging.getLogger(f"{__name__}.librdkafka")
_CLIENT: Final[dict[str, Any]] = {
    "log.connection.close": False,
    "reconnect.backoff.ms": 200,
    "reconnect.backoff.max.ms": 2_000,
    "socket.timeout.ms": 6_000,
    "broker.address.family": "v4",
}
_ADMIN: Final[Any] = kafka_admin  # its types do not export OffsetSpec
_REBALANCED: Final = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
}
_QUIET.setLevel(logging.CRITICAL)  # an outage is told once, by those who wait for the broker


class _RebalancedError(TransientError):
    """The group was shared out anew since this member last polled."""


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        cause = error.args[0] if error.args and isinstance(error.args[0], KafkaError) else None
        if cause is not None and cause.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            raise TooLargeError(f"Kafka: {cause.str()}") from error
        if cause is not None and cause.code() in _REBALANCED:
            raise _RebalancedError(f"Kafka: {cause.str()}") from error
        raise TransientError(f"Kafka: {cause.str() if cause else error}") from error
    except BufferError as error:
        raise TransientError("Kafka: too much waits to be sent") from error


def dead_letters_of(topic: str) -> str:
    """Return the name of a topic's dead letters."""
    return f"{topic}.dead-letters"


class _Topics:
    """Makes a topic and its dead letters at first use; checks one that is there already."""

    def __init__(self, brokers: str, topic: str, partitions: int) -> None:
        self._admin: Any = None
        self._brokers = brokers
        self._topic = topic
        self._partitions = partitions
        self._made = False

    def ensure(self) -> None:
        """Return when the topics are there.

        Raises:
            TransientError: The brokers do not answer.
            MisconfiguredError: A topic of the name cannot be made.
        """
        if self._made:
            return
        with _translated():
            if self._admin is None:
                self._admin = _admin_client(self._brokers)
            known = self._admin.list_topics(timeout=ADMIN_S).topics
            wanted = {self._topic: self._partitions, dead_letters_of(self._topic): 1}
            missing = {name: count for name, count in wanted.items() if name not in known}
            if missing:
                self._create(missing)
        found = known.get(self._topic)
        if found is not None and len(found.partitions) != self._partitions:
            log.warning(
                "topic %s has %d partitions, not %d: it is used as it is",
                self._topic, len(found.partitions), self._partitions,
            )  # fmt: skip
        self._made = True

    def lag(self, group: str) -> int:
        """Return how many messages of the topic a group has not settled yet; any thread may ask.

        Raises:
            TransientError: The brokers do not answer.
        """
        self.ensure()
        with _translated():
            # A client of its own: after a broker's return one that was there before may time out for ever.
            admin = _admin_client(self._brokers)
            partitions = admin.list_topics(self._topic, timeout=ADMIN_S).topics[self._topic].partitions
            asked = [TopicPartition(self._topic, number) for number in partitions]
            wanted = ConsumerGroupTopicPartitions(group, asked)
            (answer,) = admin.list_consumer_group_offsets([wanted], request_timeout=ADMIN_S).values()
            settled = {place.partition: place.offset for place in answer.result().topic_partitions}
            ends, begins = (
                _offsets(admin, asked, spec) for spec in (_ADMIN.OffsetSpec.latest(), _ADMIN.OffsetSpec.earliest())
            )
        # A group that has settled nothing of a partition (a negative offset) has all of it before it.
        return sum(end - max(settled.get(number, -1), begins[number]) for number, end in ends.items())

    def _create(self, missing: dict[str, int]) -> None:
        config = {"retention.ms": str(RETENTION_MS), "max.message.bytes": str(limits.MESSAGE_BYTES + limits.MIB)}
        new = [NewTopic(name, count, -1, config=config) for name, count in missing.items()]
        for name, made in self._admin.create_topics(
            new, operation_timeout=ADMIN_S, request_timeout=ADMIN_S * 2
        ).items():
            try:
                made.result()
            except KafkaException as error:
                code = error.args[0].code()
                if code == KafkaError.TOPIC_ALREADY_EXISTS:
                    continue
                if code in {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.POLICY_VIOLATION}:
                    raise MisconfiguredError(
                        f"Kafka refuses to make topic {name} ({error.args[0].str()}): make it yourself with "
                        f"{missing[name]} partitions and max.message.bytes={limits.MESSAGE_BYTES + limits.MIB}"
                    ) from error
                raise


def _admin_client(brokers: str) -> Any:
    return AdminClient({"bootstrap.servers": brokers, **_CLIENT}, logger=_QUIET)


def _offsets(admin: Any, partitions: list[TopicPartition], spec: Any) -> dict[int, int]:
    answers = admin.list_offsets(dict.fromkeys(partitions, spec), request_timeout=ADMIN_S)
    return {place.partition: answer.result().offset for place, answer in answers.items()}


class KafkaPublisher:
    """Appends to a topic; returns when every broker that must has it (`acks=all`).

    Args:
        brokers: `host:port`, several separated by commas.
        topic: The topic's name; made when it is missing.
        partitions: How many partitions a missing topic gets.
    """

    def __init__(self, brokers: str, topic: str, partitions: int) -> None:
        self._topic = topic
        self._topics = _Topics(brokers, topic, partitions)
        self._brokers = brokers
        self._producer: Any = None

    def publish(self, messages: Sequence[Message]) -> None:
        """Append all messages durably.

        Raises:
            TransientError: Some may not be written; publishing them again may double them.
            TooLargeError: A message is past the limit; none was written.
        """
        if not messages:
            return
        if any(len(message.body) > limits.MESSAGE_BYTES for message in messages):
            raise TooLargeError(f"a message is larger than {limits.MESSAGE_BYTES:,} bytes")
        self.publish_to(self._topic, [(message.key, message.body, []) for message in messages])

    def publish_to(self, topic: str, records: Sequence[tuple[bytes, bytes, list[tuple[str, bytes]]]]) -> None:
        """Append key, body and headers of each record to `topic`; as `publish`."""
        self._topics.ensure()
        waiting = len(records)
        problems: list[KafkaError] = []

        def delivered(problem: KafkaError | None, _message: object) -> None:
            nonlocal waiting
            waiting -= 1
            if problem is not None:
                problems.append(problem)

        with _translated():
            producer = self._open()
            for key, body, headers in records:
                producer.produce(topic, body, key, headers=headers, on_delivery=delivered)
            deadline = time.monotonic() + DELIVERY_S + 2
            while waiting and time.monotonic() < deadline:
                producer.poll(0.05)
            if problems:
                raise KafkaException(problems[0])
        if waiting:
            raise TransientError("Kafka: no confirmation in time")

    def check(self) -> None:
        """Return if the brokers answer.

        Raises:
            TransientError: They do not.
        """
        with _translated():
            self._open().list_topics(self._topic, timeout=2)

    def close(self) -> None:
        """Send what waits; a second call does nothing."""
        if self._producer is not None:
            self._producer.flush(DELIVERY_S)
            self._producer = None

    def _open(self) -> Any:
        if self._producer is None:
            settings = {
                "bootstrap.servers": self._brokers,
                "enable.idempotence": True,
                "acks": "all",
                "delivery.timeout.ms": int(DELIVERY_S * 1000),
                "request.timeout.ms": 4_000,
                "linger.ms": 1,
                "compression.type": "lz4",
                "message.max.bytes": limits.MESSAGE_BYTES + limits.MIB,
                **_CLIENT,
            }
            self._producer = Producer(settings, logger=_QUIET)
        return self._producer


class _Receipt(msgspec.Struct, frozen=True):
    partition: int
    offset: int
    progress: PartitionProgress


class KafkaConsumer:
    """Reads a topic as a member of a group; offsets are committed only by `ack` and `reject`.

    Args:
        brokers: `host:port`, several separated by commas.
        topic: The topic's name; made when it is missing.
        partitions: How many partitions a missing topic gets.
        group: The group's name.
    """

    def __init__(self, brokers: str, topic: str, partitions: int, group: str) -> None:
        self._brokers = brokers
        self._topic = topic
        self._group = group
        self._topics = _Topics(brokers, topic, partitions)
        self._dead = KafkaPublisher(brokers, topic, partitions)
        self._consumer: Any = None
        self._owned: dict[int, PartitionProgress] = {}
        self._paused: set[int] = set()

    def poll(self, max_messages: int, timeout_s: float) -> list[Delivery]:
        """Return up to `max_messages` deliveries, waiting up to `timeout_s` for the first one.

        Raises:
            TransientError: The brokers do not answer.
        """
        self._topics.ensure()
        deadline = time.monotonic() + timeout_s
        with _translated():
            consumer = self._open()
            while True:
                self._resume()
                wait_s = max(0.0, min(deadline - time.monotonic(), 0.2))
                deliveries = self._deliver(consumer.consume(max_messages, wait_s))
                if deliveries or time.monotonic() >= deadline:
                    return deliveries

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Mark deliveries as done, durably.

        Raises:
            TransientError: They may be delivered again.
        """
        for delivery in deliveries:
            receipt = _receipt(delivery)
            receipt.progress.settle(receipt.offset)
        self._commit()

    def retry(self, deliveries: Iterable[Delivery], delay_s: float) -> None:
        """Have deliveries come again after `delay_s`; later ones of their partitions come again too."""
        until = time.monotonic() + delay_s
        for delivery in sorted(deliveries, key=lambda d: _receipt(d).offset, reverse=True):
            receipt = _receipt(delivery)
            if self._owned.get(receipt.partition) is receipt.progress:
                receipt.progress.rewind(receipt.offset, until)
                self._pause(receipt.partition)

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Write a delivery to the topic of dead letters with its reason, then mark it as done.

        Raises:
            TransientError: The dead letter could not be written; the delivery is not done.
        """
        headers = [
            ("reason", reason.encode("utf-8", "replace")),
            ("topic", self._topic.encode()),
            ("attempt", str(delivery.attempt).encode()),
            ("died_at", str(time.time()).encode()),
        ]
        self._dead.publish_to(dead_letters_of(self._topic), [(delivery.key, delivery.body, headers)])
        self.ack([delivery])

    def lag(self) -> int:
        """Return how many messages of the topic the group has not settled yet.

        Raises:
            TransientError: The brokers do not answer.
        """
        return self._topics.lag(self._group)

    def close(self) -> None:
        """Leave the group; what is unsettled goes to other members at once. A second call does nothing."""
        if self._consumer is not None:
            with contextlib.suppress(TransientError):
                self._commit()
            self._consumer.close()
            self._consumer = None
        self._owned.clear()
        self._dead.close()

    def _open(self) -> Any:
        if self._consumer is None:
            settings = {
                "bootstrap.servers": self._brokers,
                "group.id": self._group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "cooperative-sticky",
                "isolation.level": "read_committed",
                "session.timeout.ms": 10_000,
                "max.poll.interval.ms": 300_000,
                "fetch.message.max.bytes": limits.MESSAGE_BYTES + limits.MIB,
                "queued.max.messages.kbytes": 32 * 1024,
                **_CLIENT,
            }
            self._consumer = Consumer(settings, logger=_QUIET)
            self._consumer.subscribe(
                [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
            )
        return self._consumer

    def _assigned(self, _consumer: object, partitions: list[Any]) -> None:
        for partition in partitions:
            self._owned.pop(partition.partition, None)
            self._paused.discard(partition.partition)

    def _revoked(self, _consumer: object, partitions: list[Any]) -> None:
        with contextlib.suppress(TransientError):
            self._commit()
        self._lost(_consumer, partitions)

    def _lost(self, _consumer: object, partitions: list[Any]) -> None:
        for partition in partitions:
            self._owned.pop(partition.partition, None)
            self._paused.discard(partition.partition)

    def _deliver(self, records: list[Any]) -> list[Delivery]:
        found = []
        for record in records:
            if record.error() is not None:
                if record.error().code() in {KafkaError._PARTITION_EOF, KafkaError.UNKNOWN_TOPIC_OR_PART}:  # noqa: SLF001
                    continue
                raise KafkaException(record.error())
            number, offset = record.partition(), record.offset()
            progress = self._owned.get(number)
            if progress is None:
                progress = self._owned[number] = PartitionProgress(offset)
            # A record fetched before a rewind comes again behind it.
            if number in self._paused or offset < progress.position:
                continue
            attempt = progress.deliver(offset)
            receipt = _Receipt(number, offset, progress)
            found.append(Delivery(record.value() or b"", record.key() or b"", attempt, receipt))
        return found

    def _pause(self, number: int) -> None:
        with _translated():
            self._consumer.pause([TopicPartition(self._topic, number)])
        self._paused.add(number)

    def _resume(self) -> None:
        now = time.monotonic()
        for number in sorted(self._paused):
            progress = self._owned[number]
            if progress.paused_until <= now:
                self._consumer.seek(TopicPartition(self._topic, number, progress.position))
                self._consumer.resume([TopicPartition(self._topic, number)])
                self._paused.discard(number)

    def _commit(self) -> None:
        moved = {number: progress.uncommitted for number, progress in self._owned.items()}
        offsets = {number: offset for number, offset in moved.items() if offset is not None}
        if not offsets or self._consumer is None:
            return
        asked = [TopicPartition(self._topic, number, offset) for number, offset in offsets.items()]
        try:
            with _translated():
                for done in self._consumer.commit(offsets=asked, asynchronous=False) or []:
                    if done.error is not None:
                        raise KafkaException(done.error)
        except _RebalancedError:
            # The group is being shared out anew: the next call commits what we keep, the rest comes again elsewhere.
            return
        for number, offset in offsets.items():
            self._owned[number].mark_committed(offset)


def _receipt(delivery: Delivery) -> _Receipt:
    assert isinstance(delivery.receipt, _Receipt)
    return delivery.receipt
