"""Events past retention are gone; the counts that they made stay, whatever is merged and regrouped."""

import hashlib

from atlas_core.grouping import Grouping
from atlas_core.storage.merging import Merges
from atlas_core.storage.project_settings import ProjectSettings
from atlas_core.storage.regrouping import Regrouping
from atlas_core.storage.retention import Retention
from tests.services.desk import Desk

OLD_S = -40 * 86_400


def counts(desk: Desk) -> dict[str, int]:
    return dict(desk.sql("SELECT title, count FROM issues.issues WHERE project_id = :p AND merged_into IS NULL",
                         p=desk.project))  # fmt: skip


def forget_old(desk: Desk) -> int:
    ProjectSettings(desk.database).write(desk.project, desk.ann, retention_days=30)
    return Retention(desk.database).forget().events


def with_forgotten(desk: Desk) -> dict[str, int]:
    """Count events of three issues, forget the old ones."""
    for message, old, new in (("order 1 lost", 2, 3), ("order 2 lost", 4, 1), ("other", 1, 1)):
        for n in range(old + new):
            desk.issue(message, after_s=OLD_S if n < old else 0)
    before = counts(desk)
    assert forget_old(desk) == 7
    assert counts(desk) == before
    return before


def test_a_merge_takes_what_is_forgotten_along_and_an_unmerge_gives_it_back(desk):
    before = with_forgotten(desk)
    ids = dict(desk.sql("SELECT title, id FROM issues.issues WHERE project_id = :p", p=desk.project))
    merges = Merges(desk.database)
    merges.merge(desk.project, desk.ann, ids["other"], [ids["order 1 lost"]])
    assert counts(desk) == {"other": 7, "order 2 lost": 5}
    shown = merges.fingerprints(desk.project, ids["other"])
    assert sorted(fingerprint["count"] for fingerprint in shown) == [2, 5]
    merges.unmerge(desk.project, desk.ann, ids["other"], [hashlib.sha256(b"order 1 lost").digest()])
    assert counts(desk) == before
    (update,) = desk.store.record([desk.event("order 1 lost")])
    assert (update.count_before, update.count) == (5, 6)


def test_a_switch_and_its_undo_keep_what_is_forgotten(desk):
    before = with_forgotten(desk)
    regrouping = Regrouping(desk.database)
    change = regrouping.apply(desk.project, desk.ann, Grouping("normalized"))["change_id"]
    assert counts(desk) == {"order 1 lost": 10, "other": 2}
    regrouping.undo(desk.project, desk.ann, change)
    assert counts(desk) == before


def test_an_issue_all_of_whose_events_are_forgotten_keeps_its_place(desk):
    desk.issue("long ago", after_s=OLD_S)
    assert forget_old(desk) == 1
    desk.issue("now")
    regrouping = Regrouping(desk.database)
    change = regrouping.apply(desk.project, desk.ann, Grouping("normalized"))["change_id"]
    assert counts(desk) == {"long ago": 1, "now": 1}
    regrouping.undo(desk.project, desk.ann, change)
    (update,) = desk.store.record([desk.event("long ago")])
    assert (update.count_before, update.count) == (1, 2)


def test_what_is_forgotten_goes_with_its_fingerprint_out_of_an_issue_that_keeps_no_event(desk):
    desk.issue("order 1 lost", after_s=OLD_S)
    regrouping = Regrouping(desk.database)
    change = regrouping.apply(desk.project, desk.ann, Grouping("normalized"))["change_id"]
    desk.issue("order 2 lost")
    assert forget_old(desk) == 1
    regrouping.undo(desk.project, desk.ann, change)
    assert counts(desk) == {"order 1 lost": 1, "order 2 lost": 1}
    regrouping.apply(desk.project, desk.ann, Grouping("normalized"))
    assert counts(desk) == {"order 1 lost": 0, "order 2 lost": 2}
