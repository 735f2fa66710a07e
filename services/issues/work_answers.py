"""What the issue service answers of people's work and of statistics, for OpenAPI: nothing is validated by these."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from atlas_core.search import Sort
from atlas_core.storage.statistics import Interval
from services.issues.answers import Issue


class Edited(BaseModel):
    """The issue after an edit; `action_id` undoes it, and is null when nothing changed."""

    issue: Issue
    action_id: UUID | None


class Acted(BaseModel):
    """What an action did: how many issues it changed, and each one's version now."""

    action_id: UUID | None
    changed: int
    versions: dict[str, int]


class Deleted(BaseModel):
    """An issue is gone, with so many events."""

    status: str
    count: int


class Person(BaseModel):
    """Who did something; the address is null when the account is gone."""

    id: UUID
    email: str | None


class Activity(BaseModel):
    """One thing that happened to an issue; `user` is null for what events did."""

    id: int
    issue_id: UUID
    action_id: UUID
    kind: str
    detail: Any
    undone: bool
    at: datetime
    user: Person | None


class Activities(BaseModel):
    """A page of an issue's history."""

    activity: list[Activity]
    next_cursor: str | None


class Comment(BaseModel):
    """What somebody had to say."""

    action_id: UUID
    issue_id: UUID
    user_id: UUID
    text: str
    at: datetime


class CommentAnswer(BaseModel):
    """One comment."""

    comment: Comment


class AuditLine(BaseModel):
    """What was discarded or deleted."""

    id: int
    action: str
    detail: Any
    at: datetime
    user: Person | None


class Audit(BaseModel):
    """A page of the audit."""

    audit: list[AuditLine]
    next_cursor: str | None


class Member(BaseModel):
    """Somebody who can be assigned."""

    id: UUID
    email: str
    role: str


class Members(BaseModel):
    """The members of a project's organization."""

    members: list[Member]


class ViewShown(BaseModel):
    """A query under a name."""

    id: UUID
    project_id: UUID
    user_id: UUID
    name: str
    query: str
    sort: Sort
    shared: bool
    created_at: datetime
    is_own: bool


class ViewAnswer(BaseModel):
    """One view."""

    view: ViewShown


class Views(BaseModel):
    """The views that the asker sees."""

    views: list[ViewShown]


class SettingsShown(BaseModel):
    """What a project chose."""

    retention_days: int


class SettingsAnswer(BaseModel):
    """A project's settings."""

    settings: SettingsShown


class Bucket(BaseModel):
    """How often an issue happened in an hour or a day."""

    at: datetime
    count: int


class ProjectBucket(Bucket):
    """What a project received in an hour or a day, by level, and what was dropped, by reason."""

    levels: dict[str, int]
    dropped: dict[str, int]


class _Series(BaseModel):
    interval: Interval
    start: datetime = Field(alias="from")
    to: datetime


class IssueSeries(_Series):
    """An issue in time."""

    buckets: list[Bucket]


class ProjectSeries(_Series):
    """A project in time."""

    buckets: list[ProjectBucket]


class TagValue(BaseModel):
    """A value of a tag; `share` is that of the events that carry the tag, from 0 to 1."""

    value: str
    count: int
    share: float


class Tag(BaseModel):
    """A tag of an issue's events with its most frequent values."""

    key: str
    events: int
    values_known: int
    values: list[TagValue]


class Tags(BaseModel):
    """The tags of an issue's events."""

    tags: list[Tag]


class Release(BaseModel):
    """A release and what came of it."""

    release: str
    first_seen: datetime
    last_seen: datetime
    events: int
    new_issues: int
    regressions: int


class Releases(BaseModel):
    """A page of releases."""

    releases: list[Release]
    next_cursor: str | None


class UsersAffected(BaseModel):
    """How many different users the events of a time tell of."""

    start: datetime = Field(alias="from")
    to: datetime
    users_affected: int
