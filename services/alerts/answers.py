"""What the alert service answers, for OpenAPI: nothing is validated by these when it does."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class Rule(BaseModel):
    """When to alert."""

    id: UUID
    project_id: UUID
    name: str
    condition: str
    threshold: int
    is_active: bool
    created_at: datetime
    updated_at: datetime


class RuleAnswer(BaseModel):
    """One rule."""

    rule: Rule


class Rules(BaseModel):
    """A project's rules, newest first."""

    rules: list[Rule]


class Alert(BaseModel):
    """That a rule held for an issue."""

    id: UUID
    rule_id: UUID | None
    issue_id: UUID
    project_id: UUID
    message: str
    acknowledged: bool
    fired_at: datetime


class Alerts(BaseModel):
    """A project's alerts, newest first."""

    alerts: list[Alert]


class Unread(BaseModel):
    """How many alerts nobody has acknowledged."""

    unread_count: int
