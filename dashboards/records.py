"""What the services answer, as far as the pages read it; unknown fields are ignored."""

import msgspec


class Project(msgspec.Struct, frozen=True):
    """A project that the visitor may see."""

    id: str
    project_name: str


class Issue(msgspec.Struct, frozen=True):
    """One error of a project; times are ISO 8601 text."""

    id: str
    title: str
    level: str
    count: int
    status: str
    fingerprint: str = ""
    stack_trace: str = ""
    first_seen: str | None = None
    last_seen: str | None = None


class Overview(msgspec.Struct, frozen=True):
    """How many issues a project has."""

    total_issues: int = 0
    open_issues: int = 0
    resolved_issues: int = 0
    critical_count: int = 0
    error_count: int = 0


class RecentEvent(msgspec.Struct, frozen=True):
    """One occurrence of an issue."""

    event_id: str
    message: str = ""
    level: str = ""
    type: str | None = None
    timestamp: str | None = None
    received_at: str | None = None
    release: str | None = None
    environment: str | None = None


class Alert(msgspec.Struct, frozen=True):
    """One firing of an alert rule."""

    id: str
    message: str
    acknowledged: bool
    issue_id: str | None = None
    fired_at: str | None = None


class Evidence(msgspec.Struct, frozen=True):
    """A quotation from what the model was shown."""

    quote: str

    def __str__(self) -> str:
        return self.quote


class Insight(msgspec.Struct, frozen=True):
    """What the language model says about an issue."""

    summary: str
    root_cause: str = ""
    remediation: str = ""
    evidence: str | list[str | Evidence] | None = None
    model_used: str | None = None
    tokens_used: int | None = None


class InsightWait(msgspec.Struct, frozen=True):
    """Why there is no insight yet: `state` is "pending", "failed" or "none"."""

    state: str = "pending"
    reason: str | None = None
    attempts: int | None = None
