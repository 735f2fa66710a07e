"""What the issue service answers of issues and events, for OpenAPI: nothing is validated by these when it does."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from atlas_core.events import Level
from atlas_core.issues import Priority, Status

Json = dict[str, Any]


class Issue(BaseModel):
    """Events that are the same error, and where it stands."""

    id: UUID
    fingerprint: str = Field(description="Hex SHA-256")
    project_id: UUID
    title: str
    type: str | None
    culprit: str | None
    platform: str | None
    level: Level
    count: int
    users: int
    stack_trace: str
    first_seen: datetime
    last_seen: datetime
    first_release: str | None
    last_release: str | None
    status: Status
    resolved_in: str | None
    resolved_in_next: bool
    resolved_at: datetime | None
    is_regressed: bool
    regressed_at: datetime | None
    returned_at: datetime | None
    ignored_until: datetime | None
    ignored_until_count: int | None
    ignored_until_users: int | None
    assignee_id: UUID | None
    priority: Priority
    version: int
    discarded_at: datetime | None
    created_at: datetime
    updated_at: datetime


class IssueAnswer(BaseModel):
    """One issue."""

    issue: Issue


class Issues(BaseModel):
    """A page of issues."""

    issues: list[Issue]
    next_cursor: str | None


class Overview(BaseModel):
    """How many issues a project has."""

    total_issues: int
    open_issues: int
    resolved_issues: int
    critical_count: int
    error_count: int


class EventLine(BaseModel):
    """An event in a list."""

    event_id: UUID
    issue_id: UUID
    fingerprint: str
    type: str | None
    message: str
    level: Level
    timestamp: datetime
    received_at: datetime
    release: str | None
    environment: str | None


class Events(BaseModel):
    """A page of events."""

    events: list[EventLine]
    next_cursor: str | None


class Frame(BaseModel):
    """One stack frame."""

    filename: str | None
    abs_path: str | None
    function: str | None
    module: str | None
    lineno: int | None
    colno: int | None
    in_app: bool | None
    pre_context: list[str]
    context_line: str | None
    post_context: list[str]
    vars: Json | None


class ExceptionShown(BaseModel):
    """One exception of a chain, which runs from the oldest cause to the one that was caught."""

    type: str | None
    value: str | None
    module: str | None
    handled: bool | None
    mechanism: Json | None
    frames: list[Frame]


class GroupedBy(BaseModel):
    """Which fingerprint an event has under the grouping of now, and how it came about."""

    strategy: str
    fingerprint: str
    explanation: list[str]


class Event(EventLine):
    """An event whole."""

    project_id: UUID
    source: str
    stack_trace: str
    exceptions: list[ExceptionShown]
    frames: list[Frame] = Field(description="Of the exception that was caught, outermost caller first")
    platform: str | None
    dist: str | None
    server_name: str | None
    logger: str | None
    transaction: str | None
    template: str | None
    user: Json | None
    tags: dict[str, str]
    contexts: Json
    extra: Json
    request: Json | None
    breadcrumbs: list[Json]
    sdk: Json | None
    repairs: list[str] = Field(description="Fields that had to be mended before they could be stored")
    reported_sha256: str | None
    raw: Json | None
    strategy: str
    sequence: int
    previous_event_id: UUID | None
    next_event_id: UUID | None
    grouping: GroupedBy


class EventAnswer(BaseModel):
    """One event."""

    event: Event
