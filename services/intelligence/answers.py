"""What the intelligence service answers, for OpenAPI: nothing is validated by these when it does."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from services.openapi import ErrorAnswer


class Insight(BaseModel):
    """What a language model makes of an issue."""

    id: UUID
    issue_id: UUID
    project_id: UUID
    summary: str
    root_cause: str
    remediation: str
    evidence: list[Any] = Field(description="What of the issue it rests on: each is checked to occur there")
    tokens_used: int
    model_used: str
    created_at: datetime


class InsightAnswer(BaseModel):
    """One insight."""

    insight: Insight


class Insights(BaseModel):
    """A project's written insights, newest first."""

    insights: list[Insight]


class NotWritten(ErrorAnswer):
    """There is no insight yet, and how far it is; or no such issue, then without these."""

    state: str | None = None
    reason: str | None = None
    attempts: int | None = None
