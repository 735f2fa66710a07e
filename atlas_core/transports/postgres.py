"""The embedded event log: append-only partitions and consumer groups as tables of PostgreSQL."""

import contextlib
import logging
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import msgspec
import psycopg

from atlas_core import limits
from atlas_core.errors import TooLargeError, TransientError
from atlas_core.ports import Delivery, Message
from atlas_core.storage.partitions import drop_day_partitions_before, ensure_day_partition
from atlas_core.transports.postgres_jobs import PostgresJobConsumer, PostgresJobPublisher
from atlas_core.transports.postgres_session import Session
from atlas_core.transports.progress import PartitionProgress

__all__ = ["PostgresConsumer", "PostgresJobConsumer", "PostgresJobPublisher", "PostgresPublisher"]

log = logging.getLogger(__name__)

RETENTION: Final = timedelta(days=7)
MEMBER_SILENT_S: Final = 10
REBALANCE_S: Final = 1.0
TIDY_S: Final = 3_600.0
# Past the highest possible partition: locks of one (group, topic) lie side by side.
_LOCK_STRIDE: Final = 1_024

# One statement: one round trip, one transaction. Partitions are locked in order: two writers never wait in a ring.
_APPEND = """
WITH given AS (SELECT * FROM unnest(%(partitions)s::smallint[], %(places)s::bigint[], %(keys)s::bytea[],
                                    %(bodies)s::bytea[]) AS g(partition, place, key, body)),
     wanted AS (SELECT * FROM unnest(%(numbers)s::smallint[], %(counts)s::bigint[]) AS w(partition, n)),
     locked AS (SELECT p.partition FROM bus.log_partitions p JOIN wanted USING (partition)
                WHERE p.topic = %(topic)s ORDER BY p.partition FOR UPDATE OF p),
     advanced AS (UPDATE bus.log_partitions p SET next_offset = p.next_offset + w.n
                  FROM wanted w JOIN locked USING (partition)
                  WHERE p.topic = %(topic)s AND p.partition = w.partition
                  RETURNING p.partition, p.next_offset - w.n AS first),
     written AS (INSERT INTO bus.log_messages (topic, partition, "offset", key, body, appended_at)
                 SELECT %(topic)s, partition, first + place, key, body, %(now)s
                 FROM given JOIN advanced USING (partition)
                 RETURNING 1)
SELECT pg_notify('atlas_bus', %(topic)s), (SELECT count(*) FROM written)
"""
_FETCH = """
SELECT "offset", key, body FROM (
    SELECT "offset", key, body, sum(octet_length(body)) OVER (ORDER BY "offset") - octet_length(body) AS before_bytes
    FROM (SELECT "offset", key, body FROM bus.log_messages
          WHERE topic = %s AND partition = %s AND "offset" >= %s ORDER BY "offset" LIMIT %s) page
) sized WHERE before_bytes < %s ORDER BY "offset"
"""
_COMMIT = """
INSERT INTO bus.group_offsets AS g (group_name, topic, partition, committed)
SELECT %s, %s, * FROM unnest(%s::smallint[], %s::bigint[])
ON CONFLICT (group_name, topic, partition) DO UPDATE SET committed = GREATEST(g.committed, excluded.committed)
"""
_LAG = """
SELECT coalesce(sum(p.next_offset - coalesce(g.committed, 0)), 0)::bigint FROM bus.log_partitions p
LEFT JOIN bus.group_offsets g ON g.topic = p.topic AND g.partition = p.partition AND g.group_name = %s
WHERE p.topic = %s
"""
_DEAD = "INSERT INTO bus.dead_letters (topic, key, body, reason, attempt) VALUES (%s, %s, %s, %s, %s)"
_BEAT = """
INSERT INTO bus.group_members (group_name, topic, member_id, seen_at) VALUES (%s, %s, %s, now())
ON CONFLICT (group_name, topic, member_id) DO UPDATE SET seen_at = now()
"""
_MEMBERS = """
SELECT count(*) FROM bus.group_members
WHERE group_name = %s AND topic = %s AND seen_at > now() - make_interval(secs => %s)
"""
_UNREAD_SINCE = """
SELECT min(m.appended_at) FROM bus.group_offsets g
JOIN bus.log_messages m ON m.topic = g.topic AND m.partition = g.partition AND m."offset" >= g.committed
"""


def _make_topic(cursor: psycopg.Cursor[Any], topic: str, partitions: int) -> None:
    cursor.execute(
        "INSERT INTO bus.log_partitions (topic, partition) SELECT %s, generate_series(0, %s) ON CONFLICT DO NOTHING",
        (topic, partitions - 1),
    )


class PostgresPublisher:
    """Appends to a topic, one transaction a batch.

    The rows of the partitions stay locked until the commit, so offsets are dense and become visible in order: a
    reader never passes an offset that a slower writer still holds.

    Args:
        url: A libpq URL.
        topic: The topic's name.
        partitions: How many partitions it has.
    """

    def __init__(self, url: str, topic: str, partitions: int) -> None:
        self._topic = topic
        self._partitions = partitions
        self._session = Session(url, f"publish {topic}")
        self._made: psycopg.Connection[Any] | None = None
        self._days: set[date] = set()

    def publish(self, messages: Sequence[Message]) -> None:
        """Append all messages durably.

        Raises:
            TransientError: They may not be written; publishing them again may double them.
            TooLargeError: A message is past the limit; none was written.
        """
        if not messages:
            return
        if any(len(message.body) > limits.MESSAGE_BYTES for message in messages):
            raise TooLargeError(f"a message is larger than {limits.MESSAGE_BYTES:,} bytes")
        with self._session.connection() as connection, connection.cursor(binary=True) as cursor:
            self._append(connection, cursor, messages)

    def check(self) -> None:
        """Return if the server answers.

        Raises:
            TransientError: It does not.
        """
        self._session.check()

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def _append(
        self, connection: psycopg.Connection[Any], cursor: psycopg.Cursor[Any], messages: Sequence[Message]
    ) -> None:
        if self._made is not connection:
            _make_topic(cursor, self._topic, self._partitions)
            self._days.clear()
            self._made = connection
        now = datetime.now(UTC)
        if now.date() not in self._days:
            ensure_day_partition(cursor, "bus.log_messages", now.date())
            self._days.add(now.date())
        partitions = [zlib.crc32(message.key) % self._partitions for message in messages]
        counts = [0] * self._partitions
        places = []
        for partition in partitions:
            places.append(counts[partition])
            counts[partition] += 1
        values = {
            "partitions": partitions,
            "places": places,
            "keys": [message.key for message in messages],
            "bodies": [message.body for message in messages],
            "numbers": list(range(self._partitions)),
            "counts": counts,
            "topic": self._topic,
            "now": now,
        }
        written = cursor.execute(_APPEND, values, prepare=True).fetchall()[0][1]
        if written != len(messages):
            raise TransientError(
                f"PostgreSQL: only {written} of {len(messages)} messages of {self._topic} were written"
            )


class _Receipt(msgspec.Struct, frozen=True):
    partition: int
    offset: int
    tenure: int


class PostgresConsumer:
    """Reads a topic as a member of a group.

    Partitions are owned by session locks of the one connection that also commits: when the connection is lost so are
    the locks, and what was not committed goes to whoever takes them next.

    Args:
        url: A libpq URL.
        topic: The topic's name.
        partitions: How many partitions it has.
        group: The group's name.
    """

    def __init__(self, url: str, topic: str, partitions: int, group: str) -> None:
        self._topic = topic
        self._partitions = partitions
        self._group = group
        self._session = Session(url, f"{group} {topic}", listen="atlas_bus")
        self._member_id = uuid4()
        self._owned: dict[int, PartitionProgress] = {}
        self._ours: psycopg.Connection[Any] | None = None
        self._tenure = 0
        self._next_rebalance = 0.0
        self._next_tidy = 0.0
        self._next_first = 0

    def poll(self, max_messages: int, timeout_s: float) -> list[Delivery]:
        """Return up to `max_messages` deliveries, waiting up to `timeout_s` for the first one.

        Raises:
            TransientError: The server does not answer.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            with self._connection() as connection:
                self._keep_house(connection)
                deliveries = self._fetch(connection, max_messages)
                left_s = deadline - time.monotonic()
                if deliveries or left_s <= 0:
                    return deliveries
                self._session.wait(min(left_s, 0.5, self._until_unpaused()))

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Mark deliveries as done, durably.

        Raises:
            TransientError: They may be delivered again.
        """
        with self._connection() as connection:
            for delivery in deliveries:
                self._settle(delivery)
            self._commit(connection)

    def retry(self, deliveries: Iterable[Delivery], delay_s: float) -> None:
        """Have deliveries come again after `delay_s`; later ones of their partitions come again too."""
        until = time.monotonic() + delay_s
        for delivery in sorted(deliveries, key=lambda d: _receipt(d).offset, reverse=True):
            receipt = _receipt(delivery)
            if receipt.tenure == self._tenure and receipt.partition in self._owned:
                self._owned[receipt.partition].rewind(receipt.offset, until)

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Move a delivery to the dead letters with its reason.

        Raises:
            TransientError: The dead letter could not be written; the delivery is not done.
        """
        clean = reason.replace("\x00", "").encode("utf-8", "replace").decode()
        with self._connection() as connection:
            connection.execute(_DEAD, (self._topic, delivery.key, delivery.body, clean, delivery.attempt))
            self._settle(delivery)
            self._commit(connection)

    def lag(self) -> int:
        """Return how many messages of the topic the group has not settled yet.

        Raises:
            TransientError: The server does not answer.
        """
        with self._session.apart() as connection:
            row = connection.execute(_LAG, (self._group, self._topic)).fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Leave the group; what is unsettled goes to other members at once."""
        with contextlib.suppress(TransientError), self._session.connection(only_open=True) as connection:
            connection.execute(
                "DELETE FROM bus.group_members WHERE group_name = %s AND topic = %s AND member_id = %s",
                (self._group, self._topic, self._member_id),
            )
            connection.execute("SELECT pg_notify('atlas_bus', %s)", (self._topic,))
        self._owned.clear()
        self._session.close()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        with self._session.connection() as connection:
            if self._ours is not connection:
                self._owned.clear()
                self._tenure += 1
                self._ours = connection
                self._next_rebalance = 0.0
                with connection.cursor() as cursor:
                    _make_topic(cursor, self._topic, self._partitions)
            yield connection

    def _settle(self, delivery: Delivery) -> None:
        receipt = _receipt(delivery)
        if receipt.tenure == self._tenure and receipt.partition in self._owned:
            self._owned[receipt.partition].settle(receipt.offset)

    def _commit(self, connection: psycopg.Connection[Any]) -> None:
        moved = {number: progress.uncommitted for number, progress in self._owned.items()}
        offsets = {number: offset for number, offset in moved.items() if offset is not None}
        if not offsets:
            return
        connection.execute(_COMMIT, (self._group, self._topic, list(offsets), list(offsets.values())))
        for number, offset in offsets.items():
            self._owned[number].mark_committed(offset)

    def _fetch(self, connection: psycopg.Connection[Any], max_messages: int) -> list[Delivery]:
        found: list[Delivery] = []
        left_bytes = limits.BATCH_BYTES
        now = time.monotonic()
        numbers = sorted(self._owned)
        self._next_first += 1
        start = self._next_first % len(numbers) if numbers else 0
        for number in numbers[start:] + numbers[:start]:
            progress = self._owned[number]
            if progress.paused_until > now or len(found) >= max_messages or left_bytes <= 0:
                continue
            wanted = max_messages - len(found)
            rows = connection.execute(_FETCH, (self._topic, number, progress.position, wanted, left_bytes)).fetchall()
            for offset, key, body in rows:
                attempt = progress.deliver(offset)
                found.append(Delivery(body, key, attempt, _Receipt(number, offset, self._tenure)))
                left_bytes -= len(body)
        return found

    def _until_unpaused(self) -> float:
        now = time.monotonic()
        waits = [progress.paused_until - now for progress in self._owned.values() if progress.paused_until > now]
        return max(0.01, min(waits, default=1.0))

    def _keep_house(self, connection: psycopg.Connection[Any]) -> None:
        now = time.monotonic()
        if now >= self._next_rebalance:
            self._next_rebalance = now + REBALANCE_S
            self._rebalance(connection)
        if now >= self._next_tidy:
            self._next_tidy = now + TIDY_S
            self._tidy(connection)

    def _rebalance(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(_BEAT, (self._group, self._topic, self._member_id))
        row = connection.execute(_MEMBERS, (self._group, self._topic, MEMBER_SILENT_S)).fetchone()
        members = max(1, row[0] if row else 1)
        fair = -(-self._partitions // members)
        for number in sorted(self._owned)[fair:]:
            self._commit(connection)
            del self._owned[number]
            connection.execute("SELECT pg_advisory_unlock(%s)", (self._lock_of(number),))
        for number in range(self._partitions):
            if len(self._owned) < fair and number not in self._owned:
                self._try_own(connection, number)

    def _try_own(self, connection: psycopg.Connection[Any], number: int) -> None:
        locked = connection.execute("SELECT pg_try_advisory_lock(%s)", (self._lock_of(number),)).fetchone()
        if locked is None or not locked[0]:
            return
        row = connection.execute(
            "SELECT committed FROM bus.group_offsets WHERE group_name = %s AND topic = %s AND partition = %s",
            (self._group, self._topic, number),
        ).fetchone()
        self._owned[number] = PartitionProgress(row[0] if row else 0)

    def _lock_of(self, number: int) -> int:
        return zlib.crc32(f"{self._group}\n{self._topic}".encode()) * _LOCK_STRIDE + number

    def _tidy(self, connection: psycopg.Connection[Any]) -> None:
        """Forget whole days that are past the retention and that every group has read."""
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM bus.group_members WHERE seen_at < now() - interval '1 hour'")
            cursor.execute(_UNREAD_SINCE)
            row = cursor.fetchone()
            unread = row[0] if row and row[0] else datetime.now(UTC)
            before = min(unread, datetime.now(UTC) - RETENTION).date()
            for name in drop_day_partitions_before(cursor, "bus.log_messages", before):
                log.info("dropped %s: past the log's retention and read by every group", name)


def _receipt(delivery: Delivery) -> _Receipt:
    assert isinstance(delivery.receipt, _Receipt)
    return delivery.receipt
