"""Fingerprints many stored events, on all cores that there are."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Final, TypeVar

from atlas_core.grouping import Grouping
from atlas_core.storage.bodies import Fingerprinted, fingerprints_of
from atlas_core.storage.fingerprinter import Fingerprinter

# Fewer cost less here than starting processes does.
ALONE_UP_TO: Final = 10_000
PROCESSES: Final = 2
AT_ONCE: Final = 1_000
_WAITING: Final = 3 * PROCESSES
T = TypeVar("T")
_Worker = tuple[Fingerprinter, ThreadPoolExecutor]


class Fingerprinting:
    """Fingerprints events under one grouping: few of them here, many in processes, which stay until `close`."""

    def __init__(self, grouping: Grouping) -> None:
        self._grouping = grouping
        self._started = ExitStack()
        self._workers: list[_Worker] = []

    def close(self) -> None:
        """End the processes; a second call does nothing."""
        self._started.close()
        self._workers = []

    def fingerprinted(
        self, events: Iterable[tuple[int, T, bytes]], *, total: int
    ) -> Iterator[tuple[list[T], list[Fingerprinted]]]:
        """Yield names of events with their fingerprints, a batch at a time; a bounded number is on its way.

        Args:
            events: Of each a number, the same for events that are alike (one process has them all, and does once what
                they have in common), a name and the body.
            total: How many events there are in all.

        Raises:
            TransientError: A process was killed.
        """
        if not self._workers and total > ALONE_UP_TO:
            self._workers = [self._start() for _ in range(PROCESSES)]
        if not self._workers:
            for _, names, bodies in _batches(events, 1):
                yield names, fingerprints_of(self._grouping, bodies)
            return
        waiting: deque[tuple[list[T], Future[list[Fingerprinted]]]] = deque()
        for number, names, bodies in _batches(events, PROCESSES):
            process, thread = self._workers[number]
            waiting.append((names, thread.submit(process.fingerprints, bodies)))
            if len(waiting) >= _WAITING:
                yield _first(waiting)
        while waiting:
            yield _first(waiting)

    def _start(self) -> _Worker:
        process = self._started.enter_context(closing(Fingerprinter(self._grouping)))
        # Its one thread waits for the process.
        return process, self._started.enter_context(ThreadPoolExecutor(1))


def _batches(events: Iterable[tuple[int, T, bytes]], workers: int) -> Iterator[tuple[int, list[T], list[bytes]]]:
    """Yield the number of a worker with names and bodies for it."""
    begun: list[tuple[list[T], list[bytes]]] = [([], []) for _ in range(workers)]
    for alike, name, body in events:
        number = alike % workers
        names, bodies = begun[number]
        names.append(name)
        bodies.append(body)
        if len(names) == AT_ONCE:
            begun[number] = ([], [])
            yield number, names, bodies
    yield from ((number, names, bodies) for number, (names, bodies) in enumerate(begun) if names)


def _first(waiting: deque[tuple[list[T], Future[list[Fingerprinted]]]]) -> tuple[list[T], list[Fingerprinted]]:
    names, future = waiting.popleft()
    return names, future.result()
