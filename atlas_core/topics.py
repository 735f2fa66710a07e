"""Every channel: its name, what it carries, by which key, and how that becomes bytes."""

import hashlib
from typing import Final, Generic, TypeVar
from uuid import UUID

import msgspec

from atlas_core.errors import RejectedError
from atlas_core.events import Event
from atlas_core.insights import InsightJob
from atlas_core.issues import IssueUpdate

T = TypeVar("T")

ISSUE_GROUP: Final = "issue-consumers"
ALERT_GROUP: Final = "alert-consumers"
INSIGHT_GROUP: Final = "ai-consumers"


class Topic(Generic[T]):
    """A named channel of records of one type, as JSON."""

    def __init__(self, name: str, record: type[T], *, partitions: int) -> None:
        self.name = name
        self.partitions = partitions
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(record)

    def encode(self, record: T) -> bytes:
        """Return the record as JSON bytes."""
        return self._encoder.encode(record)

    def decode(self, body: bytes) -> T:
        """Return the record in `body`.

        Raises:
            RejectedError: The bytes are not JSON of this topic's shape.
        """
        try:
            return self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise RejectedError(f"{self.name}: {error}") from error


ATLAS_EVENTS: Final = Topic("atlas-events", Event, partitions=4)
ISSUE_UPDATES: Final = Topic("issue-updates", IssueUpdate, partitions=4)
INSIGHT_JOBS: Final = Topic("ai-analysis-jobs", InsightJob, partitions=1)


def event_key(event: Event) -> bytes:
    """Return the key of an event: one loud project spreads over partitions, one issue keeps its order."""
    return event.project_id.bytes + hashlib.sha256(event.message.encode("utf-8", "surrogatepass")).digest()[:8]


def issue_key(issue_id: UUID) -> bytes:
    """Return the key of everything about one issue."""
    return issue_id.bytes
