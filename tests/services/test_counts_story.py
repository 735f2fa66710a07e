"""Whatever people do to a project's issues, and whatever is forgotten meanwhile, every count is that of its events."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas_core.actions import Edit
from atlas_core.errors import ConflictError, NotFoundError, RejectedError, TransientError
from atlas_core.events import ExceptionValue, Frame
from atlas_core.grouping import Grouping
from atlas_core.storage import issue_removal
from atlas_core.storage.issue_actions import PostgresIssueActions
from atlas_core.storage.issue_removal import IssueRemoval
from atlas_core.storage.merging import Merges
from atlas_core.storage.regrouping import Regrouping
from atlas_core.storage.retention import Retention
from tests.services.desk import Desk

OLD_S = -100 * 86_400
MESSAGES = ("order 1", "order 2", "order 3", "boom")
GROUPINGS = (Grouping("message"), Grouping("normalized"), Grouping("stacktrace"))
_ISSUES = """
SELECT i.title, i.count, i.discarded_at IS NOT NULL, i.merged_into IS NOT NULL,
       (SELECT count(*) FROM issues.event_ids e WHERE e.issue_id = i.id),
       (SELECT coalesce(sum(forgotten), 0)::int FROM issues.fingerprints f WHERE f.issue_id = i.id),
       (SELECT array_agg(DISTINCT f.discarded) FROM issues.fingerprints f WHERE f.issue_id = i.id),
       (SELECT coalesce(sum(count), 0)::int FROM issues.issue_hours h WHERE h.issue_id = i.id)
FROM issues.issues i WHERE project_id = :p
"""
_LOST = """
SELECT e.event_id FROM issues.event_ids e WHERE e.project_id = :p
AND NOT EXISTS (SELECT FROM issues.removals r WHERE r.issue_id = e.issue_id)
AND NOT EXISTS (SELECT FROM issues.fingerprints f JOIN issues.issues i ON i.id = f.issue_id
                WHERE f.id = e.fingerprint_id AND f.issue_id = e.issue_id AND i.merged_into IS NULL)
"""


class Story:
    """A project to which everything happens; numbers choose among what there is."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.deeds: dict[str, Callable[[int, int], object]] = {
            "record": self.record, "merge": self.merge, "unmerge": self.unmerge, "switch": self.switch,
            "undo": self.undo, "delete": self.delete, "cut off": self.cut_off, "discard": self.discard,
            "have back": self.have_back, "sweep": lambda *_: IssueRemoval(desk.database).sweep(),
            "forget": lambda *_: Retention(desk.database).forget(),
        }  # fmt: skip
        self.changes: list[UUID] = []
        self.discards: list[UUID | None] = []

    def record(self, one: int, other: int) -> None:
        message = MESSAGES[one % 4]
        frames = [Frame(module="m", function="fg"[other % 2], in_app=True)]
        raised = [ExceptionValue(type="E", value=message, frames=frames)]
        times = [OLD_S * (other % 3 == 0), 0][: 1 + one % 2]
        self.desk.store.record(
            [self.desk.event(message, after_s=at, type="E", exceptions=raised, user={"id": one}) for at in times]
        )

    def issue(self, number: int) -> UUID:
        query = "SELECT id FROM issues.issues WHERE project_id = :p AND merged_into IS NULL ORDER BY title, id"
        found = [row[0] for row in self.desk.sql(query, p=self.desk.project)]
        return found[number % len(found)] if found else uuid4()

    def merge(self, one: int, other: int) -> None:
        Merges(self.desk.database).merge(self.desk.project, self.desk.ann, self.issue(one), [self.issue(other)])

    def unmerge(self, one: int, other: int) -> None:
        merges, issue = Merges(self.desk.database), self.issue(one)
        found = merges.fingerprints(self.desk.project, issue)
        digest = bytes.fromhex(found[other % len(found)]["fingerprint"])
        merges.unmerge(self.desk.project, self.desk.ann, issue, [digest])

    def switch(self, one: int, _: int) -> None:
        done = Regrouping(self.desk.database).apply(self.desk.project, self.desk.ann, GROUPINGS[one % 3])
        self.changes += [done["change_id"]] if done["change_id"] else []

    def undo(self, *_: int) -> None:
        if self.changes:
            Regrouping(self.desk.database).undo(self.desk.project, self.desk.ann, self.changes.pop())

    def delete(self, one: int, _: int) -> None:
        IssueRemoval(self.desk.database).delete(self.desk.project, self.desk.ann, self.issue(one))

    def cut_off(self, one: int, other: int) -> None:
        def not_now(*_: object) -> bool:
            raise TransientError("not now")

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(issue_removal, "_sweep_some", not_now)
            self.delete(one, other)

    def discard(self, one: int, _: int) -> None:
        done = PostgresIssueActions(self.desk.database).apply(
            self.desk.project, self.desk.ann, {self.issue(one): None}, Edit(discard=True)
        )
        self.discards.append(done.action_id)

    def have_back(self, *_: int) -> None:
        if self.discards and (action := self.discards.pop()):
            PostgresIssueActions(self.desk.database).undo(self.desk.project, self.desk.ann, action)

    def check(self) -> None:
        hours = counts = 0
        for title, count, discarded, merged, kept, forgotten, flags, by_hour in self.desk.sql(
            _ISSUES, p=self.desk.project
        ):
            assert count == kept + forgotten, title
            assert merged or flags == [discarded], title
            hours, counts = hours + by_hour, counts + count
        assert self.desk.sql(_LOST, p=self.desk.project) == []
        assert hours >= counts


NUMBERS = st.integers(0, 11)
STEPS = st.tuples(
    st.sampled_from(
        [*["record"] * 5, "merge", "unmerge", "switch", "switch", "undo", "delete", "cut off", "discard", "have back",
         "sweep", "forget"]
    ),
    NUMBERS,
    NUMBERS,
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=5, max_size=20))
def test_every_count_is_that_of_the_events_that_are_kept_and_forgotten(desk, steps):
    desk.project = uuid4()
    desk.sql(
        "INSERT INTO identity.projects (id, organization_id, project_name) "
        "SELECT :p, organization_id, 'told' FROM identity.projects LIMIT 1",
        p=desk.project,
    )
    story = Story(desk)
    for kind, one, other in steps:
        try:
            story.deeds[kind](one, other)
        except (ConflictError, NotFoundError, RejectedError):
            continue
        story.check()
