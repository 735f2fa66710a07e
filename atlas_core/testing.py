"""An Atlas in memory, events to put into it, and a clock that stands still: for tests and notebooks."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from atlas_core.alerts import AlertRule, Firing, evaluate
from atlas_core.conditions import Condition
from atlas_core.errors import RejectedError, TransientError
from atlas_core.events import Event, Level
from atlas_core.grouping import Grouping
from atlas_core.insights import ANSWER_SCHEMA, InsightJob, prompt, qualifies, read
from atlas_core.issues import IssueUpdate
from atlas_core.ports import LanguageModel
from atlas_core.storage.memory import MemoryAlertStore, MemoryInsightStore, MemoryIssueStore

MOMENT: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
PROJECT: Final = UUID("00000000-0000-4000-8000-000000000001")


def make_event(message: str = "boom", *, at: datetime = MOMENT, **fields: Any) -> Event:
    """Return an error of `PROJECT` that was reported and received at `at`, under a new id; `fields` say otherwise."""
    given: dict[str, Any] = {
        "project_id": PROJECT,
        "event_id": uuid4(),
        "source": "api",
        "level": Level.ERROR,
        "message": message,
        "timestamp": at,
        "received_at": at,
    }
    return Event(**(given | fields))


class FrozenClock:
    """A clock that moves only when told to: call it for the time, or ask `seconds` for a count that only grows."""

    def __init__(self, now: datetime = MOMENT) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the time, aware, in UTC."""
        return self.now

    def seconds(self) -> float:
        """Return the time in seconds."""
        return self.now.timestamp()

    def advance(self, seconds: float) -> datetime:
        """Let time pass; return the new time."""
        self.now += timedelta(seconds=seconds)
        return self.now


class MemoryAtlas:
    """The path of an event without servers, threads or waiting: issues counted, alerts fired, insights asked for.

    The rules are the real ones; sending an event twice changes nothing, as everywhere.

    Args:
        clock: What time it is for whoever waits.
        grouping: How events become issues.
    """

    def __init__(self, clock: FrozenClock | None = None, grouping: Grouping | None = None) -> None:
        self.clock = clock or FrozenClock()
        self.issues = MemoryIssueStore(grouping)
        self.alerts = MemoryAlertStore()
        self.insights = MemoryInsightStore(self.clock.seconds)

    def add_rule(self, condition: Condition, *, project_id: UUID = PROJECT, name: str = "rule") -> AlertRule:
        """Return a rule that holds for what is sent from now on."""
        now = self.clock()
        rule = AlertRule(
            id=uuid4(), project_id=project_id, name=name, condition=condition, is_active=True, created_at=now,
            updated_at=now,
        )  # fmt: skip
        self.alerts.rules.append(rule)
        return rule

    def send(self, *events: Event) -> list[Firing]:
        """Handle events as one batch; return the alerts that are new."""
        return self.handle(self.issues.record(events))

    def handle(self, updates: Sequence[IssueUpdate]) -> list[Firing]:
        """Let rules and insights see updates; return the alerts that are new."""
        self.insights.request([InsightJob.of(update) for update in updates if qualifies(update.worst_level)])
        rules = self.alerts.rules_of({update.project_id for update in updates})
        fired = [firing for update in updates for firing in evaluate(rules.get(update.project_id, ()), update)]
        return self.alerts.add(fired)

    def write_insights(self, model: LanguageModel, *, lease_s: float = 60) -> list[UUID]:
        """Ask the model about every issue that waits; return the issues whose insight is written now."""
        return [issue_id for issue_id in list(self.insights.insights) if self._write(model, issue_id, lease_s)]

    def _write(self, model: LanguageModel, issue_id: UUID, lease_s: float) -> bool:
        job = self.insights.claim(issue_id, lease_s)
        if job is None:
            return False
        try:
            reply = model.chat(prompt(job), ANSWER_SCHEMA)
            self.insights.finish(job, read(reply.content, job), reply)
        except TransientError as error:
            self.insights.wait(issue_id, str(error))
            return False
        except RejectedError as error:
            self.insights.fail(issue_id, str(error))
            return False
        return True
