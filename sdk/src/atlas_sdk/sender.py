"""The background thread: takes drafts from a bounded queue, finishes them, has them carried until they are answered."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

from atlas_sdk.backoff import Backoff
from atlas_sdk.bodies import slimmed
from atlas_sdk.connection import Answer, Connection
from atlas_sdk.counts import Counts
from atlas_sdk.courier import Courier
from atlas_sdk.events import Draft
from atlas_sdk.guard import attempt
from atlas_sdk.outbox import BATCH_EVENTS, Outbox
from atlas_sdk.parcels import Parcel
from atlas_sdk.spool import Spool

ADOPT_EVERY_S: Final = 60.0
_BROKEN_WAIT_S: Final = 1.0
_JOIN_S: Final = 1.0
_PAUSE_MAX_S: Final = 0.005
_BURST_EVENTS: Final = 3
_BURST_PAUSE_S: Final = 0.02
_BLAMED_TRIES: Final = 50
_TOO_LARGE: Final = 413
Result = TypeVar("Result")
_log = logging.getLogger("atlas_sdk")


class Sender:
    """Owns the queue, the threads, the outbox and the connection.

    `put` never waits. All that takes time happens in two daemon threads: this one finishes events and decides, the
    courier waits for the server; so events reach the spool also while the server is silent.
    """

    def __init__(
        self,
        prepare: Callable[[Draft], Parcel | None],
        connection: Connection,
        counts: Counts,
        *,
        max_queue: int,
        spool: Spool | None,
        backoff: Backoff,
        exit_timeout_s: float,
    ) -> None:
        self._prepare = prepare
        self._connection = connection
        self._counts = counts
        self._max_queue = max_queue
        self._backoff = backoff
        self.exit_timeout_s = exit_timeout_s
        self._warned: set[str] = set()
        self._begin(Outbox(spool, counts, self._warn))

    def _begin(self, outbox: Outbox) -> None:
        # Only queues that never make `put` wait: no lock of this thread, which may have lost the interpreter, and none
        # that a signal handler or a finalizer could ask for twice.
        self._queue: deque[Draft] = deque()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._moved = threading.Condition()
        self._inside = 0
        self._outbox = outbox
        self._courier = Courier(self._connection, self._arrive)
        self._carried: list[Parcel] = []
        self._answer: Answer | None = None
        self._failures = 0
        self._blamed = 0
        self._alone = 0
        self._retry_at = 0.0
        self._adopt_at = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def pending(self) -> int:
        """How many events wait, in memory or in the spool."""
        with self._moved:
            return len(self._queue) + self._inside

    def has_room(self) -> bool:
        """Whether one more event can be taken; when not, because the queue is full or closed, its loss is counted."""
        if self._closed or len(self._queue) + self._outbox.held >= self._max_queue:
            self._counts.drop("closed" if self._closed else "queue_full")
            return False
        return True

    def put(self, draft: Draft) -> None:
        """Queue a draft for which there was room."""
        self._queue.append(draft)
        self._bell.put(None)
        self.start()

    def start(self) -> None:
        """Start the threads; a second call does nothing. When the process has none to give, the next put tries.

        Both start here: a process that ends gives no thread any more (Python 3.12), but lets those that run send.
        """
        if self._thread is not None:
            return
        with self._moved:
            if self._thread is None and not self._closed:
                attempt(self._start_threads, lambda: None)

    def _start_threads(self) -> None:
        self._courier.start()
        thread = threading.Thread(target=self._run, name="atlas-sdk", daemon=True)
        thread.start()
        self._thread = thread

    def flush(self, timeout_s: float) -> bool:
        """Return whether nothing waits any more, after at most `timeout_s`."""
        with self._moved:
            return self._moved.wait_for(self._is_done, timeout_s)

    def close(self, timeout_s: float) -> None:
        """Send for at most `timeout_s`, spool the rest if there is a spool, stop. A second call does nothing."""
        if self._closed:
            return
        self.flush(timeout_s)
        self._closed = True
        self._bell.put(None)
        if self._thread is None:
            attempt(self._finish, lambda: None)
        elif threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_S)

    def after_fork_in_child(self) -> None:
        """Begin again with an empty queue and a connection of its own; the parent sends what the parent captured."""
        self._connection.begin_again_in_child()
        self._counts.reset()
        closed = self._closed
        self._begin(self._outbox.in_child())
        self._closed = closed

    def _run(self) -> None:
        while not self._closed:
            wait_s = attempt(self._turn, lambda: _BROKEN_WAIT_S)
            self._wait(wait_s)
        attempt(self._finish, lambda: None)

    def _wait(self, wait_s: float) -> None:
        """Wait for the bell; a captured event rings in vain while there is no room for it."""
        until = time.monotonic() + wait_s
        while (left_s := until - time.monotonic()) > 0 and not self._closed:
            try:
                self._bell.get(timeout=left_s)
            except Empty:
                return
            if self._answer is not None or not self._outbox.held:
                return

    def _is_done(self) -> bool:
        # Before the first adoption a started thread does not know yet what waits.
        knows = self._adopt_at > 0 or self._thread is None or not self._outbox.lasts
        return knows and not self.pending

    def _turn(self) -> float:
        """Do what can be done now; return how long there is nothing to do unless something changes."""
        if self._answer is not None:
            self._settle()
        self._fill()
        wait_s = ADOPT_EVERY_S if self._carried else self._set_out()
        return 0.0 if self._queue and not self._outbox.held else wait_s

    def _set_out(self) -> float:
        self._adopt_when_due()
        wait_s = self._retry_at - time.monotonic()
        if wait_s > 0 or not self._outbox.count:
            return wait_s if wait_s > 0 else ADOPT_EVERY_S
        parcels = self._changing(lambda: self._outbox.oldest(1 if self._alone else BATCH_EVENTS))
        if not parcels:
            return _BROKEN_WAIT_S
        self._carry(parcels)
        return ADOPT_EVERY_S

    def _carry(self, parcels: list[Parcel]) -> None:
        self._courier.carry(parcels)
        self._carried = parcels

    def _arrive(self, answer: Answer) -> None:
        """Hear what the server said. Runs in the courier's thread."""
        self._answer = answer
        self._bell.put(None)

    def _fill(self) -> None:
        """Finish as many drafts as a batch takes."""
        for _ in range(BATCH_EVENTS):
            if not self._queue or not self._outbox.has_room():
                return
            with self._moved:
                draft = self._queue.popleft()
                self._inside += 1
            started = time.monotonic()
            parcel = self._prepared(draft)
            if parcel is None:
                self._gone(1)
            else:
                self._outbox.add(parcel)
            if not self._closed:
                self._make_way(time.monotonic() - started)

    def _make_way(self, worked_s: float) -> None:
        """Leave the interpreter to the host for as long as it was taken; for longer while the host captures a burst.

        Python itself would take it from this thread after 5 ms only, and a capture would wait for it as long.
        """
        queued = len(self._queue)
        time.sleep(min(worked_s, _PAUSE_MAX_S))
        if len(self._queue) - queued > _BURST_EVENTS:
            time.sleep(_BURST_PAUSE_S)

    def _prepared(self, draft: Draft) -> Parcel | None:
        return attempt(lambda: self._prepare(draft), lambda: self._counts.drop("sdk_error"))

    def _adopt_when_due(self) -> None:
        # Only while nothing is carried: what is adopted may come to stand before it.
        if time.monotonic() >= self._adopt_at:
            self._changing(self._outbox.adopt)
            self._adopt_at = time.monotonic() + ADOPT_EVERY_S
            self._gone(0)

    def _settle(self) -> None:
        """Act on the server's answer to what was carried."""
        parcels, self._carried = self._carried, []
        answer, self._answer = self._answer, None
        assert answer is not None
        if answer.accepted:
            taken = len(parcels) if answer.taken is None else answer.taken
            self._counts.add("sent", taken)
            self._counts.drop("rejected", len(parcels) - taken)
            self._done_with(parcels)
        elif len(parcels) > 1 and (answer.blames_event or not answer.passing):
            # One of them may be at fault: it must not cost the others.
            self._alone = len(parcels)
        elif answer.passing and not self._is_hopeless(answer):
            self._failures += 1
            self._retry_at = time.monotonic() + self._backoff.delay_s(self._failures, answer.retry_after_s)
            self._counts.add("retries")
        elif answer.status != _TOO_LARGE or not self._carries_less_of(parcels[0]):
            self._counts.drop(f"http_{answer.status}")
            self._warn(f"the server answers {answer.status}; such events are dropped")
            self._done_with(parcels)

    def _is_hopeless(self, answer: Answer) -> bool:
        """Whether the server failed on this one event so often that the others must not wait for it any longer."""
        self._blamed += answer.blames_event
        return self._blamed >= _BLAMED_TRIES

    def _carries_less_of(self, parcel: Parcel) -> bool:
        """Whether there was something to leave out of an event that the server found too large."""
        smaller = slimmed(parcel.body)
        if len(smaller) < len(parcel.body):
            self._carry([Parcel(parcel.event_id, smaller)])
        return bool(self._carried)

    def _done_with(self, parcels: list[Parcel]) -> None:
        self._failures = self._blamed = 0
        self._retry_at = 0.0
        self._alone = max(0, self._alone - len(parcels))
        self._changing(lambda: self._outbox.forget(len(parcels)))

    def _finish(self) -> None:
        """Spool what is left, count what cannot be kept, let the courier go."""
        if self._answer is not None:
            self._settle()
        while self._outbox.lasts and self._queue and self._outbox.has_room():
            self._fill()
        self._courier.close()
        with self._moved:
            lost = len(self._queue) + self._outbox.held
            self._inside -= self._outbox.held
            self._queue.clear()
        self._counts.drop("closed", lost)
        self._outbox.close()
        self._gone(0)

    def _changing(self, act: Callable[[], Result]) -> Result:
        """Return what `act` returns; what it adds to the outbox or takes from it waits, or no longer does."""
        before = self._outbox.count
        result = act()
        self._gone(before - self._outbox.count)
        return result

    def _gone(self, number: int) -> None:
        """Tell who waits in `flush` that so many events no longer do."""
        with self._moved:
            self._inside -= number
            self._moved.notify_all()

    def _warn(self, text: str) -> bool:
        """Log a fact once; always False."""
        if text not in self._warned:
            self._warned.add(text)
            _log.warning("atlas-sdk: %s", text)
        return False
