"""The only consume loop: poll, decode, handle, settle."""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from atlas_core import limits, metrics
from atlas_core.errors import AtlasError, MisconfiguredError, RejectedError, TransientError
from atlas_core.ports import Consumer, Delivery

log = logging.getLogger(__name__)

T = TypeVar("T")

BACKOFF_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
LAG_EVERY_S: Final = 5.0


class Worker(Generic[T]):
    """Reads one channel in a thread of its own until it is stopped.

    A record that cannot be processed costs itself, never its batch: it is a dead letter, with its reason. A dependency
    that is away costs nothing: the batch waits and comes again. When too much would be a dead letter the worker stops
    and says so (`check`): a bad deploy must not drain the channel.

    Args:
        name: The channel's name, for logs and metrics.
        group: The consumer group's name, for metrics.
        consumer: Where records come from.
        decode: Bytes to a record; raises RejectedError.
        handle: Processes a batch; may be called twice for the same records. Returning is success; TransientError
            means later, RejectedError never, anything else is a bug.
        max_messages: The largest batch.
        rejected: Told of each record that became a dead letter.
    """

    def __init__(
        self,
        name: str,
        group: str,
        consumer: Consumer,
        decode: Callable[[bytes], T],
        handle: Callable[[Sequence[T]], None],
        *,
        max_messages: int = 500,
        rejected: Callable[[Delivery], None] = lambda _: None,
    ) -> None:
        self._rejected = rejected
        self._name = name
        self._group = group
        self._consumer = consumer
        self._decode = decode
        self._handle = handle
        self._max_messages = max_messages
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{group} {name}", daemon=True)
        self._recent: deque[bool] = deque(maxlen=limits.REJECTS_WINDOW)
        self._in_a_row = 0
        self._outages = 0
        self._next_lag = 0.0
        self._problem = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch under way, then leave the group."""
        self._stop.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the worker has left."""
        self._thread.join(timeout)

    def check(self) -> None:
        """Return if the worker works.

        Raises:
            TransientError: It stopped or waits; the text says why.
        """
        if self._problem:
            raise TransientError(self._problem)
        if not self._thread.is_alive():
            raise TransientError(f"the worker of {self._name} does not run")

    def lag(self) -> int:
        """Return how many messages wait to be settled, those under way too; a worker that has stopped tells it as well.

        Raises:
            TransientError: The server does not answer.
        """
        return self._consumer.lag()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._step()
        except MisconfiguredError as error:
            self._problem = str(error)
            log.error("%s stopped: %s", self._name, error)  # noqa: TRY400 - the text says what to do
        finally:
            self._consumer.close()

    def _step(self) -> None:
        try:
            deliveries = self._consumer.poll(self._max_messages, 1.0)
            if deliveries:
                started = time.monotonic()
                self._process(deliveries)
                metrics.BATCH.labels(self._name).observe(time.monotonic() - started)
            self._measure_lag()
        except TransientError as error:
            self._wait_out(error)
        else:
            if self._outages:
                log.info("%s goes on", self._name)
            self._outages = 0
            self._problem = ""

    def _process(self, deliveries: list[Delivery]) -> None:
        good: list[tuple[Delivery, T]] = []
        for delivery in deliveries:
            try:
                good.append((delivery, self._decode(delivery.body)))
            except RejectedError as error:
                self._reject(delivery, str(error))
        if good:
            self._attempt(good)

    def _attempt(self, batch: list[tuple[Delivery, T]]) -> None:
        try:
            self._handle([record for _, record in batch])
        except TransientError:
            self._consumer.retry([delivery for delivery, _ in batch], self._pause_s())
            raise
        except RejectedError as error:
            self._divide(batch, str(error))
        except Exception as error:
            if len(batch) == 1:
                log.exception("%s: a message cannot be processed", self._name)
            self._divide(batch, f"{type(error).__name__}: {error}")
        else:
            self._consumer.ack([delivery for delivery, _ in batch])
            metrics.HANDLED.labels(self._name, "done").inc(len(batch))
            self._note(done=len(batch))

    def _divide(self, batch: list[tuple[Delivery, T]], reason: str) -> None:
        if len(batch) == 1:
            self._reject(batch[0][0], reason)
            return
        for n, single in enumerate(batch):
            try:
                self._attempt([single])
            except TransientError:
                self._consumer.retry([delivery for delivery, _ in batch[n + 1 :]], self._pause_s())
                raise

    def _reject(self, delivery: Delivery, reason: str) -> None:
        self._consumer.reject(delivery, reason[:2_000])
        log.warning("%s: dead letter after attempt %d: %s", self._name, delivery.attempt, reason[:500])
        metrics.HANDLED.labels(self._name, "dead letter").inc()
        self._rejected(delivery)
        self._note(done=0)

    def _note(self, *, done: int) -> None:
        self._recent.extend([True] * min(done, limits.REJECTS_WINDOW) if done else [False])
        self._in_a_row = 0 if done else self._in_a_row + 1
        rejects = sum(1 for good in self._recent if not good)
        if self._in_a_row > limits.REJECTS_IN_A_ROW or rejects > limits.REJECTS_IN_WINDOW:
            raise MisconfiguredError(
                f"{self._name}: {self._in_a_row} messages in a row and {rejects} of the last {len(self._recent)} "
                "became dead letters, so consuming has stopped. Look at their reasons, mend, start again"
            )

    def _pause_s(self) -> float:
        return BACKOFF_S[min(self._outages, len(BACKOFF_S) - 1)] * random.uniform(0.8, 1.2)  # noqa: S311 - jitter

    def _wait_out(self, error: AtlasError) -> None:
        if not self._outages:
            log.warning("%s waits: %s", self._name, error)
        self._problem = str(error)
        pause_s = self._pause_s()
        self._outages += 1
        self._stop.wait(pause_s)

    def _measure_lag(self) -> None:
        if time.monotonic() >= self._next_lag:
            self._next_lag = time.monotonic() + LAG_EVERY_S
            metrics.LAG.labels(self._name, self._group).set(self.lag())
