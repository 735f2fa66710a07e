"""Merge and unmerge by hand, on a real PostgreSQL."""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas_core.errors import ConflictError, NotFoundError, RejectedError
from atlas_core.events import Level
from atlas_core.storage.merging import Merges
from tests.services.desk import Desk, ok, refused
from tests.services.ledger import check, places

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


def digest(message: str) -> bytes:
    return hashlib.sha256(message.encode()).digest()


def made(desk: Desk, message: str, n: int, **more):
    at = NOW - timedelta(minutes=17 * n)
    event = desk.event(
        message, user={"id": n % 3}, tags={"region": "eu" if n % 2 else "us"}, release=f"1.{n % 4}.0", **more
    )
    event.received_at = event.timestamp = at
    event.level = Level.ERROR if n % 5 else Level.WARNING
    return event


def recorded(desk: Desk, message: str, count: int, start: int = 0):
    events = [made(desk, message, start + n) for n in range(count)]
    (update,) = desk.store.record(events)
    return update.issue_id, events


def test_merged_issues_are_one_with_everything_that_was_counted(desk):
    one, events = recorded(desk, "one", 5)
    two, more = recorded(desk, "two", 4, start=3)
    assert Merges(desk.database).merge(desk.project, desk.ann, one, [two]) == 4
    by_issue = check(desk, events + more)
    assert {issue: len(of) for issue, of in by_issue.items()} == {one: 9}


def test_later_events_of_a_merged_fingerprint_go_to_the_target_and_are_not_new(desk):
    one, events = recorded(desk, "one", 5)
    two, more = recorded(desk, "two", 4)
    Merges(desk.database).merge(desk.project, desk.ann, one, [two])
    later = made(desk, "two", 1)
    (update,) = desk.store.record([later])
    assert (update.issue_id, update.count_before, update.count) == (one, 9, 10)
    check(desk, [*events, *more, later])


def test_a_repeat_of_merged_events_tells_of_nothing_new(desk):
    one, _ = recorded(desk, "one", 5)
    two, more = recorded(desk, "two", 4)
    Merges(desk.database).merge(desk.project, desk.ann, one, [two])
    (update,) = desk.store.record(more)
    assert update.issue_id == one
    assert update.count_before >= 5


def test_a_second_merge_changes_nothing(desk):
    one, events = recorded(desk, "one", 2)
    two, more = recorded(desk, "two", 2)
    merges = Merges(desk.database)
    assert [merges.merge(desk.project, desk.ann, one, [two]) for _ in range(2)] == [2, 0]
    check(desk, events + more)


def test_what_is_unmerged_goes_back_to_its_own_issue_with_what_came_since(desk):
    one, events = recorded(desk, "one", 5)
    two, more = recorded(desk, "two", 4)
    merges = Merges(desk.database)
    merges.merge(desk.project, desk.ann, one, [two])
    since = made(desk, "two", 7)
    desk.store.record([since])
    assert merges.unmerge(desk.project, desk.ann, one, [digest("two")]) == [two]
    by_issue = check(desk, [*events, *more, since])
    assert {issue: len(of) for issue, of in by_issue.items()} == {one: 5, two: 5}
    assert desk.sql("SELECT title FROM issues.issues WHERE id = :i", i=two) == [("two",)]


def test_nothing_counts_as_new_after_an_unmerge_neither_repeats_nor_what_comes_next(desk):
    one, events = recorded(desk, "one", 3)
    _, more = recorded(desk, "two", 3)
    _, third = recorded(desk, "three", 3)
    merges = Merges(desk.database)
    merges.merge(desk.project, desk.ann, one, [update.issue_id for update in desk.store.record(more + third)])
    merges.unmerge(desk.project, desk.ann, one, [digest("one"), digest("three")])
    repeats = desk.store.record(events + more + third)
    assert {update.count_before for update in repeats} == {3}
    assert {update.count for update in repeats} == {3}
    fresh = desk.store.record([made(desk, message, 1) for message in ("one", "two", "three")])
    assert {(update.count_before, update.count) for update in fresh} == {(3, 4)}


def test_an_issues_own_fingerprint_can_leave_it_too(desk):
    one, events = recorded(desk, "one", 3)
    two, more = recorded(desk, "two", 4)
    merges = Merges(desk.database)
    merges.merge(desk.project, desk.ann, one, [two])
    (own,) = merges.unmerge(desk.project, desk.ann, one, [digest("one")])
    assert own not in (one, two)
    by_issue = check(desk, events + more)
    assert {issue: len(of) for issue, of in by_issue.items()} == {one: 4, own: 3}
    titles = dict(desk.sql("SELECT id, title FROM issues.issues WHERE merged_into IS NULL"))
    assert titles == {one: "two", own: "one"}


def test_tags_past_the_limit_of_values_are_not_kept_by_a_merge(desk, monkeypatch):
    monkeypatch.setattr("atlas_core.limits.TAG_VALUES_KEPT", 3)
    one = desk.issue("one", tags={"id": "a"})
    desk.store.record([desk.event("two", tags={"id": value}) for value in "bbcccd"])
    (two,) = {issue for issue in places(desk).values() if issue != one}
    Merges(desk.database).merge(desk.project, desk.ann, one, [two])
    kept = desk.sql("SELECT issue_id, value, count FROM issues.issue_tags WHERE key = 'id' ORDER BY 2")
    assert kept == [(one, "a", 1), (one, "b", 2), (one, "c", 3)]


def test_an_issue_is_found_by_the_words_of_what_was_merged_into_it_until_it_leaves(desk):
    one = desk.issue("pineapple")
    two = desk.issue("mango")
    merges = Merges(desk.database)

    def found(word: str):
        rows = desk.sql(
            "SELECT w.issue_id FROM issues.issue_words w JOIN issues.issues i ON i.id = w.issue_id "
            "WHERE merged_into IS NULL AND words @@ to_tsquery('simple', :w)",
            w=word,
        )
        return [row[0] for row in rows]

    merges.merge(desk.project, desk.ann, one, [two])
    assert (found("pineapple"), found("mango")) == ([one], [one])
    merges.unmerge(desk.project, desk.ann, one, [digest("mango")])
    assert (found("pineapple"), found("mango")) == ([one], [two])


def test_an_issue_without_a_stack_trace_takes_that_of_one_that_is_merged_into_it(desk):
    one, two, three = desk.issue("one"), desk.issue("two", stack_trace="in two"), desk.issue("3", stack_trace="in 3")
    merges = Merges(desk.database)
    merges.merge(desk.project, desk.ann, one, [two])
    merges.merge(desk.project, desk.ann, one, [three])
    assert desk.shown(one)["stack_trace"] == "in two"
    merges.unmerge(desk.project, desk.ann, one, [digest("3"), digest("two")])
    assert [desk.shown(issue)["stack_trace"] for issue in (two, three)] == ["in two", "in 3"]


def test_every_read_of_a_merged_issue_shows_the_one_that_it_is_part_of(desk):
    gone, middle, whole = (desk.issue(message, tags={"a": message}) for message in ("boom 1", "boom 2", "boom 3"))
    desk.issue("boom 4")
    for into, source in ((middle, gone), (whole, middle)):
        ok(desk.call("POST", "/issues/merge", {"into": str(into), "issues": [str(source)]}))
    paths = ("", "/series", "/tags", "/fingerprints", "/similar")
    asked = [f"/issues/%s{path}" for path in paths] + ["/events?issue_id=%s"]
    for path in asked:
        shown = ok(desk.call("GET", path % whole))
        assert [ok(desk.call("GET", path % issue)) for issue in (gone, middle)] == [shown, shown]
    assert {entry["fingerprint"] for entry in ok(desk.call("GET", f"/issues/{gone}/fingerprints"))["fingerprints"]} == {
        digest(f"boom {n}").hex() for n in (1, 2, 3)
    }
    for path in paths[1:]:
        refused(desk.call("GET", f"/issues/{uuid4()}{path}"), 404, "no such issue")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"status": "resolved"}),
        ("DELETE", "", None),
        ("POST", "/comments", {"text": "hm"}),
        ("POST", "/discard", {}),
        ("POST", "/unmerge", {"fingerprints": ["a" * 64]}),
    ],
)
def test_no_write_to_a_merged_issue_is_taken_and_it_says_where_to_go(desk, method, path, body):
    gone, whole = desk.issue("one"), desk.issue("two")
    ok(desk.call("POST", "/issues/merge", {"into": str(whole), "issues": [str(gone)]}))
    (detail,) = refused(desk.call(method, f"/issues/{gone}{path}", body), 409, f"merged into {whole}")
    assert detail == {"issue_id": str(gone), "merged_into": str(whole)}
    assert desk.kinds(gone) == ["merged"]  # its own history is still to be seen


def test_what_cannot_be_merged_is_refused(desk):
    merges, one, two, three = Merges(desk.database), *(desk.issue(message) for message in ("one", "two", "three"))
    with pytest.raises(RejectedError, match="itself"):
        merges.merge(desk.project, desk.ann, one, [one])
    with pytest.raises(NotFoundError):
        merges.merge(desk.project, desk.ann, one, [uuid4()])
    with pytest.raises(NotFoundError):
        merges.merge(uuid4(), desk.ann, one, [two])
    merges.merge(desk.project, desk.ann, one, [two])
    with pytest.raises(ConflictError, match=str(one)):
        merges.merge(desk.project, desk.ann, three, [two])
    with pytest.raises(ConflictError, match=str(one)):
        merges.merge(desk.project, desk.ann, two, [three])
    assert desk.call("POST", f"/issues/{three}/discard").status_code == 200
    with pytest.raises(ConflictError, match="discarded"):
        merges.merge(desk.project, desk.ann, one, [three])


def test_what_cannot_be_unmerged_is_refused(desk):
    merges, one = Merges(desk.database), desk.issue("one")
    with pytest.raises(RejectedError, match="at least one"):
        merges.unmerge(desk.project, desk.ann, one, [digest("one")])
    with pytest.raises(NotFoundError):
        merges.unmerge(desk.project, desk.ann, one, [digest("other")])
    with pytest.raises(NotFoundError):
        merges.unmerge(desk.project, desk.ann, uuid4(), [digest("one")])


STEPS = st.one_of(
    st.tuples(st.just("record"), st.lists(st.integers(0, 23), min_size=1, max_size=8)),
    st.tuples(st.just("merge"), st.lists(st.integers(0, 5), min_size=2, max_size=3, unique=True)),
    st.tuples(st.just("unmerge"), st.lists(st.integers(0, 5), min_size=1, max_size=2, unique=True)),
)


class Model:
    """Which messages share an issue, and which issues were ever told of as new."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.merges = Merges(desk.database)
        self.events = [made(desk, f"{desk.project} {n % 6}", n) for n in range(24)]
        self.sent, self.group_of, self.new = {}, {}, set()

    def record(self, numbers):
        batch = [self.events[n] for n in numbers]
        first = {event.message for event in batch} - set(self.group_of)
        updates = self.desk.store.record(batch)
        for event in batch:
            self.sent[event.event_id] = event
            self.group_of.setdefault(event.message, {event.message})
        where = self.where()
        new = {where[message] for message in first}
        told = {update.issue_id for update in updates if update.count_before == 0}
        assert new <= told, "a new issue was not told of"
        assert told <= self.new | new, "an issue was told of as new that was not"
        self.new |= new

    def merge(self, numbers):
        where = self.where()
        known = [message for n in numbers if (message := self.events[n].message) in where]
        issues = list(dict.fromkeys(where[message] for message in known))
        if len(issues) > 1:
            self.merges.merge(self.desk.project, self.desk.ann, issues[0], issues[1:])
            self.join(set().union(*(self.group_of[message] for message in known)))

    def unmerge(self, numbers):
        where = self.where()
        known = [message for n in numbers if (message := self.events[n].message) in where]
        group = self.group_of[known[0]] if known else set()
        leaving = [message for message in known if message in group]
        if 0 < len(leaving) < len(group):
            self.merges.unmerge(
                self.desk.project, self.desk.ann, where[known[0]], [digest(message) for message in leaving]
            )
            self.join(group - set(leaving))
            for message in leaving:
                self.join({message})

    def join(self, messages):
        self.group_of |= dict.fromkeys(messages, messages)

    def where(self):
        issue_of = places(self.desk)
        return {event.message: issue_of[event.event_id] for event in self.sent.values()}

    def check(self):
        by_issue = check(self.desk, self.sent.values())
        groups = {frozenset(event.message for event in of) for of in by_issue.values()}
        assert groups == {frozenset(group) for group in self.group_of.values()}


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=2, max_size=12))
def test_merges_unmerges_and_repeats_in_any_order_leave_what_a_model_says(desk, steps):
    desk.project = uuid4()
    model = Model(desk)
    for kind, numbers in steps:
        getattr(model, kind)(numbers)
        model.check()


def test_the_routes_merge_show_and_unmerge(desk):
    one, two = desk.issue("one"), desk.issue("two")
    merged = ok(desk.call("POST", "/issues/merge", {"into": str(one), "issues": [str(two)]}))
    assert (merged["issue"]["id"], merged["issue"]["count"], merged["events_moved"]) == (str(one), 2, 1)
    assert desk.listed() == ["one"]
    shown = ok(desk.call("GET", f"/issues/{one}/fingerprints"))["fingerprints"]
    assert {(f["fingerprint"], f["strategy"], f["count"], f["example"]["message"]) for f in shown} == {
        (digest(message).hex(), "message:1", 1, message) for message in ("one", "two")
    }
    parted = ok(desk.call("POST", f"/issues/{one}/unmerge", {"fingerprints": [digest("two").hex()]}))
    assert (parted["issue"]["count"], [issue["id"] for issue in parted["issues"]]) == (1, [str(two)])
    assert sorted(desk.listed()) == ["one", "two"]
    assert (desk.kinds(one), desk.kinds(two)) == (["unmerged", "merged"], ["unmerged", "merged"])


def test_a_link_to_a_merged_issue_shows_the_one_that_it_is_part_of(desk):
    one, two, three = desk.issue("one"), desk.issue("two"), desk.issue("three")
    ok(desk.call("POST", "/issues/merge", {"into": str(two), "issues": [str(three)]}))
    ok(desk.call("POST", "/issues/merge", {"into": str(one), "issues": [str(two)]}))
    for issue in (one, two, three):
        assert desk.shown(issue)["id"] == str(one)
        assert len(desk.call("GET", f"/events?issue_id={issue}").json()["events"]) == 3


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/issues/merge", {"into": "x", "issues": []}, 422),
        ("/issues/merge", {"into": str(UUID(int=1)), "issues": [str(UUID(int=2))]}, 404),
        ("/issues/merge", {"into": str(UUID(int=3)), "issues": [str(UUID(int=4))] * 1_001}, 422),
        (f"/issues/{UUID(int=5)}/unmerge", {"fingerprints": ["abc"]}, 422),
        (f"/issues/{UUID(int=6)}/unmerge", {"fingerprints": ["a" * 64]}, 404),
        ("/issues/no-id/unmerge", {"fingerprints": ["a" * 64]}, 404),
    ],
)
def test_a_request_to_merge_or_unmerge_that_makes_no_sense_gets_a_4xx(desk, path, body, status):
    refused(desk.call("POST", path, body), status)
