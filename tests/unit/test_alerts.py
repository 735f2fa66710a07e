"""Which updates make rules fire."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from atlas_core.alerts import AlertRule, evaluate
from atlas_core.conditions import Condition, CountThreshold, CriticalError, NewIssue
from atlas_core.events import Level
from atlas_core.issues import IssueUpdate, Status

NOW = datetime(2026, 11, 25, tzinfo=UTC)
PROJECT, ISSUE = UUID(int=1), UUID(int=2)


def rule(condition: Condition) -> AlertRule:
    return AlertRule(
        id=UUID(int=3),
        project_id=PROJECT,
        name="r",
        condition=condition,
        is_active=True,
        created_at=NOW,
        updated_at=NOW,
    )


def update(count_before: int, count: int, status: Status = Status.OPEN, **more) -> IssueUpdate:
    return IssueUpdate(
        issue_id=ISSUE, project_id=PROJECT, title="boom", level=Level.ERROR, worst_level=Level.CRITICAL, episode=1,
        count_before=count_before, count=count, status=status, stack_trace="", updated_at=NOW, **more,
    )  # fmt: skip


@pytest.mark.parametrize("condition", [NewIssue(), CriticalError(), CountThreshold(threshold=5)])
def test_an_ignored_issue_fires_nothing(condition):
    assert len(list(evaluate([rule(condition)], update(0, 10)))) == 1
    assert list(evaluate([rule(condition)], update(0, 10, Status.IGNORED))) == []


@pytest.mark.parametrize(
    ("before", "count", "returned", "fires"),
    [(4, 5, False, False), (5, 6, False, True), (6, 7, False, False), (6, 7, True, True), (4, 5, True, False)],
)
def test_a_threshold_passed_in_silence_is_told_when_the_issue_returns(before, count, returned, fires):
    found = list(evaluate([rule(CountThreshold(threshold=5))], update(before, count, returned=returned)))
    assert bool(found) == fires
