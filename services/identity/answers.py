"""What the identity service answers, for OpenAPI: nothing is validated by these when it does."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field


class Account(BaseModel):
    """Who has signed up."""

    id: UUID
    email: str


class SignedUp(BaseModel):
    """A new account, signed in."""

    message: str
    token: str = Field(description="For `Authorization: Bearer ...`")
    user: Account


class SignedIn(BaseModel):
    """A token for an account."""

    message: str
    token: str = Field(description="For `Authorization: Bearer ...`")
    email: str


class SessionShown(BaseModel):
    """Who is signed in."""

    user: Account


class SignedOut(BaseModel):
    """The session is over."""

    message: str


class PasswordChanged(BaseModel):
    """The token of a new session; all others are over."""

    message: str
    token: str


class Organization(BaseModel):
    """Whose projects and members belong together."""

    id: UUID
    organization_name: str
    user_id: UUID = Field(description="Who made it")
    created_at: datetime
    updated_at: datetime


class OrganizationMade(BaseModel):
    """A new organization."""

    message: str
    organization: Organization


class Organizations(BaseModel):
    """The asker's organizations."""

    organizations: list[Organization]


class Project(BaseModel):
    """Whose events are kept together."""

    id: UUID
    project_name: str
    organization_id: UUID
    created_at: datetime
    updated_at: datetime


class Projects(BaseModel):
    """The asker's projects."""

    projects: list[Project]


class ShownOnce(BaseModel):
    """What is shown when a key is made and never again."""

    api_key: str
    dsn: str = Field(description="What a Sentry SDK takes")
    otlp_endpoint: str = Field(description="What an OpenTelemetry exporter takes, beside `X-API-Key`")


class NewProjectShown(Project, ShownOnce):
    """A project with its first key."""


class ProjectMade(BaseModel):
    """A new project."""

    message: str
    project: NewProjectShown


class Key(BaseModel):
    """An ingest key, without its secret."""

    id: UUID
    label: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None = Field(description="When it ends or has ended")


class Keys(BaseModel):
    """A project's keys."""

    keys: list[Key]


class NewKeyShown(Key, ShownOnce):
    """A key with its secret."""


class KeyMade(BaseModel):
    """A new key."""

    key: NewKeyShown


class LimitsShown(BaseModel):
    """What a project may send; null is what the settings say, 0 is no limit."""

    rate_per_s: int | None
    events_per_day: int | None


class LimitsAnswer(BaseModel):
    """A project's limits."""

    limits: LimitsShown
