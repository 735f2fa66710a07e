"""Where issues go when their events are grouped anew: rules without a database."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from atlas_core.regrouping.comparison import compared
from atlas_core.regrouping.plan import Cell, planned

A, B, C, D = range(1, 5)


def plan_of(*cells, pinned=None, discarded=()):
    made = [Cell(issue, fingerprint, digest.encode(), count) for issue, fingerprint, digest, count in cells]
    plan = planned(
        made, pinned={digest.encode(): issue for digest, issue in (pinned or {}).items()}, discarded={*discarded}
    )
    homes = {digest.decode(): issue for digest, issue in plan.homes.items()}
    return homes, dict(plan.heirs), compared(made, plan)


def test_an_issue_whose_events_stay_together_keeps_its_place():
    homes, heirs, seen = plan_of((A, 1, "x", 3), (B, 2, "y", 1))
    assert (homes, heirs) == ({"x": A, "y": B}, {})
    assert (seen.unaffected, seen.merges, seen.splits) == (2, [], [])


def test_issues_that_share_a_fingerprint_join_in_the_one_that_deserves_most_to_stay():
    homes, heirs, seen = plan_of((A, 1, "x", 3), (B, 2, "x", 9))
    assert (homes, heirs) == ({"x": B}, {A: B})
    assert (seen.issues_before, seen.issues_after, seen.unaffected) == (2, 1, 0)
    assert [[part.issue for part in parts] for parts in seen.merges] == [[B, A]]


def test_what_most_events_of_a_fingerprint_become_stays_and_the_rest_parts():
    homes, heirs, seen = plan_of((A, 1, "x", 5), (A, 1, "y", 2), (A, 1, "z", 1))
    assert (homes, heirs) == ({"x": A, "y": None, "z": None}, {})
    assert [[part.count for part in parts] for parts in seen.splits] == [[5, 2, 1]]
    assert seen.issues_after == 3


def test_what_people_merged_stays_merged_where_each_fingerprint_stays_whole():
    homes, heirs, _ = plan_of((A, 1, "x", 5), (A, 2, "y", 2))
    assert (homes, heirs) == ({"x": A, "y": A}, {})


def test_a_part_may_go_to_another_issue():
    homes, heirs, seen = plan_of((A, 1, "x", 5), (A, 1, "y", 2), (B, 2, "y", 4))
    assert (homes, heirs) == ({"x": A, "y": B}, {})
    assert (len(seen.merges), len(seen.splits)) == (1, 1)


def test_pinned_fingerprints_go_where_they_were_and_new_ones_do_not_join_them():
    cells = (A, 9, "x", 5), (A, 9, "y", 2), (A, 9, "new", 50)
    homes, heirs, _ = plan_of(*cells, pinned={"x": A, "y": B})
    assert (homes, heirs) == ({"x": A, "y": B, "new": None}, {})


def test_an_issue_made_by_what_is_undone_gives_way():
    homes, heirs, _ = plan_of((A, 9, "x", 5), (C, 8, "x", 2), pinned={"x": A})
    assert (homes, heirs) == ({"x": A}, {C: A})


def test_an_issue_that_came_since_keeps_its_place_when_the_change_is_undone():
    homes, heirs, _ = plan_of((A, 9, "x", 5), (C, 8, "n", 2), (C, 8, "m", 1), pinned={"x": A})
    assert (homes, heirs) == ({"x": A, "n": C, "m": None}, {})


def test_an_issue_in_use_takes_in_the_discarded_ones_that_it_joins():
    homes, _, seen = plan_of((A, 1, "x", 9), (B, 2, "x", 9), (C, 3, "x", 1), discarded={A, B})
    assert (homes, seen.discarded_stored_again) == ({"x": C}, 2)


def test_what_comes_of_discarded_issues_only_is_dropped_all_the_same():
    cells = (A, 1, "x", 5), (A, 1, "y", 2), (B, 2, "x", 1), (C, 3, "z", 1)
    homes, _, seen = plan_of(*cells, discarded={A, B})
    assert (homes, seen.discarded_stored_again) == ({"x": B, "y": None, "z": C}, 0)
    homes, _, seen = plan_of(*cells, (C, 3, "y", 1), discarded={A, B})
    assert (homes["y"], seen.discarded_stored_again) == (None, 1)


def test_a_part_of_an_issue_in_use_never_goes_to_a_discarded_one():
    cells = (A, 1, "x", 9), (B, 2, "x", 1), (B, 2, "y", 5), (C, 3, "x", 2), (C, 3, "z", 4)
    homes, heirs, seen = plan_of(*cells, discarded={A})
    assert (homes, heirs) == ({"x": C, "y": B, "z": C}, {A: C})
    assert seen.discarded_stored_again == 1


FLOWS = st.dictionaries(
    st.tuples(st.integers(1, 6), st.sampled_from("pqrstu")), st.integers(1, 9), min_size=1, max_size=20
)


@given(flows=FLOWS, issue_of=st.lists(st.sampled_from([A, B, C, D]), min_size=6, max_size=6), data=st.data())
def test_every_event_has_one_place_and_no_issue_is_lost_without_an_heir(flows, issue_of, data):
    cells = [(issue_of[fingerprint - 1], fingerprint, digest, n) for (fingerprint, digest), n in flows.items()]
    digests = sorted({digest for _, _, digest, _ in cells})
    discarded = set(range(A, data.draw(st.integers(A, D))))
    pins = data.draw(st.dictionaries(st.sampled_from(digests), st.sampled_from([A, B, C, D]), max_size=3))
    homes, heirs, seen = plan_of(*cells, pinned=pins, discarded=discarded)
    assert set(homes) == set(digests)
    assert {digest: homes[digest] for digest in pins} == pins
    kept = {issue for issue in homes.values() if issue} | set(pins.values())
    assert not kept & set(heirs)
    for issue in {issue for issue, *_ in cells}:
        assert issue in kept or heirs[issue] in kept
    assert seen.events == sum(flows.values())
    assert sum(part.count for parts in seen.merges for part in parts) <= seen.events
    took = defaultdict(set)
    for issue, _, digest, _ in cells:
        took[issue].add(homes[digest] or digest)
    assert {parts[0].issue for parts in seen.splits} == {issue for issue, of in took.items() if len(of) > 1}
    for issue, _, digest, _ in cells:
        if not pins and issue not in discarded:
            assert homes[digest] not in discarded
