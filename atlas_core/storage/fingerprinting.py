"""Fingerprints many stored events, on all cores that there are."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from queue import SimpleQueue
from typing import Final, TypeVar

from atlas_core.grouping import Grouping
from atlas_core.storage.bodies import Fingerprinted, fingerprints_of
from atlas_core.storage.fingerprinter import Fingerprinter

# A process costs about half a second to start.
ALONE_UP_TO: Final = 10_000
PROCESSES: Final = 2
_WAITING: Final = 3 * PROCESSES
T = TypeVar("T")


class Fingerprinting:
    """Fingerprints events under one grouping: few of them here, many in processes, which stay until `close`."""

    def __init__(self, grouping: Grouping) -> None:
        self._grouping = grouping
        self._started = ExitStack()
        self._idle: SimpleQueue[Fingerprinter] = SimpleQueue()
        self._pool: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """End the processes; a second call does nothing."""
        self._started.close()
        self._pool = None

    def fingerprinted(
        self, batches: Iterable[tuple[T, Sequence[bytes]]], *, total: int
    ) -> Iterator[tuple[T, list[Fingerprinted]]]:
        """Yield each batch's name with the fingerprints of its bodies, in order; a bounded number is on its way.

        Args:
            batches: Names and the bodies to fingerprint.
            total: How many bodies there are in all.

        Raises:
            TransientError: A process was killed.
        """
        if self._pool is None and total > ALONE_UP_TO:
            self._pool = self._start()
        if self._pool is None:
            yield from ((name, fingerprints_of(self._grouping, bodies)) for name, bodies in batches)
            return
        waiting: deque[tuple[T, Future[list[Fingerprinted]]]] = deque()
        for name, bodies in batches:
            waiting.append((name, self._pool.submit(self._work, bodies)))
            if len(waiting) >= _WAITING:
                yield _first(waiting)
        while waiting:
            yield _first(waiting)

    def _start(self) -> ThreadPoolExecutor:
        for _ in range(PROCESSES):
            self._idle.put(self._started.enter_context(closing(Fingerprinter(self._grouping))))
        # Each of these threads waits for one process.
        return self._started.enter_context(ThreadPoolExecutor(PROCESSES))

    def _work(self, bodies: Sequence[bytes]) -> list[Fingerprinted]:
        process = self._idle.get()
        try:
            return process.fingerprints(bodies)
        finally:
            self._idle.put(process)


def _first(waiting: deque[tuple[T, Future[list[Fingerprinted]]]]) -> tuple[T, list[Fingerprinted]]:
    name, future = waiting.popleft()
    return name, future.result()
