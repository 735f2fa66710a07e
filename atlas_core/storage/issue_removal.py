"""Deletes issues for good: their events, counts and history; what remains is a line in the project's audit."""

from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from atlas_core.events import utc_now
from atlas_core.storage.database import Database
from atlas_core.storage.fingerprints import lock_project_alone, lock_projects
from atlas_core.storage.issue_edits import hold, require_versions, set_discarded
from atlas_core.storage.issue_history import Author, add_audit

EVENTS_AT_ONCE: Final = 5_000
_HIDE: Final = "UPDATE issues.issues SET discarded_at = coalesce(discarded_at, now()) WHERE id = %s"
# Issues that were merged into this one stand behind it, hidden; they go with it.
_FAMILY: Final = "SELECT id FROM issues.issues WHERE project_id = %s AND (id = %s OR merged_into = %s) ORDER BY id"
_CHUNK: Final = """
DELETE FROM issues.event_ids WHERE (project_id, event_id) IN (
    SELECT project_id, event_id FROM issues.event_ids WHERE issue_id = %s ORDER BY received_at DESC, event_id DESC
    LIMIT %s
) RETURNING event_id, received_at
"""
# The bounds let the planner leave out the other days' partitions.
_EVENTS: Final = """
DELETE FROM issues.events e USING unnest(%s::uuid[], %s::timestamptz[]) AS gone(event_id, received_at)
WHERE e.project_id = %s AND e.received_at BETWEEN %s AND %s
  AND e.received_at = gone.received_at AND e.event_id = gone.event_id
"""
_ROWS_OF_ISSUES: Final = (
    "DELETE FROM issues.issue_users WHERE issue_id = ANY(%s)",
    "DELETE FROM issues.issue_tags WHERE issue_id = ANY(%s)",
    "DELETE FROM issues.issue_hours WHERE issue_id = ANY(%s)",
    "DELETE FROM issues.activities WHERE issue_id = ANY(%s)",
    "DELETE FROM issues.fingerprints WHERE issue_id = ANY(%s)",
    "DELETE FROM issues.issues WHERE id = ANY(%s)",
)


class IssueRemoval:
    """Deletes issues.

    The issue is discarded first, so that nothing is added while its events go, some thousands in a transaction; then,
    with the project to itself for a moment, the rest. A delete that was cut off leaves the issue discarded and is
    finished by asking again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def delete(self, project_id: UUID, user_id: UUID, issue_id: UUID, *, version: int | None = None) -> int:
        """Delete an issue; return how many events it had counted.

        Project-wide figures (events by hour, releases) keep what arrived.

        Raises:
            NotFoundError: The project has no such issue.
            ConflictError: It was edited since `version`, or merged into another.
        """
        with self._database.cursor() as cursor:
            lock_projects(cursor, [project_id])
            held = hold(cursor, project_id, [issue_id])
            require_versions(cursor, held, {issue_id: version})
            cursor.execute(_HIDE, (issue_id,))
            set_discarded(cursor, [issue_id], discarded=True)
            family = _family(cursor, project_id, issue_id)
        for member in family:
            while self._delete_events(project_id, member):
                pass
        return self._finish(project_id, user_id, issue_id)

    def _delete_events(self, project_id: UUID, issue_id: UUID) -> int:
        with self._database.cursor() as cursor:
            return _delete_chunk(cursor, project_id, issue_id)

    def _finish(self, project_id: UUID, user_id: UUID, issue_id: UUID) -> int:
        with self._database.cursor() as cursor:
            lock_project_alone(cursor, project_id)
            (issue,) = hold(cursor, project_id, [issue_id])
            family = _family(cursor, project_id, issue_id)
            for member in family:
                # What a batch brought that had looked before the issue was discarded.
                while _delete_chunk(cursor, project_id, member):
                    pass
            for statement in _ROWS_OF_ISSUES:
                cursor.execute(statement, (family,))
            add_audit(cursor, Author(project_id, user_id, uuid4(), utc_now()), "deleted", [issue.identity])
        return issue.count


def _family(cursor: psycopg.Cursor[Any], project_id: UUID, issue_id: UUID) -> list[UUID]:
    return [row[0] for row in cursor.execute(_FAMILY, (project_id, issue_id, issue_id)).fetchall()]


def _delete_chunk(cursor: psycopg.Cursor[Any], project_id: UUID, issue_id: UUID) -> int:
    """Delete some of an issue's events; return how many, 0 when none are left."""
    gone = cursor.execute(_CHUNK, (issue_id, EVENTS_AT_ONCE)).fetchall()
    if gone:
        ids, times = [row[0] for row in gone], [row[1] for row in gone]
        cursor.execute(_EVENTS, (ids, times, project_id, min(times), max(times)))
    return len(gone)
