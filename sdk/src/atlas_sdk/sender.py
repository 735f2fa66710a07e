"""The background thread: takes drafts from a bounded queue, keeps their order, tries until the server has answered."""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from atlas_sdk.connection import Answer, Connection
from atlas_sdk.counts import Counts
from atlas_sdk.events import Draft
from atlas_sdk.guard import attempt
from atlas_sdk.spool import Parcel, Spool

ADOPT_EVERY_S: Final = 60.0
_BROKEN_WAIT_S: Final = 1.0
_JOIN_S: Final = 0.25
_BLAMED_TRIES: Final = 50
_DOUBLINGS: Final = 16
_log = logging.getLogger("atlas_sdk")


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the same event is tried again."""

    first_s: float
    max_s: float

    def delay_s(self, failures: int, retry_after_s: int) -> float:
        """Return the wait after so many failures in a row: doubling, with jitter, never before the server asked."""
        full = min(self.max_s, self.first_s * 2.0 ** min(failures - 1, _DOUBLINGS))
        jittered = full * random.uniform(0.5, 1.0)  # noqa: S311 - it spreads load, it guards nothing
        return max(jittered, retry_after_s * random.uniform(1.0, 1.1))  # noqa: S311 - as above


class Sender:
    """Owns the queue, the thread, the connection and the spool. `put` never waits; the rest happens in the thread."""

    def __init__(
        self,
        prepare: Callable[[Draft], Parcel | None],
        connection: Connection,
        counts: Counts,
        *,
        max_queue: int,
        spool: Spool | None,
        backoff: Backoff,
    ) -> None:
        self._prepare = prepare
        self._connection = connection
        self._counts = counts
        self._max_queue = max_queue
        self._spool = spool
        self._backoff = backoff
        self._warned: set[str] = set()
        self._start_clean()

    def _start_clean(self) -> None:
        # Condition and its default RLock: a put from a signal handler or finalizer of the same thread cannot hang.
        self._changed = threading.Condition()
        self._filling = threading.RLock()
        self._queue: deque[Draft] = deque()
        self._held: Parcel | None = None
        self._pending = 0
        self._failures = 0
        self._blamed = 0
        self._retry_at = 0.0
        self._adopt_at = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def pending(self) -> int:
        """How many events wait, in memory or in the spool."""
        return self._pending

    def put(self, draft: Draft) -> None:
        """Queue a draft, or drop and count it when the queue is full or closed."""
        with self._changed:
            if self._closed or len(self._queue) >= self._max_queue:
                self._counts.drop("closed" if self._closed else "queue_full")
                return
            self._queue.append(draft)
            self._pending += 1
            self._changed.notify_all()
        self.start()

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        if self._thread is not None:
            return
        with self._changed:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="atlas-sdk", daemon=True)
                self._thread.start()

    def is_own_thread(self) -> bool:
        """Whether the caller is the sender itself: what happens there must not be reported again."""
        return threading.current_thread() is self._thread

    def flush(self, timeout_s: float) -> bool:
        """Return whether nothing waits any more, after at most `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._pending == 0, timeout_s)

    def close(self, timeout_s: float) -> None:
        """Send for at most `timeout_s`, spool the rest if there is a spool, stop. A second call does nothing."""
        if self._closed:
            return
        self.flush(timeout_s)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        attempt(self._fill, lambda: None)
        if self._thread is not None and not self.is_own_thread():
            self._thread.join(_JOIN_S)
        with self._changed:
            for _ in range(len(self._queue) + (self._held is not None)):
                self._counts.drop("closed")
        if self._spool is not None:
            attempt(self._spool.close, lambda: None)

    def after_fork_in_child(self) -> None:
        """Begin again with an empty queue and a connection of its own; the parent sends what the parent captured."""
        self._connection.close()
        self._counts.reset()
        if self._spool is not None:
            self._spool = self._spool.in_child()
        closed = self._closed
        self._start_clean()
        self._closed = closed

    def _run(self) -> None:
        while not self._closed:
            wait_s: float = attempt(self._turn, lambda: _BROKEN_WAIT_S)
            if wait_s > 0:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed or bool(self._queue and self._held is None), wait_s)
        self._connection.close()

    def _turn(self) -> float:
        """Do the next thing; return how long to wait when there is nothing to do yet."""
        self._adopt_when_due()
        self._fill()
        parcel = self._head()
        if parcel is None:
            return ADOPT_EVERY_S
        wait_s = self._retry_at - time.monotonic()
        if wait_s > 0:
            return wait_s
        self._settle(self._connection.post(parcel.body))
        return 0.0

    def _fill(self) -> None:
        """Move drafts out of the queue: to the spool, or one into memory while the spool cannot take it."""
        with self._filling:
            while self._held is None and self._queue:
                parcel = self._prepared(self._queue.popleft())
                if parcel is None:
                    self._forget_one()
                elif not self._spooled(parcel):
                    self._held = parcel

    def _prepared(self, draft: Draft) -> Parcel | None:
        def failed() -> None:
            self._counts.drop("sdk_error")

        return attempt(lambda: self._prepare(draft), failed)

    def _spooled(self, parcel: Parcel) -> bool:
        spool = self._spool
        if spool is None:
            return False
        return attempt(lambda: spool.append(parcel), lambda: self._warn("the spool cannot be written"))

    def _adopt_when_due(self) -> None:
        if self._spool is None or time.monotonic() < self._adopt_at:
            return
        self._adopt_at = time.monotonic() + ADOPT_EVERY_S
        found = attempt(self._spool.adopt, lambda: int(self._warn("the spool cannot be read")))
        with self._changed:
            self._pending += found

    def _head(self) -> Parcel | None:
        """Return the oldest parcel: those of the spool are older than the one in memory."""
        try:
            spooled = self._spool.head() if self._spool is not None else None
        except OSError:
            self._counts.drop("spool_unreadable")
            self._pop_spool()
            return self._head()
        return spooled or self._held

    def _settle(self, answer: Answer) -> None:
        if answer.accepted:
            self._counts.add("sent")
        elif answer.passing and not self._is_hopeless(answer):
            self._failures += 1
            self._retry_at = time.monotonic() + self._backoff.delay_s(self._failures, answer.retry_after_s)
            self._counts.add("retries")
            return
        else:
            self._counts.drop(f"http_{answer.status}")
            self._warn(f"the server answers {answer.status}; such events are dropped")
        self._failures = self._blamed = 0
        self._retry_at = 0.0
        self._pop()

    def _is_hopeless(self, answer: Answer) -> bool:
        """Whether the server failed on this one event so often that the others must not wait for it any longer."""
        self._blamed += answer.blames_event
        return self._blamed >= _BLAMED_TRIES

    def _pop(self) -> None:
        if self._spool is not None and self._spool.count:
            self._pop_spool()
        else:
            self._held = None
            self._forget_one()

    def _pop_spool(self) -> None:
        assert self._spool is not None
        attempt(self._spool.pop, lambda: None)
        self._forget_one()

    def _forget_one(self) -> None:
        with self._changed:
            self._pending -= 1
            self._changed.notify_all()

    def _warn(self, text: str) -> bool:
        """Log a fact once; always False."""
        if text not in self._warned:
            self._warned.add(text)
            _log.warning("atlas-sdk: %s", text)
        return False
