"""The channels: their names, their keys, and records to bytes and back."""

import hashlib
from datetime import UTC, datetime
from uuid import UUID

import pytest

from atlas_core.errors import RejectedError
from atlas_core.events import Event, ExceptionValue, Frame, Level
from atlas_core.insights import InsightJob
from atlas_core.issues import IssueUpdate, Status
from atlas_core.testing import make_event
from atlas_core.topics import (
    ALERT_GROUP,
    ATLAS_EVENTS,
    INSIGHT_GROUP,
    INSIGHT_JOBS,
    ISSUE_GROUP,
    ISSUE_UPDATES,
    Topic,
    event_key,
    issue_key,
)

NOW = datetime(2026, 11, 25, 8, 0, 0, 123456, tzinfo=UTC)


def event(message: str = "boom \u00e9\U0001f600\n\t\"'", project: int = 1) -> Event:
    frame = Frame(filename="a.py", lineno=3, in_app=True, vars={"x": [1, None, {"y": 2.5}]})
    return make_event(
        message, at=NOW, project_id=UUID(int=project), exceptions=[ExceptionValue(type="E", frames=[frame])],
        tags={"a": "b"}, extra={"n": 1},
    )  # fmt: skip


RECORDS = [
    (ATLAS_EVENTS, event()),
    (
        ISSUE_UPDATES,
        IssueUpdate(
            issue_id=UUID(int=1), project_id=UUID(int=2), title="t", level=Level.ERROR, worst_level=Level.CRITICAL,
            count_before=1, count=2, episode=1, status=Status.OPEN, stack_trace="s", updated_at=NOW,
        ),
    ),
    (
        INSIGHT_JOBS,
        InsightJob(
            issue_id=UUID(int=1), project_id=UUID(int=2), title="t", level=Level.ERROR, count=2, stack_trace="s"
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "record"), RECORDS, ids=lambda value: getattr(value, "name", ""))
def test_a_record_comes_back_as_it_was(topic: Topic, record):
    assert topic.decode(topic.encode(record)) == record


@pytest.mark.parametrize(("topic", "record"), RECORDS, ids=lambda value: getattr(value, "name", ""))
def test_a_record_of_a_later_version_is_read_without_what_is_new(topic: Topic, record):
    body = topic.encode(record)
    assert topic.decode(body[:-1] + b',"added_later":[1,2]}') == record


@pytest.mark.parametrize(
    "body",
    [b"", b"not JSON", b"null", b"[]", b"{}", b"\xff\xfe", b'{"project_id":"no id"}', b"[" * 100_000, b"\x00" * 10],
    ids=lambda body: repr(body[:12]),
)
@pytest.mark.parametrize("topic", [ATLAS_EVENTS, ISSUE_UPDATES, INSIGHT_JOBS], ids=lambda topic: topic.name)
def test_bytes_that_are_no_record_are_refused_with_the_channels_name(topic: Topic, body: bytes):
    with pytest.raises(RejectedError, match=topic.name):
        topic.decode(body)


def test_the_names_are_those_that_others_rely_on():
    assert (ATLAS_EVENTS.name, ISSUE_UPDATES.name, INSIGHT_JOBS.name) == (
        "atlas-events", "issue-updates", "ai-analysis-jobs",
    )  # fmt: skip
    assert (ISSUE_GROUP, ALERT_GROUP, INSIGHT_GROUP) == ("issue-consumers", "alert-consumers", "ai-consumers")


def test_events_of_one_message_share_a_key_and_others_do_not():
    assert event_key(event("a")) == event_key(event("a"))
    assert len({event_key(event(str(n))) for n in range(100)}) == 100
    assert event_key(event("a", project=1)) != event_key(event("a", project=2))
    assert event_key(event("a")) == UUID(int=1).bytes + hashlib.sha256(b"a").digest()[:8]


def test_a_message_that_is_half_a_character_still_has_a_key():
    assert len(event_key(event("\ud800"))) == 24


def test_everything_of_one_issue_has_its_id_as_key():
    assert issue_key(UUID(int=5)) == UUID(int=5).bytes
