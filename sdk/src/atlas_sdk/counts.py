"""What became of the captured events, by count."""

import threading
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stats:
    """A client's counts since it was made (in a forked child: since the fork).

    `queued` events wait for the server, in memory or in the spool; `dropped` is by reason; `retries` counts requests
    that were tried again; `before_send_errors` counts events that were sent unchanged because `before_send` failed.
    """

    sent: int
    queued: int
    dropped: dict[str, int]
    retries: int
    before_send_errors: int


class Counts:
    """Counters that any thread may add to, also from a signal handler or a finalizer."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start again from nothing, with a lock of its own: in a forked child the old one may be held for ever."""
        self._lock = threading.RLock()
        self._plain: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()

    def add(self, name: str) -> None:
        """Count one."""
        with self._lock:
            self._plain[name] += 1

    def drop(self, reason: str) -> None:
        """Count one event that will not be sent."""
        with self._lock:
            self._dropped[reason] += 1

    def stats(self, queued: int) -> Stats:
        """Return the counts as they are now."""
        with self._lock:
            names = self._plain
            return Stats(names["sent"], queued, dict(self._dropped), names["retries"], names["before_send_errors"])
