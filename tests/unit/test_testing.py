"""The Atlas in memory: what notebooks and tests may rely on."""

import json
from datetime import timedelta

from atlas_core.conditions import CountThreshold, NewIssue
from atlas_core.errors import TransientError
from atlas_core.events import Level
from atlas_core.insights import InsightState
from atlas_core.language_models.scripted import ScriptedModel
from atlas_core.testing import MOMENT, PROJECT, FrozenClock, MemoryAtlas, make_event

ANSWER = json.dumps({"summary": "s", "root_cause": "c", "remediation": "r", "evidence": ["boom"]})


def test_an_event_is_made_with_what_was_given_and_an_id_of_its_own():
    one, other = make_event("boom", level=Level.INFO, release="1.0"), make_event("boom")
    assert one.event_id != other.event_id
    assert (one.project_id, one.level, one.release, one.received_at) == (PROJECT, Level.INFO, "1.0", MOMENT)


def test_time_passes_only_when_it_is_told_to():
    clock = FrozenClock()
    before = clock.seconds()
    assert clock() == clock() == MOMENT
    assert clock.advance(90) == MOMENT + timedelta(seconds=90)
    assert clock.seconds() - before == 90


def test_events_become_issues_alerts_and_insights():
    atlas = MemoryAtlas()
    atlas.add_rule(NewIssue())
    atlas.add_rule(CountThreshold(threshold=2))
    events = [make_event() for _ in range(3)]
    assert sorted(firing.message for firing in atlas.send(*events)) == [
        "More than 2 events (3): boom",
        "New issue: boom",
    ]
    assert atlas.send(*events) == []
    (issue,) = atlas.issues.issues.values()
    assert issue.count == 3
    assert atlas.write_insights(ScriptedModel([ANSWER])) == [issue.id]
    assert atlas.insights.insights[issue.id].state is InsightState.READY


def test_a_warning_earns_no_insight():
    atlas = MemoryAtlas()
    atlas.send(make_event(level=Level.WARNING))
    assert atlas.insights.insights == {}


def test_an_insight_waits_for_a_model_that_is_away_and_fails_after_three_bad_answers():
    atlas = MemoryAtlas()
    atlas.send(make_event())
    (kept,) = atlas.insights.insights.values()
    assert atlas.write_insights(ScriptedModel([TransientError("not running")])) == []
    assert (kept.state, kept.attempts, kept.reason) == (InsightState.PENDING, 0, "not running")
    assert atlas.write_insights(ScriptedModel(["no JSON"])) == []
    atlas.write_insights(ScriptedModel(["no JSON"]))
    atlas.write_insights(ScriptedModel(["no JSON"]))
    assert (kept.state, kept.attempts) == (InsightState.FAILED, 3)
    assert atlas.write_insights(ScriptedModel([])) == []
