"""What Atlas needs from the outside, as roles. Adapters fill them; `tests/contract/` proves them equal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from atlas_core.alerts import AlertRule, Firing
from atlas_core.events import Event
from atlas_core.insights import Answer, InsightJob, Reply
from atlas_core.issues import IssueUpdate


class Message(msgspec.Struct, frozen=True):
    """Bytes on their way into a channel; messages with one key keep their order."""

    key: bytes
    body: bytes


class Delivery(msgspec.Struct, frozen=True):
    """Undecoded bytes out of a channel.

    `attempt` counts from 1. `receipt` belongs to the adapter that made the delivery.
    """

    body: bytes
    key: bytes
    attempt: int
    receipt: object


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that could not be processed: its unchanged body, and why."""

    topic: str
    key: bytes
    body: bytes
    reason: str
    attempt: int


class Publisher(Protocol):
    """Writes to one channel."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Write all messages durably; return when the server has confirmed every one.

        Raises:
            TransientError: Some may not be written; publishing them again may double them.
            TooLargeError: A message is past what the channel takes; none was written.
        """

    def check(self) -> None:
        """Return if the server answers.

        Raises:
            TransientError: It does not; the text says which server and why.
        """

    def close(self) -> None:
        """Finish what was begun and let go of the server; a second call does nothing."""


class Consumer(Protocol):
    """Reads one channel as a member of a group. At least once: a crash before `ack` delivers again.

    Each delivery is settled by exactly one of `ack`, `retry` and `reject`. Not thread-safe, but for `lag`.
    """

    def poll(self, max_messages: int, timeout_s: float) -> list[Delivery]:
        """Return up to `max_messages` deliveries, waiting up to `timeout_s` for the first one.

        Raises:
            TransientError: The server does not answer; poll again, the adapter reconnects by itself.
        """

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Mark deliveries as done, durably.

        Raises:
            TransientError: They may be delivered again.
        """

    def retry(self, deliveries: Iterable[Delivery], delay_s: float) -> None:
        """Have deliveries come again after `delay_s`, `attempt` one higher; later ones of a partition may repeat."""

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Move a delivery to the channel's dead letters with its reason, then mark it as done.

        Raises:
            TransientError: The dead letter could not be written; the delivery is not done.
        """

    def lag(self) -> int:
        """Return how many messages of the channel the group has not settled yet.

        Any thread may ask, and ask a closed consumer too.

        Raises:
            TransientError: The server does not answer.
        """

    def close(self) -> None:
        """Leave the group; what is unsettled goes to other members at once. A second call does nothing."""


class IssueStore(Protocol):
    """Keeps events and issues."""

    def record(self, events: Sequence[Event]) -> list[IssueUpdate]:
        """Group, count and store events in one idempotent transaction; return what they did to each issue.

        `(project_id, event_id)` counts once: a repeat changes nothing and returns updates that change nothing, with
        the `count_before` of the first time. Events of a discarded fingerprint are dropped, and counted as that.

        Raises:
            TransientError: Nothing was stored.
        """


class AlertStore(Protocol):
    """Keeps alert rules and the alert log."""

    def rules_of(self, project_ids: Iterable[UUID]) -> Mapping[UUID, list[AlertRule]]:
        """Return the active rules of these projects, by project."""

    def add(self, firings: Sequence[Firing]) -> list[Firing]:
        """Store firings that are not stored yet (unique on rule, issue, episode); return those that were new."""


class InsightStore(Protocol):
    """Keeps insights and their progress."""

    def request(self, jobs: Sequence[InsightJob]) -> list[InsightJob]:
        """Make a pending insight for each issue that has none; return the jobs of those that were made."""

    def claim(self, issue_id: UUID, lease_s: float) -> InsightJob | None:
        """Return the job, leased to the caller, or None when it is not pending or somebody else works on it."""

    def finish(self, job: InsightJob, answer: Answer, reply: Reply) -> None:
        """Store an answer; the insight is ready. A second call changes nothing."""

    def wait(self, issue_id: UUID, reason: str) -> None:
        """Give the lease back without counting an attempt: the model cannot be had now, and `reason` says why."""

    def fail(self, issue_id: UUID, reason: str) -> bool:
        """Count a failed attempt with its reason; return whether another attempt is allowed."""

    def due(self, limit: int) -> list[InsightJob]:
        """Return pending jobs that nobody has rung for: those whose lease or waiting time is over."""


class LanguageModel(Protocol):
    """Answers a chat."""

    def chat(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, object]) -> Reply:
        """Return the model's reply, bound to the JSON schema.

        Raises:
            TransientError: The model cannot be had now (server down, model not pulled); the text says what to do.
            RejectedError: It answered, but not usably (error, cut off, empty).
        """

    def check(self) -> None:
        """Return if the server answers and has the model.

        Raises:
            TransientError: It does not; the text says what to do.
        """


class Notifier(Protocol):
    """Tells somebody outside of Atlas about an alert."""

    def notify(self, firing: Firing, idempotency_key: str) -> None:
        """Send one alert; may be called again with the same key after a crash.

        Raises:
            TransientError: Not now.
            RejectedError: Never like this.
        """
