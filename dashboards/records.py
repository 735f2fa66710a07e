"""What the services answer, as far as the pages read it; unknown fields are ignored."""

from typing import Any

import msgspec


class Project(msgspec.Struct, frozen=True):
    """A project that the visitor may see."""

    id: str
    project_name: str


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """One error of a project; times are ISO 8601 text. `version` counts edits and comebacks."""

    id: str
    project_id: str = ""
    title: str
    level: str
    count: int
    status: str
    fingerprint: str = ""
    stack_trace: str = ""
    culprit: str | None = None
    users: int = 0
    first_seen: str | None = None
    last_seen: str | None = None
    first_release: str | None = None
    last_release: str | None = None
    resolved_in: str | None = None
    resolved_in_next: bool = False
    is_regressed: bool = False
    regressed_at: str | None = None
    returned_at: str | None = None
    ignored_until: str | None = None
    ignored_until_count: int | None = None
    ignored_until_users: int | None = None
    assignee_id: str | None = None
    priority: str = "medium"
    version: int = 1
    discarded_at: str | None = None


class IssuePage(msgspec.Struct, frozen=True):
    """Some issues of a list; `next_cursor` leads to those after them."""

    issues: list[Issue] = []
    next_cursor: str | None = None


class SavedView(msgspec.Struct, frozen=True):
    """A query and an order that somebody keeps; `shared` with everybody of the project."""

    id: str
    name: str
    query: str = ""
    sort: str = "last_seen"
    shared: bool = False
    is_own: bool = True


class Rule(msgspec.Struct, frozen=True):
    """What fires a project's alerts."""

    id: str
    name: str
    condition: str
    threshold: int = 0


class Member(msgspec.Struct, frozen=True):
    """Somebody who may work on a project's issues."""

    id: str
    email: str


class Person(msgspec.Struct, frozen=True):
    """Who did something; without an email the account is gone."""

    id: str
    email: str | None = None


class Activity(msgspec.Struct, frozen=True):
    """One line of an issue's history; without a user, events did it."""

    action_id: str
    kind: str
    at: str
    detail: dict[str, Any] = {}
    undone: bool = False
    user: Person | None = None


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


class Audited(msgspec.Struct, frozen=True):
    """One line of a project's audit: what was discarded, taken back or deleted, by whom and when."""

    action: str
    at: str
    detail: dict[str, Any] = {}
    user: Person | None = None


class Frame(msgspec.Struct, frozen=True):
    """One call of a stack; frames run from the outermost caller to where it was raised."""

    filename: str | None = None
    abs_path: str | None = None
    function: str | None = None
    module: str | None = None
    lineno: int | None = None
    in_app: bool | None = None
    pre_context: list[str] = []
    context_line: str | None = None
    post_context: list[str] = []
    vars: dict[str, Any] | None = None


class ExceptionValue(msgspec.Struct, frozen=True):
    """One exception of a chain, which runs from the oldest cause to the one that was caught."""

    type: str | None = None
    value: str | None = None
    module: str | None = None
    handled: bool | None = None
    frames: list[Frame] = []


class Grouping(msgspec.Struct, frozen=True):
    """How an event's fingerprint came about."""

    strategy: str
    fingerprint: str
    explanation: list[str] = []


class FullEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence with all that came along, and its neighbours in its issue; the previous one is the older."""

    event_id: str
    issue_id: str = ""
    level: str = ""
    message: str = ""
    stack_trace: str = ""
    timestamp: str | None = None
    exceptions: list[ExceptionValue] = []
    platform: str | None = None
    environment: str | None = None
    release: str | None = None
    server_name: str | None = None
    logger: str | None = None
    transaction: str | None = None
    user: dict[str, Any] | None = None
    request: dict[str, Any] | None = None
    tags: dict[str, str] = {}
    contexts: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    breadcrumbs: list[dict[str, Any]] = []
    grouping: Grouping | None = None
    previous_event_id: str | None = None
    next_event_id: str | None = None


class Lookalike(msgspec.Struct, frozen=True):
    """An issue as a list of similar ones names it."""

    id: str
    title: str
    level: str
    status: str
    count: int


class Similar(msgspec.Struct, frozen=True):
    """An issue that may be the same error; `score` is from 0 to 1, `reasons` say what both have."""

    issue: Lookalike
    score: float
    reasons: list[str] = []


class Example(msgspec.Struct, frozen=True):
    """The newest event of a fingerprint."""

    event_id: str
    message: str = ""
    type: str | None = None


class Fingerprint(msgspec.Struct, frozen=True):
    """One of the fingerprints whose events an issue counts."""

    fingerprint: str
    strategy: str = ""
    count: int = 0
    example: Example | None = None


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


class IntakeHour(msgspec.Struct, frozen=True):
    """What became of what was sent in the hour that begins at `hour`; accepted = stored + in_flight + all `dropped`.

    `dropped` counts events that were accepted and are not kept, `refused` requests that were not accepted, by reason.
    Where `in_flight_is_known` is false, repeated events are among those in flight.
    """

    hour: str
    accepted: int = 0
    stored: int = 0
    in_flight: int = 0
    dropped: dict[str, int] = {}
    refused: dict[str, int] = {}
    in_flight_is_known: bool = True
