"""Finished events in the order of their capture, until the server has them: on disk, or a few in memory."""

from collections import deque
from collections.abc import Callable
from typing import Final

from atlas_sdk.counts import Counts
from atlas_sdk.guard import attempt
from atlas_sdk.parcels import Parcel
from atlas_sdk.spool import Spool

BATCH_EVENTS: Final = 100
# Well below the 8 MiB of the server's batch route; an event alone may be larger.
BATCH_BYTES: Final = 500_000


class Outbox:
    """The spool, if there is one, and after it a few parcels in memory that it did not take.

    Used by the sender's thread; its numbers may be read by any.
    """

    def __init__(self, spool: Spool | None, counts: Counts, warn: Callable[[str], bool]) -> None:
        self._spool = spool
        self._counts = counts
        self._warn = warn
        self._held: deque[Parcel] = deque()

    @property
    def count(self) -> int:
        """How many events are here."""
        return self.spooled + self.held

    @property
    def spooled(self) -> int:
        """How many of them are on disk."""
        return self._spool.count if self._spool is not None else 0

    @property
    def held(self) -> int:
        """How many of them are in memory."""
        return len(self._held)

    @property
    def lasts(self) -> bool:
        """Whether what is added outlives the process."""
        return self._spool is not None

    def has_room(self) -> bool:
        """Whether another parcel may come; memory takes no more than the next batch."""
        self._store()
        return len(self._held) < BATCH_EVENTS and sum(len(parcel.body) for parcel in self._held) < BATCH_BYTES

    def add(self, parcel: Parcel) -> None:
        """Take a parcel."""
        self._held.append(parcel)
        self._store()

    def oldest(self, most: int) -> list[Parcel]:
        """Return the oldest parcels, at most `most` and, unless it is one, `BATCH_BYTES`; they stay here.

        None comes when the spool cannot be read now.
        """
        found: list[Parcel] = []
        size_bytes = 0
        try:
            while len(found) < min(most, self.count):
                parcel = self._at(len(found))
                if parcel is None:
                    continue
                size_bytes += len(parcel.body)
                if found and size_bytes > BATCH_BYTES:
                    break
                found.append(parcel)
        except OSError:
            self._warn("the spool cannot be read")
        return found

    def forget(self, number: int) -> None:
        """Forget so many of the oldest parcels."""
        for _ in range(number):
            if self._spool is not None and self._spool.count:
                self._remove(self._spool, 0)
            else:
                self._held.popleft()

    def adopt(self) -> None:
        """Take over what ended processes left in the spool. Not while parcels are under way: they must stay oldest."""
        if self._spool is not None:
            try:
                self._spool.adopt()
            except OSError:
                self._warn("the spool cannot be read")

    def close(self) -> None:
        """Forget what is in memory and let go of the spool, for another process to adopt."""
        self._held.clear()
        if self._spool is not None:
            attempt(self._spool.close, lambda: None)

    def in_child(self) -> "Outbox":
        """Return the empty outbox of a forked child; what is in this one is the parent's."""
        spool = self._spool.in_child() if self._spool is not None else None
        return Outbox(spool, self._counts, self._warn)

    def _at(self, number: int) -> Parcel | None:
        spool = self._spool
        if spool is None or number >= spool.count:
            return self._held[number - self.spooled]
        parcel = spool.read(number)
        if parcel is None:
            self._counts.drop("spool_unreadable")
            self._remove(spool, number)
        return parcel

    def _remove(self, spool: Spool, number: int) -> None:
        attempt(lambda: spool.remove(number), lambda: None)

    def _store(self) -> None:
        """Move parcels from memory to the spool while it takes them: they are older than any that comes."""
        while self._spool is not None and self._held and self._stored(self._spool, self._held[0]):
            self._held.popleft()

    def _stored(self, spool: Spool, parcel: Parcel) -> bool:
        return attempt(lambda: spool.append(parcel), lambda: self._warn("the spool cannot be written"))
