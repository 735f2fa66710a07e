"""The stores without a database, for tests and notebooks; `tests/contract/` proves them equal to the real ones."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from atlas_core import limits
from atlas_core.alerts import AlertRule, Firing
from atlas_core.events import Event, Level, utc_now
from atlas_core.grouping import Grouping
from atlas_core.insights import Answer, InsightJob, InsightState, Reply
from atlas_core.issues import IssueUpdate, Status
from atlas_core.stack_traces import near_crash
from atlas_core.storage.insights import BACKOFF_S, RING_S, WAIT_S
from atlas_core.workflow import Arrival, Standing, after_arrival


class KeptIssue(msgspec.Struct, kw_only=True):
    """An issue of a `MemoryIssueStore`."""

    id: UUID
    project_id: UUID
    title: str
    level: Level
    count: int
    users: set[str]
    last_seen: datetime
    standing: Standing
    updated_at: datetime


class MemoryIssueStore:
    """Counts and keeps events; `(project_id, event_id)` counts once, whoever repeats it.

    Args:
        grouping: How events become issues, the same for every project.
    """

    def __init__(self, grouping: Grouping | None = None) -> None:
        self.issues: dict[UUID, KeptIssue] = {}
        self.events: dict[tuple[UUID, UUID], Event] = {}
        self._grouping = grouping or Grouping()
        self._by_fingerprint: dict[tuple[UUID, bytes], UUID] = {}
        self._places: dict[tuple[UUID, UUID], tuple[UUID, int]] = {}  # where each event went: issue, sequence
        self._releases: dict[UUID, dict[str, datetime]] = {}
        self._lock = threading.Lock()

    def record(self, events: Sequence[Event]) -> list[IssueUpdate]:
        """Group, count and keep events; return what they did to each issue."""
        with self._lock:
            unique = {(event.project_id, event.event_id): event for event in reversed(events)}
            batch = {key: unique[key] for key in dict.fromkeys((event.project_id, event.event_id) for event in events)}
            fresh: dict[UUID, list[Event]] = {}
            for key, event in batch.items():
                if key not in self._places:
                    fresh.setdefault(self._issue_of(event).id, []).append(event)
            for issue_id, members in fresh.items():
                self._count(self.issues[issue_id], members)
            touched: dict[UUID, list[Event]] = {}
            for key, event in batch.items():
                touched.setdefault(self._places[key][0], []).append(event)
            return [self._update(self.issues[issue_id], members) for issue_id, members in touched.items()]

    def _issue_of(self, event: Event) -> KeptIssue:
        key = (event.project_id, self._grouping.fingerprint(event).digest)
        if key not in self._by_fingerprint:
            made = KeptIssue(
                id=uuid4(),
                project_id=event.project_id,
                title=event.title[: limits.TITLE_CHARACTERS],
                level=event.level,
                count=0,
                users=set(),
                last_seen=event.received_at,
                standing=Standing(status=Status.OPEN, episode=1),
                updated_at=utc_now(),
            )
            self._by_fingerprint[key] = made.id
            self.issues[made.id] = made
        return self.issues[self._by_fingerprint[key]]

    def _count(self, issue: KeptIssue, members: Sequence[Event]) -> None:
        for event in members:
            key = (event.project_id, event.event_id)
            issue.count += 1
            self.events[key] = event
            self._places[key] = (issue.id, issue.count)
            issue.users |= {str(event.user["id"])} if event.user and "id" in event.user else set()
            if event.release:
                self._releases.setdefault(issue.project_id, {}).setdefault(event.release, event.received_at)
        latest = max(members, key=lambda event: event.received_at)
        if latest.received_at >= issue.last_seen:
            issue.level, issue.last_seen = latest.level, latest.received_at
        arrival = Arrival([(event.received_at, event.release) for event in members], issue.count, len(issue.users))
        first_seen = self._releases.get(issue.project_id, {})
        issue.standing = after_arrival(issue.standing, arrival, first_seen.get)
        issue.updated_at = utc_now()

    def _update(self, issue: KeptIssue, members: Sequence[Event]) -> IssueUpdate:
        times = {event.received_at for event in members}
        traces = [event.stack_trace for event in members if event.stack_trace]
        first = min(self._places[event.project_id, event.event_id][1] for event in members)
        return IssueUpdate(
            issue_id=issue.id,
            project_id=issue.project_id,
            title=issue.title,
            level=issue.level,
            worst_level=max((event.level for event in members), key=lambda level: level.severity),
            count_before=first - 1,
            count=issue.count,
            episode=issue.standing.episode,
            status=issue.standing.status,
            stack_trace=near_crash(traces[-1], limits.UPDATE_STACK_CHARACTERS) if traces else "",
            updated_at=issue.updated_at,
            regressed=issue.standing.regressed_at in times,
            returned=issue.standing.returned_at in times,
        )


class MemoryAlertStore:
    """Keeps rules and alerts; an alert is unique on rule, issue and episode.

    Args:
        rules: The rules that hold; `rules` may be changed later.
    """

    def __init__(self, rules: Iterable[AlertRule] = ()) -> None:
        self.rules = list(rules)
        self.alerts: dict[tuple[UUID, UUID, int], Firing] = {}

    def rules_of(self, project_ids: Iterable[UUID]) -> Mapping[UUID, list[AlertRule]]:
        """Return the active rules of these projects, by project."""
        wanted = set(project_ids)
        found: dict[UUID, list[AlertRule]] = {}
        for rule in self.rules:
            if rule.is_active and rule.project_id in wanted:
                found.setdefault(rule.project_id, []).append(rule)
        return found

    def add(self, firings: Sequence[Firing]) -> list[Firing]:
        """Keep firings that are not kept yet; return those that were new."""
        given = {(firing.rule_id, firing.issue_id, firing.episode): firing for firing in firings}
        new = {key: firing for key, firing in given.items() if key not in self.alerts}
        self.alerts |= new
        return list(new.values())


class KeptInsight(msgspec.Struct, kw_only=True):
    """An insight of a `MemoryInsightStore`; `due_at_s` is a time of the store's clock."""

    job: InsightJob
    due_at_s: float
    state: InsightState = InsightState.PENDING
    leased: bool = False
    reason: str = ""
    attempts: int = 0
    answer: Answer | None = None
    reply: Reply | None = None


class MemoryInsightStore:
    """Keeps one insight for each issue.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.insights: dict[UUID, KeptInsight] = {}
        self._clock = clock
        self._lock = threading.Lock()

    def request(self, jobs: Sequence[InsightJob]) -> list[InsightJob]:
        """Make a pending insight for each issue that has none; return the jobs of those that were made."""
        with self._lock:
            first = {job.issue_id: job for job in reversed(jobs)}
            made = [job for issue_id, job in first.items() if issue_id not in self.insights]
            for job in made:
                self.insights[job.issue_id] = KeptInsight(job=job, due_at_s=self._clock() + RING_S)
            return made

    def claim(self, issue_id: UUID, lease_s: float) -> InsightJob | None:
        """Return the job, leased to the caller, or None when it is not pending or somebody else works on it."""
        with self._lock:
            kept = self._pending(issue_id)
            if kept is None or (kept.leased and kept.due_at_s > self._clock()):
                return None
            kept.leased, kept.due_at_s = True, self._clock() + lease_s
            return kept.job

    def finish(self, job: InsightJob, answer: Answer, reply: Reply) -> None:
        """Keep an answer; the insight is ready. A second call changes nothing."""
        if kept := self._pending(job.issue_id):
            kept.state, kept.reason, kept.leased = InsightState.READY, "", False
            kept.answer, kept.reply, kept.attempts = answer, reply, kept.attempts + 1

    def wait(self, issue_id: UUID, reason: str) -> None:
        """Give the lease back without counting an attempt."""
        if kept := self._pending(issue_id):
            kept.reason, kept.leased, kept.due_at_s = reason, False, self._clock() + WAIT_S

    def fail(self, issue_id: UUID, reason: str) -> bool:
        """Count a failed attempt with its reason; return whether another attempt is allowed."""
        kept = self._pending(issue_id)
        if kept is None:
            return False
        kept.reason, kept.leased, kept.attempts = reason, False, kept.attempts + 1
        kept.due_at_s = self._clock() + BACKOFF_S[min(kept.attempts, len(BACKOFF_S)) - 1]
        if kept.attempts >= len(BACKOFF_S):
            kept.state = InsightState.FAILED
        return kept.state is InsightState.PENDING

    def due(self, limit: int) -> list[InsightJob]:
        """Return pending jobs whose lease or waiting time is over, putting them off to the next sweep."""
        with self._lock:
            over = [
                kept
                for kept in sorted(self.insights.values(), key=lambda kept: kept.due_at_s)
                if kept.state is InsightState.PENDING and kept.due_at_s <= self._clock()
            ][:limit]
            for kept in over:
                kept.due_at_s, kept.leased = self._clock() + RING_S, False
            return [kept.job for kept in over]

    def _pending(self, issue_id: UUID) -> KeptInsight | None:
        kept = self.insights.get(issue_id)
        return kept if kept is not None and kept.state is InsightState.PENDING else None
