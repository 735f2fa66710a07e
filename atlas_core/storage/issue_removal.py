"""Deletes issues for good: their events, counts and history; what remains is a line in the project's audit."""

import logging
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from atlas_core.errors import TransientError
from atlas_core.events import utc_now
from atlas_core.storage.database import Database
from atlas_core.storage.fingerprints import lock_project_alone, lock_projects
from atlas_core.storage.issue_edits import hold, require_versions
from atlas_core.storage.issue_history import Author, add_audit

log = logging.getLogger(__name__)

EVENTS_AT_ONCE: Final = 5_000
_VERSION: Final = "SELECT version FROM issues.issues WHERE project_id = %s AND id = %s"
# Issues that were merged into this one stand behind it, hidden; they go with it.
_FAMILY: Final = "SELECT id FROM issues.issues WHERE project_id = %s AND (id = %s OR merged_into = %s)"
_ROWS_OF_ISSUES: Final = (
    "DELETE FROM issues.issue_tags WHERE issue_id = ANY(%s)",
    "DELETE FROM issues.issue_hours WHERE issue_id = ANY(%s)",
    "DELETE FROM issues.activities WHERE issue_id = ANY(%s)",
    "DELETE FROM issues.fingerprints WHERE issue_id = ANY(%s)",
    "DELETE FROM issues.issues WHERE id = ANY(%s)",
)
_LEAVE: Final = "INSERT INTO issues.removals (issue_id, project_id) VALUES (%s, %s)"
_LEFT: Final = "SELECT project_id, issue_id FROM issues.removals ORDER BY at, issue_id"
# One at a time sweeps an issue; it waits for no row, as retention may hold some and wait for others.
_HOLD: Final = "SELECT FROM issues.removals WHERE issue_id = %s FOR UPDATE"
_CHUNK: Final = """
DELETE FROM issues.event_ids WHERE (project_id, event_id) IN (
    SELECT project_id, event_id FROM issues.event_ids WHERE issue_id = %s ORDER BY received_at DESC, event_id DESC
    LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING event_id, received_at
"""
# The bounds let the planner leave out the other days' partitions.
_EVENTS: Final = """
DELETE FROM issues.events e USING unnest(%s::uuid[], %s::timestamptz[]) AS gone(event_id, received_at)
WHERE e.project_id = %s AND e.received_at BETWEEN %s AND %s
  AND e.received_at = gone.received_at AND e.event_id = gone.event_id
"""
_USERS: Final = "DELETE FROM issues.issue_users WHERE issue_id = %s"
_DONE: Final = """
DELETE FROM issues.removals r
WHERE issue_id = %s AND NOT EXISTS (SELECT FROM issues.event_ids e WHERE e.issue_id = r.issue_id)
"""


class IssueRemoval:
    """Deletes issues.

    One short transaction, with the project to itself, takes the issue out of everything that is counted, shown or
    regrouped, and writes the audit. Its events belong to nothing from then on; they are swept some thousands in a
    transaction, by whoever deleted the issue and, if that was cut off, by `sweep`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def delete(self, project_id: UUID, user_id: UUID, issue_id: UUID, *, version: int | None = None) -> int:
        """Delete an issue; return how many events it had counted.

        Project-wide figures (events by hour, releases) keep what arrived.

        Raises:
            NotFoundError: The project has no such issue.
            ConflictError: It was edited, merged or regrouped since `version`, or while this waited for that to end.
            TransientError: The database does not answer, or not in time; nothing was deleted.
        """
        count = self._take_out(project_id, user_id, issue_id, version)
        try:
            self._sweep(project_id, issue_id)
        except TransientError as error:
            log.info("events of a deleted issue wait for the next sweep: %s", error)
        return count

    def sweep(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Delete what deletes that were cut off have left; return of how many issues.

        Args:
            stopped: Asked after each batch; true ends the sweep.

        Raises:
            TransientError: The database does not answer, or not in time; call again later.
        """
        with self._database.cursor() as cursor:
            left = cursor.execute(_LEFT).fetchall()
        for project_id, issue_id in left:
            if not stopped():
                self._sweep(project_id, issue_id, stopped)
        return len(left)

    def _take_out(self, project_id: UUID, user_id: UUID, issue_id: UUID, version: int | None) -> int:
        with self._database.cursor() as cursor:
            seen = cursor.execute(_VERSION, (project_id, issue_id)).fetchone()
            lock_project_alone(cursor, project_id)
            held = hold(cursor, project_id, [issue_id])
            if version is None and seen:
                version = seen[0]
            require_versions(cursor, held, {issue_id: version})
            family = [row[0] for row in cursor.execute(_FAMILY, (project_id, issue_id, issue_id)).fetchall()]
            for statement in _ROWS_OF_ISSUES:
                cursor.execute(statement, (family,))
            cursor.execute(_LEAVE, (issue_id, project_id))
            add_audit(cursor, Author(project_id, user_id, uuid4(), utc_now()), "deleted", [held[0].identity])
        return held[0].count

    def _sweep(self, project_id: UUID, issue_id: UUID, stopped: Callable[[], bool] = lambda: False) -> None:
        more = True
        while more and not stopped():
            with self._database.cursor() as cursor:
                # Whoever regroups the project reads these events too, if only to find that they are nobody's.
                lock_projects(cursor, [project_id])
                more = _sweep_some(cursor, project_id, issue_id)


def _sweep_some(cursor: psycopg.Cursor[Any], project_id: UUID, issue_id: UUID) -> bool:
    """Delete some of a deleted issue's events; return whether there may be more."""
    if cursor.execute(_HOLD, (issue_id,)).fetchone() is None:
        return False
    gone = cursor.execute(_CHUNK, (issue_id, EVENTS_AT_ONCE)).fetchall()
    if gone:
        ids, times = [row[0] for row in gone], [row[1] for row in gone]
        cursor.execute(_EVENTS, (ids, times, project_id, min(times), max(times)))
    if len(gone) == EVENTS_AT_ONCE:
        return True
    cursor.execute(_USERS, (issue_id,))
    cursor.execute(_DONE, (issue_id,))
    return False
