"""Who did what to issues, and when: written with each edit, read by people."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import dict_row

from atlas_core.actions import Change
from atlas_core.errors import NotFoundError, RejectedError
from atlas_core.storage.database import Database
from atlas_core.storage.people import members

Json = dict[str, Any]

_ADD: Final = """
INSERT INTO issues.activities (project_id, issue_id, action_id, user_id, at, kind, detail, before)
SELECT %s, n.issue_id, %s, %s, %s, n.kind, n.detail::jsonb, n.before::jsonb
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) AS n(issue_id, kind, detail, before)
"""
_ADD_AUDIT: Final = """
INSERT INTO issues.audit (project_id, user_id, action, at, detail)
SELECT %s, %s, %s, %s, unnest(%s::text[])::jsonb
"""
_LAST_EDITS: Final = """
SELECT DISTINCT ON (a.issue_id) a.issue_id, a.kind, u.email, a.at
FROM issues.activities a LEFT JOIN identity.users u ON u.id = a.user_id
WHERE a.issue_id = ANY(%s) AND a.kind <> 'commented' ORDER BY a.issue_id, a.id DESC
"""
_WHO: Final = """
CASE WHEN {0}.user_id IS NULL THEN NULL
     ELSE jsonb_build_object('id', {0}.user_id, 'email', u.email) END AS user
"""
_ACTIVITY: Final = f"""
SELECT a.id, a.issue_id, a.action_id, a.kind, a.detail, a.undone, a.at, {_WHO.format("a")}
FROM issues.activities a LEFT JOIN identity.users u ON u.id = a.user_id
WHERE a.project_id = %s AND a.issue_id = %s AND a.id < %s ORDER BY a.id DESC LIMIT %s
"""  # noqa: S608 - constants only
_AUDIT: Final = f"""
SELECT a.id, a.action, a.detail, a.at, {_WHO.format("a")}
FROM issues.audit a LEFT JOIN identity.users u ON u.id = a.user_id
WHERE a.project_id = %s AND a.id < %s ORDER BY a.id DESC LIMIT %s
"""  # noqa: S608 - constants only
_EXISTS: Final = "SELECT FROM issues.issues WHERE project_id = %s AND id = %s"
_LAST: Final = 2**63 - 1


class Author(msgspec.Struct, frozen=True):
    """One action by one person."""

    project_id: UUID
    user_id: UUID
    action_id: UUID
    at: datetime


class Edited(msgspec.Struct, frozen=True):
    """What was last done to an issue; `email` is None for an account that is gone, and for what events did."""

    kind: str
    email: str | None
    at: datetime


class IssueHistory:
    """Reads the history of issues and the audit of projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def activity(
        self, project_id: UUID, issue_id: UUID, *, limit: int, cursor: str | None = None
    ) -> tuple[list[Json], str | None]:
        """Return a page of what happened to an issue, newest first, and the cursor of the next page.

        Raises:
            NotFoundError: The project has no such issue.
            RejectedError: The cursor is not one of ours.
        """
        with self._database.cursor() as rows:
            if rows.execute(_EXISTS, (project_id, issue_id)).fetchone() is None:
                raise NotFoundError("no such issue")
            return _page(rows, _ACTIVITY, (project_id, issue_id), limit, cursor)

    def audit(self, project_id: UUID, *, limit: int, cursor: str | None = None) -> tuple[list[Json], str | None]:
        """Return a page of what was discarded and deleted in a project, newest first, and the next page's cursor.

        Raises:
            RejectedError: The cursor is not one of ours.
        """
        with self._database.cursor() as rows:
            return _page(rows, _AUDIT, (project_id,), limit, cursor)

    def members(self, project_id: UUID) -> list[Json]:
        """Return who may work on a project's issues (`id`, `email`, `role`), by email."""
        with self._database.cursor() as cursor:
            return members(cursor, project_id)


def add_changes(cursor: psycopg.Cursor[Any], author: Author, made: Sequence[tuple[UUID, Change]]) -> None:
    """Add the changes of one action to the histories of their issues."""
    encode = msgspec.json.encode
    rows = [
        (
            issue_id,
            change.kind,
            encode(change.detail).decode(),
            encode(change.before).decode() if change.before else None,
        )
        for issue_id, change in made
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    cursor.execute(_ADD, [author.project_id, author.action_id, author.user_id, author.at, *columns])


def add_audit(cursor: psycopg.Cursor[Any], author: Author, action: str, details: Sequence[Json]) -> None:
    """Add lines to the project's audit, one for each detail."""
    encoded = [msgspec.json.encode(detail).decode() for detail in details]
    cursor.execute(_ADD_AUDIT, (author.project_id, author.user_id, action, author.at, encoded))


def last_edits(cursor: psycopg.Cursor[Any], issue_ids: Collection[UUID]) -> dict[UUID, Edited]:
    """Return what last made a new version of each of these issues: an edit, or events that brought it back."""
    cursor.execute(_LAST_EDITS, (list(issue_ids),))
    return {row[0]: Edited(*row[1:]) for row in cursor.fetchall()}


def told(edited: Edited | None) -> Json:
    """Return an edit as an error's detail shows it."""
    return {} if edited is None else {"kind": edited.kind, "by": edited.email, "at": edited.at.isoformat()}


def _page(
    rows: psycopg.Cursor[Any], query: str, of: tuple[UUID, ...], limit: int, cursor: str | None
) -> tuple[list[Json], str | None]:
    try:
        below = _LAST if cursor is None else int(cursor)
    except ValueError as error:
        raise RejectedError("the cursor is not one that this route gave") from error
    if not 0 < below <= _LAST:
        raise RejectedError("the cursor is not one that this route gave")
    with rows.connection.cursor(row_factory=dict_row) as found:
        page = found.execute(query, (*of, below, limit + 1)).fetchall()
    return page[:limit], str(page[limit - 1]["id"]) if len(page) > limit else None
