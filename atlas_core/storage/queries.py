"""The read side of single issues, for people. Every function takes the project first."""

from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from atlas_core.errors import NotFoundError
from atlas_core.storage.database import Database
from atlas_core.storage.issue_tables import LISTED

Json = dict[str, Any]

ISSUE_COLUMNS = """
id, encode(fingerprint, 'hex') AS fingerprint, project_id, title, type, culprit, platform, level, count, users,
coalesce((SELECT {stack_trace} FROM issues.issue_traces t WHERE t.issue_id = id), '') AS stack_trace,
first_seen, last_seen, first_release, last_release, status,
resolved_in, resolved_in_next, resolved_at, regressed_at IS NOT NULL AS is_regressed, regressed_at, returned_at,
ignored_until, ignored_until_count, ignored_until_users, assignee_id, priority, version, discarded_at,
created_at, updated_at
"""
_ISSUE = f"""
SELECT {ISSUE_COLUMNS.format(stack_trace="stack_trace")} FROM issues.issues
WHERE project_id = %(project)s AND merged_into IS NULL AND id = %(issue)s
"""  # noqa: S608 - constants only
_SHOWN = "SELECT coalesce(merged_into, id) FROM issues.issues WHERE project_id = %s AND id = %s"
_OVERVIEW = f"""
SELECT count(*) AS total_issues,
       count(*) FILTER (WHERE status = 'open') AS open_issues,
       count(*) FILTER (WHERE status = 'resolved') AS resolved_issues,
       count(*) FILTER (WHERE level = 'critical') AS critical_count,
       count(*) FILTER (WHERE level = 'error') AS error_count
FROM issues.issues WHERE project_id = %(project)s AND {LISTED}
"""  # noqa: S608 - constants only


def shown_issue(cursor: psycopg.Cursor[Any], project_id: UUID, issue_id: UUID) -> UUID | None:
    """Return the issue that a link shows: for one that was merged into another, the other; None if there is none."""
    row = cursor.execute(_SHOWN, (project_id, issue_id)).fetchone()
    return row[0] if row else None


def require_shown(cursor: psycopg.Cursor[Any], project_id: UUID, issue_id: UUID) -> UUID:
    """Return the issue that a link shows, as `shown_issue`.

    Raises:
        NotFoundError: The project has no such issue.
    """
    shown = shown_issue(cursor, project_id, issue_id)
    if shown is None:
        raise NotFoundError("no such issue")
    return shown


class IssueQueries:
    """Reads issues of one project at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def issue(self, project_id: UUID, issue_id: UUID) -> Json:
        """Return one issue, be it discarded; for one that was merged into another, the other.

        Raises:
            NotFoundError: The project has no such issue.
        """
        with self._database.cursor() as cursor:
            found = _rows(cursor, _ISSUE, project=project_id, issue=require_shown(cursor, project_id, issue_id))
        if not found:
            raise NotFoundError("no such issue")
        return found[0]

    def overview(self, project_id: UUID) -> dict[str, int]:
        """Return how many issues the project has, by status and by level."""
        with self._database.cursor() as cursor:
            return _rows(cursor, _OVERVIEW, project=project_id)[0]


def _rows(cursor: psycopg.Cursor[Any], statement: str, **values: object) -> list[Json]:
    with cursor.connection.cursor(row_factory=dict_row) as rows:
        return rows.execute(statement.encode(), values).fetchall()
