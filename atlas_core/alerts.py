"""Alert rules, and the one function that decides whether they fire."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

import msgspec

from atlas_core.conditions import Condition
from atlas_core.issues import IssueUpdate, Status


class AlertRule(msgspec.Struct, kw_only=True):
    """When a project wants to be told."""

    id: UUID
    project_id: UUID
    name: str
    condition: Condition
    is_active: bool
    created_at: datetime
    updated_at: datetime


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """A rule met by an update; unique on (rule_id, issue_id, episode), however often it is computed."""

    rule_id: UUID
    issue_id: UUID
    project_id: UUID
    episode: int
    message: str


class Alert(msgspec.Struct, kw_only=True):
    """One entry of the alert log."""

    id: UUID
    rule_id: UUID
    issue_id: UUID
    project_id: UUID
    message: str
    acknowledged: bool
    fired_at: datetime


def evaluate(rules: Iterable[AlertRule], update: IssueUpdate) -> Iterator[Firing]:
    """Yield a firing for each active rule of the update's project that it meets; none for an ignored issue.

    What is passed over in silence is not lost: the update that ends the ignore says `returned`, and conditions look
    back from there.
    """
    if update.status is Status.IGNORED:
        return
    for rule in rules:
        if rule.is_active and rule.project_id == update.project_id and rule.condition.met(update):
            yield Firing(
                rule_id=rule.id,
                issue_id=update.issue_id,
                project_id=update.project_id,
                episode=update.episode,
                message=rule.condition.message(update),
            )
