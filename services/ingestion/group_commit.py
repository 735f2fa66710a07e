"""Group commit: concurrent requests share one durable write."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from atlas_core import limits
from atlas_core.errors import AtlasError, TooLargeError, TransientError
from atlas_core.ports import Message, Publisher

log = logging.getLogger(__name__)

BATCH_MESSAGES = 1_000
SLICE_BYTES = 4 * limits.MIB
WAITING_BYTES = 64 * limits.MIB
ANSWER_WITHIN_S = 1.8
LARGE_WAITS_S = 5.0


class _Waiting(NamedTuple):
    messages: list[Message]
    size_bytes: int
    written: asyncio.Future[None]


class GroupCommit:
    """Gathers what concurrent requests publish while the previous write is under way, and writes it as one.

    Requests of one turn of the event loop reach the writer together: waking it for each would cost more than the
    rest of their way. An idle Atlas adds no delay. Use from one event loop.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._gathered: list[_Waiting] = []
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._large = asyncio.Lock()
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._write_for_ever, name="group-commit", daemon=True)
        self._thread.start()

    async def publish(self, messages: list[Message]) -> None:
        """Return when every message is durable.

        Raises:
            TransientError: It is not, or not known to be, in time, or only its first slices are; publish again with
                the same event ids.
            TooLargeError: A message is past what the log takes.
        """
        sizes = [len(message.body) for message in messages]
        if max(sizes, default=0) > limits.MESSAGE_BYTES:
            raise TooLargeError(f"an event is larger than {limits.MESSAGE_BYTES:,} bytes")
        size_bytes = sum(sizes)
        if size_bytes > WAITING_BYTES:
            raise TooLargeError(f"the events of a request are larger than {WAITING_BYTES:,} bytes")
        if self._closed or self._waiting_bytes + size_bytes > WAITING_BYTES:
            raise TransientError("ingestion is stopping" if self._closed else "ingestion is overloaded: slow down")
        self._waiting_bytes += size_bytes
        if len(messages) <= BATCH_MESSAGES and size_bytes <= SLICE_BYTES:
            await self._write_with_others(messages, size_bytes)
        else:
            await self._write_in_slices(messages, sizes)

    async def _write_in_slices(self, messages: list[Message], sizes: list[int]) -> None:
        left_bytes = sum(sizes)
        try:
            async with self._turn():
                for part, part_bytes in _slices(messages, sizes):
                    left_bytes -= part_bytes
                    await self._write_with_others(part, part_bytes)
        finally:
            self._waiting_bytes -= left_bytes

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(LARGE_WAITS_S):
                await self._large.acquire()
        except TimeoutError as error:
            raise TransientError("ingestion is overloaded: too many large requests at once") from error
        try:
            yield
        finally:
            self._large.release()

    async def _write_with_others(self, messages: list[Message], size_bytes: int) -> None:
        loop = asyncio.get_running_loop()
        waiting = _Waiting(messages, size_bytes, loop.create_future())
        if not self._gathered:
            loop.call_soon(self._hand_over, loop)
        self._gathered.append(waiting)
        await waiting.written

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        gathered, self._gathered = self._gathered, []
        with self._wake:
            self._waiting.extend(gathered)
            self._wake.notify()
        loop.call_later(ANSWER_WITHIN_S, _give_up, [waiting.written for waiting in gathered])

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
            # Whoever was told meanwhile that it is not written does not get it written: they send it again.
            left = [waiting.messages for waiting in batch if not waiting.written.done()]
            self._publisher.publish([message for messages in left for message in messages])
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
        batch[0].written.get_loop().call_soon_threadsafe(self._settle, batch, problem)

    def _next_batch(self) -> list[_Waiting]:
        with self._wake:
            while not self._waiting and not self._closed:
                self._wake.wait()
            batch: list[_Waiting] = []
            count = size_bytes = 0
            while self._waiting and count < BATCH_MESSAGES and size_bytes < limits.BATCH_BYTES:
                batch.append(self._waiting.popleft())
                count += len(batch[-1].messages)
                size_bytes += batch[-1].size_bytes
            return batch

    def _settle(self, batch: list[_Waiting], problem: AtlasError | None) -> None:
        for waiting in batch:
            self._waiting_bytes -= waiting.size_bytes
            if waiting.written.done():
                continue
            if problem is None:
                waiting.written.set_result(None)
            else:
                waiting.written.set_exception(problem)


def _give_up(futures: list[asyncio.Future[None]]) -> None:
    for written in futures:
        if not written.done():
            written.set_exception(TransientError("the event log does not answer"))


def _slices(messages: list[Message], sizes: list[int]) -> Iterator[tuple[list[Message], int]]:
    """Yield the messages in order, as many at a time as one write takes, and their bytes."""
    start = size_bytes = 0
    for at, message_bytes in enumerate(sizes):
        if at > start and (at - start >= BATCH_MESSAGES or size_bytes + message_bytes > SLICE_BYTES):
            yield messages[start:at], size_bytes
            start, size_bytes = at, 0
        size_bytes += message_bytes
    yield messages[start:], size_bytes
