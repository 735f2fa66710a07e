"""Alert conditions: each fires at its crossing, however the events were batched."""

from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.conditions import Condition, CountThreshold, CriticalError, NewIssue, Regression
from atlas_core.events import Level
from atlas_core.issues import IssueUpdate, Status

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def update(count_before: int, count: int, worst: Level = Level.ERROR) -> IssueUpdate:
    return IssueUpdate(
        issue_id=UUID(int=2), project_id=UUID(int=1), title="boom", level=Level.INFO, worst_level=worst, episode=1,
        count_before=count_before, count=count, status=Status.OPEN, stack_trace="", updated_at=NOW,
    )  # fmt: skip


batches = st.lists(st.integers(1, 30), min_size=1, max_size=30)


@given(batches, st.integers(1, 200))
def test_a_threshold_is_crossed_once_or_never(sizes, threshold):
    ends = [sum(sizes[:n]) for n in range(len(sizes) + 1)]
    crossings = [CountThreshold(threshold=threshold).met(update(*span)) for span in pairwise(ends)]
    assert sum(crossings) == (ends[-1] > threshold)


@given(batches)
def test_an_issue_is_new_in_its_first_batch_alone(sizes):
    ends = [sum(sizes[:n]) for n in range(len(sizes) + 1)]
    assert [NewIssue().met(update(*span)) for span in pairwise(ends)] == [True] + [False] * (len(sizes) - 1)


@pytest.mark.parametrize(
    ("threshold", "count", "fires"), [(50, 50, False), (50, 51, True), (1, 1, False), (1, 2, True)]
)
def test_a_threshold_is_exceeded_not_reached(threshold, count, fires):
    assert CountThreshold(threshold=threshold).met(update(0, count)) is fires


@pytest.mark.parametrize("level", list(Level))
def test_a_critical_error_is_the_worst_event_of_the_batch(level):
    assert CriticalError().met(update(3, 9, worst=level)) is (level in {Level.ERROR, Level.CRITICAL})


@pytest.mark.parametrize("regressed", [True, False])
def test_a_regression_is_the_batch_that_ended_a_resolution(regressed):
    batch = msgspec.structs.replace(update(3, 9), regressed=regressed)
    assert Regression().met(batch) is regressed


def test_a_condition_is_read_by_its_name_and_written_back():
    for shape in (
        {"condition": "new_issue"},
        {"condition": "critical_error"},
        {"condition": "count_threshold", "threshold": 5},
        {"condition": "regression"},
    ):
        assert msgspec.to_builtins(msgspec.convert(shape, Condition)) == shape


@pytest.mark.parametrize(
    "shape",
    [{}, {"condition": "full_moon"}, {"condition": "count_threshold"}, {"condition": "count_threshold", "threshold": 0},
     {"condition": "count_threshold", "threshold": -1}, {"condition": "count_threshold", "threshold": "many"}],
)  # fmt: skip
def test_a_condition_that_is_none_is_refused(shape):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(shape, Condition)


def test_what_an_alert_says_names_the_issue():
    assert NewIssue().message(update(0, 1)) == "New issue: boom"
    assert CriticalError().message(update(0, 1, worst=Level.CRITICAL)) == "Critical: boom"
    assert CountThreshold(threshold=1_000).message(update(0, 1_001)) == "More than 1,000 events (1,001): boom"
    assert Regression().message(update(3, 4)) == "Came back after it was resolved: boom"
