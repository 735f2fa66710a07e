"""What a change of grouping does to issues that people discarded: told beforehand, told afterwards, and undone."""

from typing import Any
from uuid import UUID

from atlas_core.grouping import Grouping
from atlas_core.storage.regrouping import Regrouping
from tests.services.desk import Desk, ok

MESSAGE, NORMALIZED = Grouping("message"), Grouping("normalized")
BY_REGION = Grouping("message", "message:noise* -> {{ default }}, {{ tags.region }}")


def noises(desk: Desk, n: int = 5, *, wanted: int = 1) -> list[UUID]:
    """Count an event each of issues that `normalized` makes one, discard all but the first; return them."""
    issues = [desk.issue(f"noise {number} happened") for number in range(n)]
    for issue in issues[wanted:]:
        ok(desk.call("POST", f"/issues/{issue}/discard"))
    return issues


def switch(desk: Desk, grouping: Grouping) -> dict[str, Any]:
    return ok(desk.call("PUT", "/grouping", {"strategy": grouping.strategy, "rules": grouping.rules}))


def counted(desk: Desk, *numbers: int) -> list[tuple[UUID, int]]:
    updates = desk.store.record([desk.event(f"noise {number} happened") for number in numbers])
    return [(update.issue_id, update.count) for update in updates]


def flags(desk: Desk) -> list[tuple[Any, ...]]:
    """Return of each issue whether it drops what arrives, as it says itself and as its fingerprints say."""
    return desk.sql("""SELECT i.discarded_at IS NOT NULL, array_agg(DISTINCT f.discarded) FROM issues.issues i
                       JOIN issues.fingerprints f ON f.issue_id = i.id GROUP BY i.id, 1 ORDER BY 1""")


def test_what_if_says_which_issues_are_discarded_and_how_many_would_be_stored_again(desk):
    wanted, *_ = noises(desk)
    told = ok(desk.call("POST", "/grouping/what-if", {"strategy": "normalized"}))["what_if"]
    assert (told["discarded_stored_again"], told["issues_before"], told["issues_after"]) == (4, 5, 1)
    (merge,) = told["merges"]["shown"]
    assert (merge["into"]["id"], merge["into"]["discarded"]) == (str(wanted), False)
    assert sorted(issue["discarded"] for issue in merge["issues"]) == [False, True, True, True, True]


def test_an_issue_in_use_takes_in_discarded_ones_for_all_to_see_and_an_undo_discards_them_again(desk):
    wanted, *dropped = noises(desk)
    before = flags(desk)
    assert counted(desk, 1, 2, 3, 4) == []
    done = switch(desk, NORMALIZED)
    assert done["summary"]["discarded_stored_again"] == 4
    (change,) = ok(desk.call("GET", "/grouping"))["changes"]
    assert change["summary"]["discarded_stored_again"] == 4
    (line,) = ok(desk.call("GET", f"/issues/{wanted}/activity"))["activity"]
    assert (line["kind"], line["detail"]["merged"], line["detail"]["merged_discarded"]) == ("regrouped", 4, 4)
    assert flags(desk) == [(False, [False])]
    assert counted(desk, 1, 8) == [(wanted, 7)]
    ok(desk.call("POST", f"/grouping/changes/{done['change_id']}/undo"))
    assert flags(desk)[-4:] == before[-4:] == [(True, [True])] * 4
    assert counted(desk, 1, 2, 3, 4) == []
    assert counted(desk, 0) == [(wanted, 2)]
    assert {desk.shown(issue)["discarded_at"] is not None for issue in dropped} == {True}


def test_what_comes_of_discarded_issues_only_stays_discarded(desk):
    noises(desk, wanted=0)
    assert Regrouping(desk.database).what_if(desk.project, NORMALIZED)["discarded_stored_again"] == 0
    assert switch(desk, NORMALIZED)["summary"]["discarded_stored_again"] == 0
    assert (counted(desk, 1, 77), desk.listed()) == ([], [])


def test_every_part_of_a_discarded_issue_stays_discarded(desk):
    events = [desk.event("noise", tags={"region": region}) for region in ("eu", "eu", "us")]
    (update,) = desk.store.record(events)
    ok(desk.call("POST", f"/issues/{update.issue_id}/discard"))
    summary = switch(desk, BY_REGION)["summary"]
    assert (summary["issues_after"], summary["discarded_stored_again"]) == (2, 0)
    assert flags(desk) == [(True, [True])] * 2
    later = [desk.event("noise", tags={"region": region}) for region in ("eu", "us")]
    assert (desk.store.record(later), desk.listed()) == ([], [])


def test_what_parts_from_an_issue_in_use_is_not_dropped_though_it_was_once(desk):
    wanted, dropped = noises(desk, 2)
    done = [switch(desk, grouping)["change_id"] for grouping in (NORMALIZED, MESSAGE)]
    ((own, _),) = counted(desk, 1)
    assert own not in (wanted, dropped)
    assert counted(desk, 1) == [(own, 3)]
    for change in reversed(done):
        ok(desk.call("POST", f"/grouping/changes/{change}/undo"))
    assert counted(desk, 1) == []
    assert counted(desk, 0) == [(wanted, 2)]


def test_a_former_fingerprint_of_a_discarded_issue_leads_to_the_one_that_took_it_in(desk):
    wanted, _ = noises(desk, 2)
    switch(desk, NORMALIZED)
    desk.sql("UPDATE issues.project_settings SET grouping = '{}'")
    assert counted(desk, 1) == [(wanted, 3)]
