"""Fingerprints many stored events, on all cores that there are."""

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final, TypeVar

from atlas_core.errors import TransientError
from atlas_core.grouping import Fingerprint, Grouping
from atlas_core.storage.bodies import fingerprints_of

# A process costs about a second to start.
ALONE_UP_TO: Final = 10_000
PROCESSES: Final = 2
_WAITING: Final = 3 * PROCESSES
T = TypeVar("T")


def fingerprinted(
    grouping: Grouping, batches: Iterable[tuple[T, Sequence[bytes]]]
) -> Iterator[tuple[T, list[Fingerprint]]]:
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
) -> Iterator[tuple[T, list[Fingerprint]]]:
    waiting: deque[tuple[T, Future[list[Fingerprint]]]] = deque()
    # Spawned, because this process has threads.
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        try:
            for name, bodies in batches:
                waiting.append((name, pool.submit(fingerprints_of, grouping, bodies)))
                if len(waiting) >= _WAITING:
                    yield _first(waiting)
            while waiting:
                yield _first(waiting)
        except BrokenProcessPool as error:
            raise TransientError("a process that fingerprints events was killed") from error


def _first(waiting: deque[tuple[T, Future[list[Fingerprint]]]]) -> tuple[T, list[Fingerprint]]:
    name, future = waiting.popleft()
    return name, future.result()
