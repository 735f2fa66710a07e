"""Tries a grouping on a project's history, switches to it, and undoes a switch."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core.errors import ConflictError, TransientError
from atlas_core.grouping import Grouping
from atlas_core.regrouping.comparison import compared
from atlas_core.storage import grouping_changes as changes
from atlas_core.storage.comparisons import Json, every_part, shown, totals
from atlas_core.storage.database import Database
from atlas_core.storage.fingerprints import lock_project_alone
from atlas_core.storage.grouping_keys import Keys, Scope
from atlas_core.storage.moves import begin_move, move
from atlas_core.storage.plans import make_plan, write_plan

AT_ONCE: Final = 2
_TRY: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('regrouping ' || %s::uuid::text, 0))"
_WINDOW: Final = """
SELECT min(received_at), max(received_at), (SELECT count(*) FROM keys), (SELECT count(*) FROM keys WHERE by_tags)
FROM issues.events WHERE project_id = %s
"""
_TELL: Final = """
INSERT INTO issues.activities (project_id, issue_id, action_id, user_id, kind, detail)
SELECT %(project)s, t.issue_id, %(change)s, %(user)s, %(kind)s, jsonb_strip_nulls(jsonb_build_object(
    'change_id', %(change)s::uuid, 'merged_into', h.target, 'merged', m.issues, 'merged_discarded', m.discarded,
    'events_left', nullif(t.lost, 0), 'events_came', nullif(t.won, 0)))
FROM touched t LEFT JOIN heirs h ON h.source = t.issue_id
LEFT JOIN (
    SELECT h.target, count(*) AS issues, nullif(count(*) FILTER (WHERE s.discarded AND NOT n.discarded), 0) AS discarded
    FROM heirs h JOIN numbered s ON s.issue_id = h.source JOIN numbered n ON n.issue_id = h.target GROUP BY 1
) m ON m.target = t.issue_id
WHERE t.lost > 0 OR t.won > 0 OR h.source IS NOT NULL OR m.target IS NOT NULL
"""


class Regrouping:
    """Groups projects' events anew: one at a time for each project, and `AT_ONCE` in all, as it takes every core."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def state(self, project_id: UUID) -> Json:
        """Return how the project groups its events, a version that grows with each change, and the changes."""
        with self._database.cursor() as cursor:
            return {
                "grouping": changes.as_json(changes.grouping_of(cursor, project_id)),
                "version": changes.version_of(cursor, project_id),
                "changes": changes.list_changes(cursor, project_id),
            }

    def what_if(self, project_id: UUID, grouping: Grouping) -> Json:
        """Return which issues would merge and split under a grouping, on all events that are kept; changes nothing.

        Raises:
            ConflictError: The project is being regrouped or tried by somebody else.
            TransientError: The database does not answer, or a process was killed.
        """
        with self._alone(project_id, reads_only=True) as cursor:
            with closing(Keys(cursor, project_id, grouping)) as keys:
                keys.fill()
            cells, plan = make_plan(cursor, keys.scope)
            return (
                {"grouping": changes.as_json(grouping)}
                | _coverage(cursor, project_id)
                | shown(cursor, project_id, compared(cells, plan))
            )

    def what_if_parts(self, project_id: UUID, grouping: Grouping) -> Iterator[Json]:
        """Return every part of what `what_if` shows the largest of: `issue_id`, `into`, `fingerprint`, `events`.

        Raises:
            ConflictError: The project is being regrouped or tried by somebody else.
            TransientError: The database does not answer, or a process was killed.
        """
        with self._alone(project_id, reads_only=True) as cursor:
            with closing(Keys(cursor, project_id, grouping)) as keys:
                keys.fill()
            return every_part(cursor, compared(*make_plan(cursor, keys.scope)))

    def apply(self, project_id: UUID, user_id: UUID, grouping: Grouping, *, version: int | None = None) -> Json:
        """Switch the project to a grouping and regroup its history by it; return the change and what it did.

        Events that arrive meanwhile wait, and are grouped by the new one. No issue that comes of it counts as new. A
        second call with the same grouping changes nothing.

        Args:
            project_id: The project.
            user_id: Who does it.
            grouping: How events are grouped from now on.
            version: What `state` showed; None to switch whatever is there.

        Raises:
            ConflictError: Somebody else changed the grouping since `version`, or is regrouping the project.
            TransientError: The database does not answer, or a process was killed; nothing was changed.
        """
        with self._alone(project_id) as cursor:
            _require_version(cursor, project_id, version)
            before = changes.grouping_of(cursor, project_id)
            if before == grouping:
                return {"change_id": None, "summary": None}
            with closing(Keys(cursor, project_id, grouping)) as keys:
                keys.fill()
                lock_project_alone(cursor, project_id)
                keys.fill()
            change_id = changes.add_change(cursor, project_id, user_id, before, grouping)
            summary = _regroup(cursor, keys.scope, remembered=change_id)
            changes.set_grouping(cursor, project_id, grouping)
            changes.summarize(cursor, change_id, summary)
            _tell_people(cursor, project_id, change_id, user_id, "regrouped")
            return {"change_id": change_id, "summary": summary}

    def undo(self, project_id: UUID, user_id: UUID, change_id: UUID) -> Json:
        """Undo the newest switch: every fingerprint belongs to the issue that it had, what people merged is merged.

        Events that came since are grouped by the old grouping, and none of their issues counts as new.

        Raises:
            NotFoundError: The project has no such change.
            ConflictError: It is undone, a later one is not, or somebody else is regrouping the project.
            TransientError: The database does not answer, or a process was killed; nothing was changed.
        """
        with self._alone(project_id) as cursor:
            grouping = changes.undoable(cursor, project_id, change_id)
            with closing(Keys(cursor, project_id, grouping)) as keys:
                keys.fill()
                lock_project_alone(cursor, project_id)
                keys.fill()
            summary = _regroup(cursor, keys.scope, restored=change_id)
            changes.set_grouping(cursor, project_id, grouping)
            changes.set_undone(cursor, change_id)
            _tell_people(cursor, project_id, change_id, user_id, "regrouping_undone")
            return {"change_id": change_id, "summary": summary}

    @contextmanager
    def _alone(self, project_id: UUID, *, reads_only: bool = False) -> Iterator[psycopg.Cursor[Any]]:
        if not self._places.acquire(blocking=False):
            raise TransientError(f"{AT_ONCE} projects are being regrouped or tried now: try again soon")
        with ExitStack() as stack:
            stack.callback(self._places.release)
            cursor = stack.enter_context(self._database.cursor())
            if reads_only:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            begin_move(cursor)
            row = cursor.execute(_TRY, (project_id,)).fetchone()
            if row is None or not row[0]:
                raise ConflictError("somebody else tries or changes the grouping of this project now: wait for the end")
            yield cursor


def _require_version(cursor: psycopg.Cursor[Any], project_id: UUID, version: int | None) -> None:
    now = changes.version_of(cursor, project_id)
    if version not in (None, now):
        raise ConflictError(f"the grouping was changed since, it has version {now} now", detail={"version": now})


def _coverage(cursor: psycopg.Cursor[Any], project_id: UUID) -> Json:
    row = cursor.execute(_WINDOW, (project_id,)).fetchone()
    assert row is not None
    return dict(zip(("from", "to", "fingerprinted", "fingerprinted_by_tags"), row, strict=True))


def _regroup(
    cursor: psycopg.Cursor[Any], scope: Scope, *, remembered: UUID | None = None, restored: UUID | None = None
) -> Json:
    cells, plan = make_plan(cursor, scope, undone=restored)
    write_plan(cursor, scope, plan)
    events_moved = move(cursor, scope["project"], remembered=remembered, restored=restored)
    told = compared(cells, plan)
    return totals(told) | {"merges": len(told.merges), "splits": len(told.splits), "events_moved": events_moved}


def _tell_people(cursor: psycopg.Cursor[Any], project_id: UUID, change_id: UUID, user_id: UUID, kind: str) -> None:
    cursor.execute(_TELL, {"project": project_id, "change": change_id, "user": user_id, "kind": kind})
