"""Events as the routes show them: pages, neighbours, what was kept beside the fields."""

from uuid import uuid4

from tests.services.desk import ok, refused


def test_an_event_knows_the_ones_before_and_after_it_in_its_issue(desk):
    events = [desk.event("boom", after_s=-86_400 * n) for n in (2, 1, 0)]
    desk.store.record([*events, desk.event("other", after_s=-86_400)])
    shown = [ok(desk.call("GET", f"/events/{event.event_id}"))["event"] for event in events]
    ids = [str(event.event_id) for event in events]
    assert [(each["previous_event_id"], each["next_event_id"]) for each in shown] == [
        (None, ids[1]), (ids[0], ids[2]), (ids[1], None),
    ]  # fmt: skip
    assert [each["sequence"] for each in shown] == [1, 2, 3]


def test_what_an_event_said_beyond_its_fields_is_shown_with_it(desk):
    event = desk.event("boom", raw={"odd": [1, {"a": None}]}, contexts={"os": {"name": "x"}})
    desk.store.record([event])
    shown = ok(desk.call("GET", f"/events/{event.event_id}"))["event"]
    assert (shown["raw"], shown["contexts"]) == ({"odd": [1, {"a": None}]}, {"os": {"name": "x"}})
    refused(desk.call("GET", f"/events/{uuid4()}"), 404)


def test_pages_of_an_issue_hold_all_of_its_events_and_no_others(desk):
    events = [desk.event("boom", after_s=-3_600 * n) for n in range(60)]
    desk.store.record([*events, *(desk.event("other", after_s=-3_600 * n) for n in range(60))])
    (issue,) = ok(desk.call("GET", "/issues?query=boom"))["issues"]
    pages = [ok(desk.call("GET", f"/events?issue_id={issue['id']}&limit=25"))]
    while pages[-1]["next_cursor"]:
        path = f"/events?issue_id={issue['id']}&limit=25&cursor={pages[-1]['next_cursor']}"
        pages.append(ok(desk.call("GET", path)))
    assert [len(page["events"]) for page in pages] == [25, 25, 10]
    shown = [event for page in pages for event in page["events"]]
    assert [event["event_id"] for event in shown] == [str(event.event_id) for event in events]
    assert {event["issue_id"] for event in shown} == {issue["id"]}


def test_the_events_of_an_issue_that_was_merged_away_are_those_of_the_other(desk):
    kept, gone = desk.issue("kept"), desk.issue("gone")
    ok(desk.call("POST", "/issues/merge", {"into": str(kept), "issues": [str(gone)]}))
    shown = ok(desk.call("GET", f"/events?issue_id={gone}"))["events"]
    assert {event["message"] for event in shown} == {"kept", "gone"}
    assert ok(desk.call("GET", f"/issues/{gone}"))["issue"]["id"] == str(kept)
    assert ok(desk.call("GET", f"/events?issue_id={uuid4()}"))["events"] == []
