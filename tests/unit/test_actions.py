"""What people's edits make of an issue, between events that arrive as they like."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from atlas_core.actions import (
    UNDOABLE,
    Before,
    Edit,
    Handling,
    Ignore,
    Reopen,
    Resolve,
    Scene,
    after_edit,
    changes,
    restored,
)
from atlas_core.errors import ConflictError, RejectedError
from atlas_core.issues import Priority, Status
from atlas_core.workflow import Arrival, Newest, Standing, after_arrival

NOW = datetime(2026, 11, 25, tzinfo=UTC)
OPEN = Handling(standing=Standing(status=Status.OPEN, episode=4, regressed_at=NOW))
SCENE = Scene(NOW, 10, 3, "1.4")
RELEASES = ["1.0", "1.4", "1.10", "2.0-rc1", "deadbeef"]


def edited(handling: Handling, move, scene: Scene = SCENE) -> Standing:
    return after_edit(handling, Edit(move=move), scene).standing


@pytest.mark.parametrize(
    ("move", "wanted"),
    [
        (Resolve(), {"resolved_at": NOW}),
        (Resolve(release="2.0"), {"resolved_at": NOW, "resolved_in": "2.0"}),
        (Resolve(in_next_release=True), {"resolved_at": NOW, "resolved_in": "1.4", "resolved_in_next": True}),
        (Ignore(), {}),
        (Ignore(until=NOW + timedelta(hours=1)), {"ignored_until": NOW + timedelta(hours=1)}),
        (Ignore(more_events=5, more_users=2), {"ignored_until_count": 15, "ignored_until_users": 5}),
    ],
)
def test_each_move_sets_its_own_fields_and_clears_all_others(move, wanted):
    status = Status.RESOLVED if isinstance(move, Resolve) else Status.IGNORED
    assert edited(OPEN, move) == Standing(status=status, episode=4, **wanted)


def test_opening_what_is_open_keeps_that_it_regressed():
    assert edited(OPEN, Reopen()) is OPEN.standing


def test_resolving_again_the_same_way_keeps_the_first_time():
    resolved = after_edit(OPEN, Edit(move=Resolve(release="2.0")), SCENE)
    later = Scene(NOW + timedelta(days=1), 11, 3, "1.4")
    assert edited(resolved, Resolve(release="2.0"), later) == resolved.standing
    assert edited(resolved, Resolve(), later).resolved_at == later.now


@pytest.mark.parametrize("move", [Ignore(until=NOW), Ignore(until=NOW - timedelta(seconds=1))])
def test_ignoring_until_a_time_that_has_passed_is_refused(move):
    with pytest.raises(RejectedError, match="future"):
        edited(OPEN, move)


def test_the_next_release_needs_a_release():
    with pytest.raises(RejectedError, match="no release yet"):
        edited(OPEN, Resolve(in_next_release=True), Scene(NOW, 1, 0, None))


def test_a_discarded_issue_can_only_be_brought_back():
    discarded = after_edit(OPEN, Edit(discard=True), SCENE)
    with pytest.raises(ConflictError, match="discarded"):
        after_edit(discarded, Edit(priority=Priority.LOW), SCENE)
    assert restored(discarded, [change.before for change in changes(OPEN, discarded)]) == OPEN


def test_an_edit_that_changes_nothing_leaves_no_trace():
    edit = Edit(move=Reopen(), assignee_id=None, priority=Priority.MEDIUM)
    assert changes(OPEN, after_edit(OPEN, edit, SCENE)) == []


def test_the_newest_release_is_the_highest_version_not_the_latest_hotfix():
    seen = {"2.0": NOW, "1.9.1": NOW + timedelta(days=1), "2.0-rc1": NOW - timedelta(days=1)}
    assert Newest(seen).beside(None) == Newest(seen).beside("1.0") == "2.0"
    assert Newest({"abc": NOW, "def": NOW + timedelta(days=1)}).beside(None) == "def"
    assert Newest({}).beside(None) is None


moves = st.one_of(
    st.just(Reopen()),
    st.just(Resolve()),
    st.builds(Resolve, release=st.sampled_from(RELEASES)),
    st.just(Resolve(in_next_release=True)),
    st.builds(
        Ignore,
        until=st.none() | st.integers(1, 5).map(lambda hours: NOW + timedelta(hours=hours)),
        more_events=st.none() | st.integers(1, 5),
        more_users=st.none() | st.integers(1, 3),
    ),
)
edits = st.builds(
    Edit,
    move=st.none() | moves,
    assignee_id=st.sampled_from([msgspec.UNSET, None, UUID(int=1), UUID(int=2)]),
    priority=st.none() | st.sampled_from(Priority),
    discard=st.sampled_from([False, False, False, True]),
)


class IssueLife(RuleBasedStateMachine):
    """One issue: people edit it and undo, events arrive, the clock goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.count, self.users = NOW, 1, 1
        self.seen = {"1.0": NOW}
        self.handling = Handling(standing=Standing(status=Status.OPEN, episode=1))
        self.undo: list[tuple[Handling, list[bytes]]] = []
        self.highest_episode = 1

    @rule(edit=edits)
    def somebody_edits(self, edit):
        self.now += timedelta(minutes=1)
        before = self.handling
        try:
            after = after_edit(before, edit, Scene(self.now, self.count, self.users, Newest(self.seen).beside(None)))
        except (ConflictError, RejectedError):
            return
        made = changes(before, after)
        assert bool(made) == (after != before)
        assert {change.kind for change in made} <= UNDOABLE
        if made:
            # As a store keeps them: JSON and back.
            self.undo.append((before, [msgspec.json.encode(change.before) for change in made]))
        self.handling = after

    @precondition(lambda self: self.undo)
    @rule()
    def somebody_undoes_the_last_edit(self):
        before, kept = self.undo.pop()
        self.handling = restored(self.handling, [msgspec.json.decode(text, type=Before) for text in kept])
        assert self.handling == before

    @precondition(lambda self: self.handling.discarded_at is None)
    @rule(
        releases=st.lists(st.none() | st.sampled_from(RELEASES), min_size=1, max_size=4),
        new_users=st.integers(0, 2),
        age_s=st.integers(0, 600),
    )
    def events_arrive(self, releases, new_users, age_s):
        self.now += timedelta(minutes=30)
        at = self.now - timedelta(seconds=age_s)
        self.count, self.users = self.count + len(releases), self.users + new_users
        arrival = Arrival([(at, release) for release in releases], self.count, self.users)
        for release in filter(None, releases):
            self.seen.setdefault(release, at)
        after = after_arrival(self.handling.standing, arrival, self.seen.get)
        if after is not self.handling.standing:
            # What stood before cannot be undone any more: the issue has come back since.
            self.undo.clear()
            assert after.status is Status.OPEN
        self.handling = msgspec.structs.replace(self.handling, standing=after)

    @invariant()
    def fields_stand_only_with_their_status(self):
        standing = self.handling.standing
        resolution = (standing.resolved_at, standing.resolved_in, standing.resolved_in_next or None)
        limits = (standing.ignored_until, standing.ignored_until_count, standing.ignored_until_users)
        comebacks = (standing.regressed_at, standing.returned_at)
        assert standing.status is Status.RESOLVED or resolution == (None, None, None)
        assert standing.status is not Status.RESOLVED or standing.resolved_at
        assert not standing.resolved_in_next or standing.resolved_in
        assert standing.status is Status.IGNORED or limits == (None, None, None)
        assert standing.status is Status.OPEN or comebacks == (None, None)
        assert None in comebacks

    @invariant()
    def the_episode_never_falls(self):
        assert self.handling.standing.episode >= self.highest_episode
        self.highest_episode = self.handling.standing.episode


TestIssueLife = IssueLife.TestCase
TestIssueLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
