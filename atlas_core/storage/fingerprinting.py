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


def fingerprinted(
    grouping: Grouping, batches: Iterable[tuple[T, Sequence[bytes]]]
) -> Iterator[tuple[T, list[Fingerprinted]]]:
    """Yield each batch's name with the fingerprints of its bodies, in order; a bounded number is on its way.

    Raises:
        TransientError: A process was killed.
    """
    left = iter(batches)
    done = 0
    for name, bodies in left:
        yield name, fingerprints_of(grouping, bodies)
        done += len(bodies)
        if done >= ALONE_UP_TO:
            yield from _in_processes(grouping, left)


def _in_processes(
    grouping: Grouping, batches: Iterable[tuple[T, Sequence[bytes]]]
) -> Iterator[tuple[T, list[Fingerprinted]]]:
    idle: SimpleQueue[Fingerprinter] = SimpleQueue()
    waiting: deque[tuple[T, Future[list[Fingerprinted]]]] = deque()

    def work(bodies: Sequence[bytes]) -> list[Fingerprinted]:
        process = idle.get()
        try:
            return process.fingerprints(bodies)
        finally:
            idle.put(process)

    with ExitStack() as stack:
        for _ in range(PROCESSES):
            idle.put(stack.enter_context(closing(Fingerprinter(grouping))))
        # Each of these threads waits for one process.
        pool = stack.enter_context(ThreadPoolExecutor(PROCESSES))
        for name, bodies in batches:
            waiting.append((name, pool.submit(work, bodies)))
            if len(waiting) >= _WAITING:
                yield _first(waiting)
        while waiting:
            yield _first(waiting)


def _first(waiting: deque[tuple[T, Future[list[Fingerprinted]]]]) -> tuple[T, list[Fingerprinted]]:
    name, future = waiting.popleft()
    return name, future.result()
