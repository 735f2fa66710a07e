"""Group commit: concurrent requests share one durable write."""

import asyncio
import logging
import threading
import time
from collections import deque

from atlas_core import limits
from atlas_core.errors import AtlasError, TooLargeError, TransientError
from atlas_core.ports import Message, Publisher

log = logging.getLogger(__name__)

BATCH_MESSAGES = 1_000
WAITING_BYTES = 64 * 1024 * 1024
ANSWER_WITHIN_S = 1.8

_Waiting = tuple[list[Message], asyncio.Future[None]]


class GroupCommit:
    """Gathers what concurrent requests publish while the previous write is under way, and writes it as one.

    An idle Atlas adds no delay: the first request is written at once. Use from one event loop.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._write_for_ever, name="group-commit", daemon=True)
        self._thread.start()

    async def publish(self, messages: list[Message]) -> None:
        """Return when every message is durable.

        Raises:
            TransientError: It is not, or not known to be, in time; publish again with the same event ids.
            TooLargeError: A message is past what the log takes.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        size_bytes = sum(len(message.body) for message in messages)
        if any(len(message.body) > limits.MESSAGE_BYTES for message in messages):
            raise TooLargeError(f"an event is larger than {limits.MESSAGE_BYTES:,} bytes")
        if size_bytes > WAITING_BYTES:
            raise TooLargeError(f"the events of a request are larger than {WAITING_BYTES:,} bytes")
        with self._wake:
            if self._closed or self._waiting_bytes + size_bytes > WAITING_BYTES:
                raise TransientError("ingestion is stopping" if self._closed else "ingestion is overloaded: slow down")
            self._waiting.append((messages, written))
            self._waiting_bytes += size_bytes
            self._wake.notify()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await written
        except TimeoutError as error:
            raise TransientError("the event log does not answer") from error

    def check(self) -> None:
        """Return if events can be written.

        Raises:
            TransientError: The writer has stopped.
        """
        if self._closed or not self._thread.is_alive():
            raise TransientError("the writer has stopped")

    def close(self) -> None:
        """Write what waits, then stop; a second call does nothing."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _write_for_ever(self) -> None:
        try:
            while batch := self._next_batch():
                self._write(batch)
        finally:
            self._closed = True

    def _write(self, batch: list[_Waiting]) -> None:
        problem: AtlasError | None = None
        started = time.monotonic()
        try:
            self._publisher.publish([message for messages, _ in batch for message in messages])
        except TooLargeError as error:
            if len(batch) > 1:
                # One of them is: the others must not be refused with it.
                for item in batch:
                    self._write([item])
                return
            problem = error
        except TransientError as error:
            problem = error
            log.warning("%d requests answered 503 after %.1f s: %s", len(batch), time.monotonic() - started, error)
        futures = [written for _, written in batch]
        futures[0].get_loop().call_soon_threadsafe(_settle, futures, problem)

    def _next_batch(self) -> list[_Waiting]:
        with self._wake:
            while not self._waiting and not self._closed:
                self._wake.wait()
            batch: list[_Waiting] = []
            count = 0
            while self._waiting and count < BATCH_MESSAGES:
                item = self._waiting.popleft()
                if item[1].done():
                    self._waiting_bytes -= sum(len(message.body) for message in item[0])
                    continue
                batch.append(item)
                count += len(item[0])
            self._waiting_bytes -= sum(len(message.body) for messages, _ in batch for message in messages)
            return batch or (self._next_batch() if not self._closed else [])


def _settle(futures: list[asyncio.Future[None]], problem: AtlasError | None) -> None:
    for written in futures:
        if written.done():
            continue
        if problem is None:
            written.set_result(None)
        else:
            written.set_exception(problem)
