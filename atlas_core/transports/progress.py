"""How far a consumer is in one partition of a log: what is fetched, what is settled, what may be committed."""

import heapq


class PartitionProgress:
    """The bookkeeping of one owned partition; pure, no clock and no I/O of its own.

    Deliveries are settled in any order; only what lies below every unsettled one may be committed. A retry rewinds:
    what came after it comes again too, which is at least once.
    """

    def __init__(self, committed: int) -> None:
        self.position = committed
        self.paused_until = 0.0
        self._committed = committed
        self._unsettled: list[int] = []
        self._open: set[int] = set()
        self._attempts: dict[int, int] = {}

    def deliver(self, offset: int) -> int:
        """Note that the message at `offset` is handed out; return which attempt this is, from 1."""
        self.position = offset + 1
        heapq.heappush(self._unsettled, offset)
        self._open.add(offset)
        return self._attempts.get(offset, 0) + 1

    def settle(self, offset: int) -> bool:
        """Note that a delivery is done; return whether it was handed out and still open."""
        if offset not in self._open:
            return False
        self._open.discard(offset)
        self._attempts.pop(offset, None)
        return True

    def rewind(self, offset: int, until: float) -> None:
        """Have the message at `offset`, and all after it, come again, not before `until`."""
        if offset not in self._open:
            return
        self._attempts[offset] = self._attempts.get(offset, 0) + 1
        self.position = min(self.position, offset)
        self.paused_until = max(self.paused_until, until)
        self._open = {known for known in self._open if known < self.position}
        self._unsettled = sorted(self._open)

    @property
    def commit_offset(self) -> int:
        """The offset below which everything is settled: where another member would begin."""
        while self._unsettled and self._unsettled[0] not in self._open:
            heapq.heappop(self._unsettled)
        return self._unsettled[0] if self._unsettled else self.position

    @property
    def uncommitted(self) -> int | None:
        """The commit offset when it has moved since the last `mark_committed`, else None."""
        offset = self.commit_offset
        return offset if offset > self._committed else None

    def mark_committed(self, offset: int) -> None:
        """Note that `offset` is durably committed."""
        self._committed = max(self._committed, offset)
