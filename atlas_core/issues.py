"""Issues: the same error, counted; and what a batch of events did to one."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from atlas_core.events import Level


class Status(StrEnum):
    """Where an issue stands."""

    OPEN = "open"
    RESOLVED = "resolved"
    IGNORED = "ignored"


class Priority(StrEnum):
    """How soon people mean to look at an issue."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Issue(msgspec.Struct, kw_only=True):
    """One error of one project; `level` and `stack_trace` are of its latest event."""

    id: UUID
    fingerprint: str
    project_id: UUID
    title: str
    level: Level
    count: int
    stack_trace: str
    first_seen: datetime
    last_seen: datetime
    status: Status
    created_at: datetime
    updated_at: datetime


class IssueUpdate(msgspec.Struct, kw_only=True):
    """What one batch of events did to one issue.

    `count_before < n <= count` are the sequence numbers of the batch's events. A repeat of the batch carries the same
    `count_before` (and a `count` at least as high), so no crossing is ever hidden. `worst_level` is the most severe
    level among the batch's events; `level` the latest one's. `stack_trace` is what is nearest the crash of the latest
    one among the batch's events; `regressed` says that the batch began the episode of a resolved issue, `returned`
    that it ended an ignore.
    """

    issue_id: UUID
    project_id: UUID
    title: str
    level: Level
    worst_level: Level
    count_before: int
    count: int
    episode: int
    status: Status
    stack_trace: str
    updated_at: datetime
    regressed: bool = False
    returned: bool = False
