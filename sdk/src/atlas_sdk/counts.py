"""What became of the captured events, by count."""

import threading
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stats:
    """A client's counts since it was made (in a forked child: since the fork).

    `queued` events wait for the server, in memory or in the spool; `dropped` ones will not be sent, by reason;
    `retries` counts requests that were tried again. Each captured or adopted event is in exactly one of the first
    three.
    """

    sent: int
    queued: int
    dropped: dict[str, int]
    retries: int


class Counts:
    """Counters that any thread may add to, also from a signal handler or a finalizer."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start again from nothing, with a lock of its own: in a forked child the old one may be held for ever."""
        self._lock = threading.RLock()
        self._plain: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()

    def add(self, name: str, number: int = 1) -> None:
        """Count what was done."""
        with self._lock:
            self._plain[name] += number

    def drop(self, reason: str, number: int = 1) -> None:
        """Count events that will not be sent."""
        if number:
            with self._lock:
                self._dropped[reason] += number

    @property
    def dropped(self) -> dict[str, int]:
        """How many events will not be sent, by reason."""
        with self._lock:
            return dict(self._dropped)

    def stats(self, queued: int) -> Stats:
        """Return the counts as they are now."""
        with self._lock:
            names = self._plain
            return Stats(names["sent"], queued, dict(self._dropped), names["retries"])
