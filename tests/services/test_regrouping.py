"""Trying, switching and undoing a project's grouping, on a real PostgreSQL."""

import contextlib
import gc
import json
import random
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas_core.alerts import AlertRule, evaluate
from atlas_core.conditions import NewIssue
from atlas_core.errors import ConflictError, NotFoundError, TransientError
from atlas_core.events import ExceptionValue, Frame, Level
from atlas_core.grouping import Grouping
from atlas_core.storage.fingerprinter import Fingerprinter
from atlas_core.storage.merging import Merges
from atlas_core.storage.regrouping import Regrouping
from tests.services.desk import Desk, ok, refused
from tests.services.ledger import check, places

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
MESSAGE, NORMALIZED, STACKTRACE = (Grouping(name) for name in ("message", "normalized", "stacktrace"))
BY_REGION = Grouping(rules="message:boom -> boom, {{ tags.region }}")


def made(desk: Desk, message: str, n: int = 0, function: str = "pay", **more):
    frames = [Frame(module="shop.cart", function=function, in_app=True, lineno=n)]
    event = desk.event(
        message, type="ValueError", exceptions=[ExceptionValue(type="ValueError", value=message, frames=frames)],
        stack_trace=f"{message} in {function}" if n % 4 else "", user={"id": n % 3}, release=f"1.{n % 4}.0",
        **{"tags": {"region": "eu" if n % 2 else "us"}} | more,
    )  # fmt: skip
    event.received_at = event.timestamp = NOW - timedelta(minutes=17 * n)
    event.level = Level.ERROR if n % 5 else Level.WARNING
    return event


def partition(desk: Desk) -> set[frozenset[UUID]]:
    """Return which events are together."""
    groups: dict[UUID, set[UUID]] = {}
    for event_id, issue_id in places(desk).items():
        groups.setdefault(issue_id, set()).add(event_id)
    return {frozenset(group) for group in groups.values()}


def kept(desk: Desk):
    """Return all that the issues say of themselves."""
    return sorted(
        desk.sql(
            "SELECT id, encode(fingerprint, 'hex'), title, type, culprit, level, count, users, first_seen, last_seen, "
            "status, merged_into, (SELECT stack_trace FROM issues.issue_traces t WHERE t.issue_id = issues.id) "
            "FROM issues.issues WHERE project_id = :p AND merged_into IS NULL",
            p=desk.project,
        )
    )


def test_what_if_tells_what_merges_and_changes_nothing(desk):
    events = [made(desk, f"order {n} not found", n) for n in range(4)] + [made(desk, "other", 9)]
    desk.store.record(events)
    before = kept(desk), places(desk)
    told = Regrouping(desk.database).what_if(desk.project, NORMALIZED)
    assert (told["events"], told["issues_before"], told["issues_after"], told["unaffected"]) == (5, 5, 2, 1)
    assert (told["merges"]["total"], told["merged_issues"], told["splits"]["total"]) == (1, 4, 0)
    (merge,) = told["merges"]["shown"]
    assert {issue["title"] for issue in merge["issues"]} == {f"ValueError: order {n} not found" for n in range(4)}
    assert (merge["events"], told["from"], told["to"]) == (4, events[4].received_at, events[0].received_at)
    assert (kept(desk), places(desk)) == before


def test_what_if_tells_what_splits_with_an_example_of_each_part(desk):
    desk.store.record([made(desk, "boom", n, function="pay" if n < 3 else "ship") for n in range(5)])
    told = Regrouping(desk.database).what_if(desk.project, STACKTRACE)
    assert (told["issues_before"], told["issues_after"], told["splits"]["total"]) == (1, 2, 1)
    (split,) = told["splits"]["shown"]
    assert split["issue"]["title"] == "ValueError: boom"
    assert [(part["events"], part["into"] is None) for part in split["parts"]] == [(3, False), (2, True)]
    assert all(part["example"]["message"] == "boom" for part in split["parts"])


def test_every_part_of_a_what_if_can_be_had_a_line_each(desk):
    desk.store.record([made(desk, f"order {n} not found", n) for n in range(3)] + [made(desk, "other", 9)])
    answer = desk.call("POST", "/grouping/what-if/parts", {"strategy": "normalized"})
    parts = [json.loads(line) for line in answer.text.splitlines()]
    assert (len(parts), len({part["issue_id"] for part in parts}), {part["events"] for part in parts}) == (3, 3, {1})
    assert {part["into"] for part in parts} <= {part["issue_id"] for part in parts}
    Regrouping(desk.database).apply(desk.project, desk.ann, NORMALIZED)
    answer = desk.call("POST", "/grouping/what-if/parts", {"strategy": "message"})
    parts = [json.loads(line) for line in answer.text.splitlines()]
    assert sorted(part["into"] is None for part in parts) == [False, True, True]
    assert all(bool(part["into"]) != bool(part["fingerprint"]) for part in parts)


def test_a_switch_merges_issues_and_what_comes_later_is_not_new(desk):
    events = [made(desk, f"order {n} not found", n) for n in range(4)] + [made(desk, "other", 9)]
    desk.store.record(events)
    done = Regrouping(desk.database).apply(desk.project, desk.ann, NORMALIZED)
    assert (done["summary"]["merges"], done["summary"]["issues_after"], done["summary"]["events_moved"]) == (1, 2, 3)
    assert len(check(desk, events)) == 2
    later = [made(desk, f"order {n} not found", n) for n in (2, 77)]
    (update,) = desk.store.record(later)
    assert (update.count_before, update.count) == (4, 6)
    assert len(check(desk, events + later)) == 2


def test_a_switch_splits_issues_and_nothing_of_them_counts_as_new(desk):
    events = [made(desk, "boom", n, function="pay" if n < 3 else "ship") for n in range(5)]
    desk.store.record(events)
    Regrouping(desk.database).apply(desk.project, desk.ann, STACKTRACE)
    assert sorted(len(of) for of in check(desk, events).values()) == [2, 3]
    repeats = desk.store.record(events)
    assert {(update.count_before, update.count) for update in repeats} == {(2, 2), (3, 3)}
    later = made(desk, "boom", 8, function="ship")
    (update,) = desk.store.record([later])
    assert (update.count_before, update.count) == (2, 3)
    check(desk, [*events, later])


def test_issues_that_a_switch_makes_are_titled_by_their_own_first_event(desk):
    events = [made(desk, f"order {n} not found", n) for n in range(4)]
    desk.store.record(events)
    regrouping = Regrouping(desk.database)
    regrouping.apply(desk.project, desk.ann, NORMALIZED)
    desk.store.record([made(desk, "order 55 not found", 9), made(desk, "order 55 not found", 8)])
    regrouping.apply(desk.project, desk.ann, MESSAGE)
    titles = {row[2] for row in kept(desk)}
    assert titles == {f"ValueError: order {n} not found" for n in (0, 1, 2, 3, 55)}


def test_undo_gives_every_issue_back_as_it_was_and_keeps_what_people_merged(desk):
    events = [made(desk, f"order {n} not found", n) for n in range(5)] + [made(desk, "other", 9)]
    updates = desk.store.record(events)
    by_title = {update.title: update.issue_id for update in updates}
    Merges(desk.database).merge(
        desk.project, desk.ann, by_title["ValueError: other"], [by_title["ValueError: order 1 not found"]]
    )
    before = kept(desk), places(desk)
    regrouping = Regrouping(desk.database)
    change = regrouping.apply(desk.project, desk.ann, NORMALIZED)
    assert len(check(desk, events)) == 1, "what was merged by hand stays together, so all joins"
    regrouping.undo(desk.project, desk.ann, change["change_id"])
    check(desk, events)
    assert (kept(desk), places(desk)) == before
    assert {update.count_before for update in desk.store.record([made(desk, "order 1 not found", 7)])} == {2}


def test_events_that_came_after_a_switch_are_grouped_by_the_old_grouping_when_it_is_undone(desk):
    events = [made(desk, f"order {n} not found", n) for n in range(3)]
    desk.store.record(events)
    regrouping = Regrouping(desk.database)
    change = regrouping.apply(desk.project, desk.ann, NORMALIZED)
    later = [made(desk, f"order {n} not found", 9) for n in (1, 1, 1, 8, 8, 8, 8)]
    desk.store.record(later)
    regrouping.undo(desk.project, desk.ann, change["change_id"])
    by_issue = check(desk, events + later)
    assert sorted((of[0].message, len(of)) for of in by_issue.values()) == [
        ("order 0 not found", 1), ("order 1 not found", 4), ("order 2 not found", 1), ("order 8 not found", 4),
    ]  # fmt: skip
    assert all(update.count_before for update in desk.store.record(events + later))
    assert [u.count_before for u in desk.store.record([made(desk, "order 8 not found", 1)])] == [4]


def test_every_event_keeps_the_fingerprint_that_it_was_counted_under(desk):
    event = made(desk, "order 1 not found")
    desk.store.record([event])
    shown = ok(desk.call("GET", f"/events/{event.event_id}"))["event"]
    Regrouping(desk.database).apply(desk.project, desk.ann, NORMALIZED)
    again = ok(desk.call("GET", f"/events/{event.event_id}"))["event"]
    assert (again["fingerprint"], again["strategy"]) == (shown["fingerprint"], "message:1")
    aliases = desk.sql("SELECT strategy FROM issues.fingerprints WHERE issue_id = :i ORDER BY 1", i=again["issue_id"])
    assert aliases == [("message:1",), ("normalized:1",)]


def test_an_event_says_how_its_fingerprint_came_about_then_and_now(desk):
    event = made(desk, "order 7 not found")
    desk.store.record([event])
    first = ok(desk.call("GET", f"/events/{event.event_id}"))["event"]["grouping"]
    assert (first["strategy"], first["fingerprint"]) == ("message:1", MESSAGE.fingerprint(event).digest.hex())
    rules = Grouping("normalized", "type:ValueError message:order* -> lost-orders, {{ default }}")
    Regrouping(desk.database).apply(desk.project, desk.ann, rules)
    now = ok(desk.call("GET", f"/events/{event.event_id}"))["event"]["grouping"]
    assert (now["strategy"], now["fingerprint"]) == ("normalized:1", rules.fingerprint(event).digest.hex())
    assert "line 1" in now["explanation"][0]
    assert len(now["explanation"]) > 1


def test_only_events_whose_tags_are_looked_at_are_fingerprinted_one_by_one(desk):
    events = [made(desk, "boom", n) for n in range(6)] + [made(desk, "other", 1 + 4 * n) for n in range(5)]
    desk.store.record(events)
    regrouping = Regrouping(desk.database)
    told = regrouping.what_if(desk.project, BY_REGION)
    assert (told["fingerprinted"], told["fingerprinted_by_tags"], told["issues_after"]) == (7, 6, 3)
    regrouping.apply(desk.project, desk.ann, BY_REGION)
    groups = [{(event.message, event.tags["region"]) for event in of} for of in check(desk, events).values()]
    assert sorted(map(sorted, groups)) == [[("boom", "eu")], [("boom", "us")], [("other", "eu")]]


def test_a_rule_on_releases_has_each_release_looked_at(desk):
    events = [made(desk, "boom", n) for n in range(8)] + [made(desk, "other", 4 * n) for n in range(3)]
    desk.store.record(events)
    regrouping = Regrouping(desk.database)
    assert regrouping.what_if(desk.project, STACKTRACE)["fingerprinted"] == 2
    by_release = Grouping(rules="release:1.3.* -> newest")
    told = regrouping.what_if(desk.project, by_release)
    assert (told["fingerprinted"], told["issues_after"]) == (8, 3), (
        "boom in 4 releases, two of them at 2 levels; other in one, at 2 levels"
    )
    regrouping.apply(desk.project, desk.ann, by_release)
    groups = [{(event.message, event.release == "1.3.0") for event in of} for of in check(desk, events).values()]
    assert sorted(map(sorted, groups)) == [[("boom", False)], [("boom", True)], [("other", False)]]


def test_events_from_before_contents_were_kept_are_grouped_like_others(desk):
    events = [made(desk, f"order {n % 3} of {n} failed", n) for n in range(12)] + [
        made(desk, "boom", 1 + n) for n in range(4)
    ]
    desk.store.record(events)
    regrouping = Regrouping(desk.database)
    with_content = regrouping.what_if(desk.project, NORMALIZED)
    with desk.database.cursor() as cursor:
        cursor.execute("UPDATE issues.event_ids SET content = NULL WHERE received_at < %s", (events[2].received_at,))
    without = regrouping.what_if(desk.project, NORMALIZED)
    assert without["fingerprinted"] > with_content["fingerprinted"]
    assert without | {"fingerprinted": 0} == with_content | {"fingerprinted": 0}
    regrouping.apply(desk.project, desk.ann, NORMALIZED)
    assert sorted(len(of) for of in check(desk, events).values()) == [4, 12]


def test_a_fingerprint_of_the_sdk_that_asks_for_tags_parts_by_them_too(desk):
    events = [made(desk, "boom", n, fingerprint=["{{ default }}", "{{ tags.region }}"]) for n in range(6)]
    desk.store.record(events)
    was = partition(desk)
    regrouping = Regrouping(desk.database)
    change = regrouping.apply(desk.project, desk.ann, NORMALIZED)["change_id"]
    assert (len(was), partition(desk)) == (2, was)
    regrouping.undo(desk.project, desk.ann, change)
    assert partition(desk) == was


def test_many_events_are_fingerprinted_in_processes_with_the_same_result(desk, monkeypatch):
    events = [made(desk, f"order {n} of user {n % 7} failed", n) for n in range(40)]
    desk.store.record(events)
    regrouping = Regrouping(desk.database)
    alone = regrouping.what_if(desk.project, NORMALIZED)
    monkeypatch.setattr("atlas_core.storage.fingerprinting.ALONE_UP_TO", 0)
    monkeypatch.setattr("atlas_core.storage.fingerprinting.AT_ONCE", 7)
    assert regrouping.what_if(desk.project, NORMALIZED) == alone


def test_events_that_arrive_during_a_switch_wait_and_are_grouped_by_the_new_grouping(desk, monkeypatch):
    desk.store.record([made(desk, "order 1 not found")])
    arrived, failures = threading.Event(), []
    late = made(desk, "order 2 not found", 3)

    def arrive():
        arrived.set()
        try:
            assert desk.store.record([late])[0].count_before == 1
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    worker = threading.Thread(target=arrive)

    def plan_slowly(*args, **more):
        worker.start()
        assert arrived.wait(5)
        worker.join(0.3)
        assert worker.is_alive(), "it did not wait"
        return planned(*args, **more)

    from atlas_core.storage.plans import planned

    monkeypatch.setattr("atlas_core.storage.plans.planned", plan_slowly)
    Regrouping(desk.database).apply(desk.project, desk.ann, NORMALIZED)
    worker.join(10)
    assert (failures, len(partition(desk))) == ([], 1)


def test_events_of_other_projects_do_not_wait(desk):
    with desk.database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s::uuid::text, 0))", (desk.project,))
        event = made(desk, "elsewhere")
        event.project_id = uuid4()
        assert len(desk.store.record([event])) == 1


def test_a_switch_that_fails_changes_nothing(desk, monkeypatch):
    events = [made(desk, f"order {n} not found", n) for n in range(3)]
    desk.store.record(events)
    before = kept(desk), places(desk)

    def fail(*_):
        raise TransientError("the last step failed")

    monkeypatch.setattr("atlas_core.storage.regrouping._tell_people", fail)
    with pytest.raises(TransientError):
        Regrouping(desk.database).apply(desk.project, desk.ann, NORMALIZED)
    assert (kept(desk), places(desk)) == before
    assert Regrouping(desk.database).state(desk.project)["grouping"]["strategy"] == "message"
    check(desk, events)


def test_only_the_newest_change_can_be_undone_and_only_once(desk):
    desk.store.record([made(desk, "order 1 not found")])
    regrouping = Regrouping(desk.database)
    first = regrouping.apply(desk.project, desk.ann, NORMALIZED)["change_id"]
    second = regrouping.apply(desk.project, desk.ann, STACKTRACE)["change_id"]
    with pytest.raises(ConflictError, match="later"):
        regrouping.undo(desk.project, desk.ann, first)
    regrouping.undo(desk.project, desk.ann, second)
    with pytest.raises(ConflictError, match="already"):
        regrouping.undo(desk.project, desk.ann, second)
    regrouping.undo(desk.project, desk.ann, first)
    with pytest.raises(NotFoundError):
        regrouping.undo(uuid4(), desk.ann, first)
    state = regrouping.state(desk.project)
    assert (state["grouping"]["strategy"], state["version"]) == ("message", 4)
    assert [change["can_undo"] for change in state["changes"]] == [False, False]


def test_two_at_once_are_refused(desk):
    with desk.database.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('regrouping ' || %s::uuid::text, 0))", (desk.project,)
        )
        with pytest.raises(ConflictError, match="wait"):
            Regrouping(desk.database).what_if(desk.project, NORMALIZED)


def test_only_so_many_projects_at_once_take_every_core(desk, monkeypatch):
    regrouping = Regrouping(desk.database)
    inside, go_on, answers = threading.Barrier(3, timeout=20), threading.Event(), []

    def wait(*_):
        inside.wait()
        go_on.wait(20)

    monkeypatch.setattr("atlas_core.storage.regrouping.begin_move", wait)
    threads = [
        threading.Thread(target=lambda: answers.append(regrouping.apply(uuid4(), desk.ann, MESSAGE))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    inside.wait()
    with pytest.raises(TransientError, match="soon"):
        regrouping.what_if(uuid4(), NORMALIZED)
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert answers == [{"change_id": None, "summary": None}] * 2


def test_a_process_that_was_killed_is_told_as_not_now():
    process = Fingerprinter(NORMALIZED)
    (child,) = [each for each in psutil.Process().children() if "atlas_core.storage.fingerprinter" in each.cmdline()]
    child.kill()
    with pytest.raises(TransientError, match="ended"):
        process.fingerprints([b"no body"])
    process.close()
    process.close()


def test_a_project_without_events_can_be_switched_and_undone(desk):
    regrouping = Regrouping(desk.database)
    assert regrouping.what_if(desk.project, NORMALIZED)["issues_before"] == 0
    change = regrouping.apply(desk.project, desk.ann, NORMALIZED)["change_id"]
    regrouping.undo(desk.project, desk.ann, change)
    assert regrouping.state(desk.project)["grouping"]["strategy"] == "message"


def test_the_routes_show_try_switch_and_undo(desk):
    desk.store.record([made(desk, f"order {n} not found", n) for n in range(3)])
    state = ok(desk.call("GET", "/grouping"))
    assert (state["grouping"]["strategy"], state["version"], state["changes"]) == ("message", 0, [])
    tried = ok(desk.call("POST", "/grouping/what-if", {"strategy": "normalized"}))["what_if"]
    assert (tried["issues_before"], tried["issues_after"], tried["grouping"]["strategy"]) == (3, 1, "normalized")
    done = ok(desk.call("PUT", "/grouping", {"strategy": "normalized", "expected_version": 0}))
    assert done["summary"]["issues_after"] == 1
    refused(desk.call("PUT", "/grouping", {"strategy": "stacktrace", "expected_version": 0}), 409, "version 1")
    assert ok(desk.call("PUT", "/grouping", {"strategy": "normalized"}))["change_id"] is None
    (change,) = ok(desk.call("GET", "/grouping"))["changes"]
    assert (change["can_undo"], change["user"]["email"], change["summary"]["merges"]) == (True, "ann@example.org", 1)
    ok(desk.call("POST", f"/grouping/changes/{done['change_id']}/undo"))
    assert len(desk.listed()) == 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"strategy": "best"}, ["normalized"]),
        ({"rules": "type:X ->"}, ["line 1", "column"]),
        ({"rules": "\n\nmessage:/(a+)+(?=b)/ -> x"}, ["line 3"]),
        ({"rules": 1}, ["rules"]),
        ({"strategie": "message"}, ["strategie"]),
    ],
)
def test_a_wrong_grouping_is_refused_saying_where(desk, body, words):
    refused(desk.call("POST", "/grouping/what-if", body), 422, *words)
    refused(desk.call("PUT", "/grouping", body), 422, *words)


def test_no_alert_tells_of_a_known_issue_as_new_whatever_is_switched_undone_and_repeated(desk):
    rule = AlertRule(
        id=uuid4(), project_id=desk.project, name="new", condition=NewIssue(), is_active=True, created_at=NOW,
        updated_at=NOW,
    )  # fmt: skip
    fired: set[tuple[UUID, int]] = set()

    def alerts_of(*events) -> int:
        updates = desk.store.record(events)
        new = {(f.issue_id, f.episode) for update in updates for f in evaluate([rule], update)} - fired
        fired.update(new)
        return len(new)

    known = [made(desk, f"order {n % 4} lost", n, function="pay" if n % 3 else "ship") for n in range(24)]
    assert alerts_of(*known) == 4
    regrouping = Regrouping(desk.database)
    for grouping in (NORMALIZED, STACKTRACE, BY_REGION):
        change = regrouping.apply(desk.project, desk.ann, grouping)["change_id"]
        assert alerts_of(*known) == 0
        assert alerts_of(made(desk, "order 1 lost", 30), made(desk, "order 2 lost", 31, function="ship")) == 0
        if grouping is not NORMALIZED:
            regrouping.undo(desk.project, desk.ann, change)
            assert alerts_of(*known) == 0
            assert alerts_of(made(desk, "order 3 lost", 32)) == 0
    assert alerts_of(made(desk, "something else")) == 1


def test_workers_count_while_people_merge_and_switch_and_nothing_is_lost_or_stuck(desk):
    rng = random.Random(6)
    events = [made(desk, f"order {n % 9} lost", n, function="pay" if n % 2 else "ship") for n in range(300)]
    batches = [[events[n] for n in rng.sample(range(300), 40)] for _ in range(30)]
    failures = []

    def count(share):
        for batch in share:
            for _ in range(20):
                # As the consume loop does: two workers with the same new ids step on each other's toes.
                with contextlib.suppress(TransientError):
                    desk.store.record(batch)
                    break
            else:
                failures.append("a batch was never counted")

    def regroup():
        regrouping, merges = Regrouping(desk.database), Merges(desk.database)
        for grouping in (NORMALIZED, STACKTRACE, MESSAGE):
            regrouping.apply(desk.project, desk.ann, grouping)
            issues = sorted(set(places(desk).values()))[:2]
            with contextlib.suppress(ConflictError, NotFoundError):
                merges.merge(desk.project, desk.bob, issues[0], issues[1:])

    workers = [threading.Thread(target=count, args=(batches[n::2],)) for n in range(2)]
    for worker in workers:
        worker.start()
    regroup()
    for worker in workers:
        worker.join(60)
    desk.store.record(events)
    assert failures == []
    check(desk, events)


STEPS = st.one_of(
    st.tuples(st.just("record"), st.lists(st.integers(0, 23), min_size=1, max_size=8)),
    st.tuples(st.just("merge"), st.lists(st.integers(0, 23), min_size=2, max_size=2, unique=True)),
    st.tuples(st.just("apply"), st.sampled_from([MESSAGE, NORMALIZED, STACKTRACE, BY_REGION])),
    st.tuples(st.just("undo"), st.none()),
)


class Story:
    """A project to which everything happens, and what must be true of it after each step."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.regrouping = Regrouping(desk.database)
        messages = [*(f"order {n} lost" for n in range(4)), "boom", "bang"]
        functions = ["pay", "ship", "pack"]
        self.events = [made(desk, messages[n % 6], n, function=functions[n % 5 % 3]) for n in range(24)]
        self.sent, self.issues, self.grouping, self.changes, self.told = {}, set(), MESSAGE, [], set()

    def record(self, numbers):
        batch = [self.events[n] for n in numbers]
        digests = {self.grouping.fingerprint(event).digest for event in self.sent.values()}
        updates = self.desk.store.record(batch)
        self.sent |= {event.event_id: event for event in batch}
        issue_of = places(self.desk)
        is_new = {
            issue_of[event.event_id] for event in batch if self.grouping.fingerprint(event).digest not in digests
        } - self.issues
        told = {update.issue_id for update in updates if update.count_before == 0}
        assert is_new <= told, "a new issue was not told of"
        assert told <= self.told | is_new, "an issue was told of as new that was not"
        self.told |= is_new

    def merge(self, numbers):
        issue_of = places(self.desk)
        one, two = (issue_of.get(self.events[n].event_id) for n in numbers)
        if one and two and one != two:
            Merges(self.desk.database).merge(self.desk.project, self.desk.ann, one, [two])

    def apply(self, grouping):
        was = partition(self.desk), dict(self.sent)
        change = self.regrouping.apply(self.desk.project, self.desk.ann, grouping)["change_id"]
        if change:
            self.changes.append((change, self.grouping, was))
            self.grouping = grouping

    def undo(self, _):
        if not self.changes:
            return
        change, self.grouping, (was, sent) = self.changes.pop()
        self.regrouping.undo(self.desk.project, self.desk.ann, change)
        known = {frozenset(group & sent.keys()) for group in partition(self.desk)} - {frozenset()}
        assert known == was, "not as it was before the change"

    def check(self):
        by_issue = check(self.desk, self.sent.values())
        home = {}
        for issue_id, members in by_issue.items():
            for event in members:
                assert home.setdefault(self.grouping.fingerprint(event).digest, issue_id) == issue_id
        self.issues = set(by_issue)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=3, max_size=12))
def test_whatever_is_counted_merged_switched_and_undone_every_issue_holds_what_its_events_make(desk, steps):
    desk.project = uuid4()
    story = Story(desk)
    for kind, argument in steps:
        getattr(story, kind)(argument)
        story.check()


def test_who_looks_at_all_objects_of_the_process_makes_no_fingerprint_one_by_tags(desk):
    desk.store.record([made(desk, "boom", 0)])
    assert all(each.__class__ for each in gc.get_objects() if issubclass(type(each), dict))
    assert Regrouping(desk.database).what_if(desk.project, NORMALIZED)["fingerprinted_by_tags"] == 0
