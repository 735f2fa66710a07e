"""What the issue service answers of merges, likeness and the intake, for OpenAPI: nothing is validated by these."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from atlas_core.events import Level
from atlas_core.issues import Status
from services.issues.answers import Issue


class Merged(BaseModel):
    """The issue that the others are part of now."""

    issue: Issue
    events_moved: int


class Unmerged(BaseModel):
    """What is left of an issue, and the issues that its fingerprints have now, in the order that was asked for."""

    issue: Issue
    issues: list[Issue]


class Example(BaseModel):
    """The newest event of a fingerprint."""

    event_id: UUID
    type: str | None
    message: str
    level: Level
    received_at: datetime


class FingerprintShown(BaseModel):
    """A fingerprint of an issue; one without events is kept for those that still come with it."""

    fingerprint: str = Field(description="Hex SHA-256")
    strategy: str
    created_at: datetime
    count: int
    first_seen: datetime | None
    last_seen: datetime | None
    example: Example | None


class Fingerprints(BaseModel):
    """An issue's fingerprints, those with the most events first."""

    fingerprints: list[FingerprintShown]


class Lookalike(BaseModel):
    """An issue in short."""

    id: UUID
    title: str
    type: str | None
    level: Level
    status: Status
    count: int
    last_seen: datetime


class Suggestion(BaseModel):
    """An issue that may be the same error; `score` from 0 to 1."""

    issue: Lookalike
    score: float
    reasons: list[str]


class Similar(BaseModel):
    """Issues that may be the same error, most alike first."""

    similar: list[Suggestion]


class Hour(BaseModel):
    """What became of what was sent in an hour: accepted = stored + in flight + dropped."""

    hour: datetime
    accepted: int
    stored: int
    in_flight: int
    dropped: dict[str, int] = Field(description="By reason")
    refused: dict[str, int] = Field(description="By reason")
    in_flight_is_known: bool


class Intake(BaseModel):
    """The last hours, newest first."""

    hours: list[Hour]
