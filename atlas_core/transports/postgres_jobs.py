"""The embedded job queue: a table of PostgreSQL, taken with SKIP LOCKED."""

import time
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from atlas_core import limits
from atlas_core.errors import TooLargeError
from atlas_core.ports import Delivery, Message
from atlas_core.transports.postgres_session import Session

# Claiming is one statement: the lease is the redelivery after a crash, the attempt number is the receipt.
_CLAIM: Final = """
UPDATE bus.jobs j SET due_at = now() + make_interval(secs => %s), attempt = j.attempt + 1
FROM (SELECT id FROM bus.jobs WHERE queue = %s AND due_at <= now() ORDER BY due_at, id LIMIT %s
      FOR UPDATE SKIP LOCKED) due
WHERE j.id = due.id RETURNING j.id, j.key, j.body, j.attempt
"""
_RETRY: Final = "UPDATE bus.jobs SET due_at = now() + make_interval(secs => %s) WHERE id = %s AND attempt = %s"
_DONE: Final = "DELETE FROM bus.jobs WHERE id = %s AND attempt = %s"
_DEAD: Final = """
WITH gone AS (DELETE FROM bus.jobs WHERE id = %s AND attempt = %s RETURNING queue, key, body, attempt)
INSERT INTO bus.dead_letters (topic, key, body, reason, attempt) SELECT queue, key, body, %s, attempt FROM gone
"""


class PostgresJobPublisher:
    """Puts jobs into a queue.

    Args:
        url: A libpq URL.
        queue: The queue's name.
    """

    def __init__(self, url: str, queue: str) -> None:
        self._queue = queue
        self._session = Session(url, f"publish {queue}")

    def publish(self, messages: Sequence[Message]) -> None:
        """Queue all messages durably.

        Raises:
            TransientError: They may not be written; publishing them again may double them.
            TooLargeError: A message is past the limit; none was written.
        """
        if not messages:
            return
        if any(len(message.body) > limits.MESSAGE_BYTES for message in messages):
            raise TooLargeError(f"a message is larger than {limits.MESSAGE_BYTES:,} bytes")
        rows = [(self._queue, message.key, message.body) for message in messages]
        with self._session.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany("INSERT INTO bus.jobs (queue, key, body) VALUES (%s, %s, %s)", rows)
            cursor.execute("SELECT pg_notify('atlas_bus', %s)", (self._queue,))

    def check(self) -> None:
        """Return if the server answers.

        Raises:
            TransientError: It does not.
        """
        self._session.check()

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()


class _Receipt(msgspec.Struct, frozen=True):
    job_id: int
    attempt: int


class PostgresJobConsumer:
    """Takes jobs from a queue; what is not settled within the lease comes again.

    Args:
        url: A libpq URL.
        queue: The queue's name.
        lease_s: How long a job may take before somebody else gets it.
    """

    def __init__(self, url: str, queue: str, lease_s: float = 60) -> None:
        self._queue = queue
        self._lease_s = lease_s
        self._session = Session(url, f"take {queue}", listen="atlas_bus")
        self._held: set[_Receipt] = set()

    def poll(self, max_messages: int, timeout_s: float) -> list[Delivery]:
        """Return up to `max_messages` due jobs, waiting up to `timeout_s` for the first one.

        Raises:
            TransientError: The server does not answer.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            with self._session.connection() as connection:
                rows = connection.execute(_CLAIM, (self._lease_s, self._queue, max_messages)).fetchall()
                left_s = deadline - time.monotonic()
                if rows or left_s <= 0:
                    break
                self._session.wait(min(left_s, 0.5))
        deliveries = [Delivery(row[2], row[1], row[3], _Receipt(row[0], row[3])) for row in sorted(rows)]
        self._held.update(_receipt(delivery) for delivery in deliveries)
        return deliveries

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Take done jobs out of the queue.

        Raises:
            TransientError: They may come again.
        """
        receipts = [_receipt(delivery) for delivery in deliveries]
        with self._session.connection() as connection, connection.cursor() as cursor:
            cursor.executemany(_DONE, [(receipt.job_id, receipt.attempt) for receipt in receipts])
        self._held.difference_update(receipts)

    def retry(self, deliveries: Iterable[Delivery], delay_s: float) -> None:
        """Have jobs come again after `delay_s`.

        Raises:
            TransientError: They come again when their lease is over.
        """
        receipts = [_receipt(delivery) for delivery in deliveries]
        self._give_back(receipts, delay_s)

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Move a job to the dead letters with its reason.

        Raises:
            TransientError: It could not be moved; the job is not done.
        """
        receipt = _receipt(delivery)
        clean = reason.replace("\x00", "").encode("utf-8", "replace").decode()
        with self._session.connection() as connection:
            connection.execute(_DEAD, (receipt.job_id, receipt.attempt, clean))
        self._held.discard(receipt)

    def lag(self) -> int:
        """Return how many jobs are in the queue, those being worked on included.

        Raises:
            TransientError: The server does not answer.
        """
        with self._session.apart() as connection:
            row = connection.execute("SELECT count(*) FROM bus.jobs WHERE queue = %s", (self._queue,)).fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Give back at once what is unsettled, and let go of the connection."""
        if self._held:
            self._give_back(list(self._held), 0)
        self._session.close()

    def _give_back(self, receipts: list[_Receipt], delay_s: float) -> None:
        with self._session.connection() as connection, connection.cursor() as cursor:
            cursor.executemany(_RETRY, [(delay_s, receipt.job_id, receipt.attempt) for receipt in receipts])
            cursor.execute("SELECT pg_notify('atlas_bus', %s)", (self._queue,))
        self._held.difference_update(receipts)


def _receipt(delivery: Delivery) -> _Receipt:
    assert isinstance(delivery.receipt, _Receipt)
    return delivery.receipt
