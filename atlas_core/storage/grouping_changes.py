"""How a project groups its events, and the history of that."""

from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import dict_row

from atlas_core import limits
from atlas_core.errors import ConflictError, NotFoundError
from atlas_core.grouping import Grouping

Json = dict[str, Any]

CHANGES_SHOWN: Final = 100
_GROUPING: Final = "SELECT grouping FROM issues.project_settings WHERE project_id = %s"
_SET: Final = """
INSERT INTO issues.project_settings AS s (project_id, grouping, retention_days) VALUES (%s, %s::jsonb, %s)
ON CONFLICT (project_id) DO UPDATE SET grouping = excluded.grouping, updated_at = now()
"""
_VERSION: Final = "SELECT count(*) + count(undone_at) FROM issues.grouping_changes WHERE project_id = %s"
_ADD: Final = """
INSERT INTO issues.grouping_changes (project_id, user_id, before, after, summary)
VALUES (%s, %s, %s::jsonb, %s::jsonb, '{}') RETURNING id
"""
_SAVE: Final = """
INSERT INTO issues.grouping_change_fingerprints (change_id, fingerprint_id, issue_id)
SELECT %s, id, issue_id FROM issues.fingerprints WHERE project_id = %s
"""
_SUMMARIZE: Final = "UPDATE issues.grouping_changes SET summary = %s::jsonb WHERE id = %s"
_CHANGE: Final = "SELECT before, undone_at FROM issues.grouping_changes WHERE project_id = %s AND id = %s"
_LATER: Final = """
SELECT l.id FROM issues.grouping_changes l JOIN issues.grouping_changes c USING (project_id)
WHERE c.id = %s AND l.at > c.at AND l.undone_at IS NULL ORDER BY l.at DESC LIMIT 1
"""
_UNDONE: Final = "UPDATE issues.grouping_changes SET undone_at = now() WHERE id = %s"
_LIST: Final = """
SELECT c.id, c.at, c.before, c.after, c.summary, c.undone_at,
       CASE WHEN c.user_id IS NOT NULL THEN jsonb_build_object('id', c.user_id, 'email', u.email) END AS user
FROM issues.grouping_changes c LEFT JOIN identity.users u ON u.id = c.user_id
WHERE c.project_id = %s ORDER BY c.at DESC LIMIT %s
"""


def as_json(grouping: Grouping) -> Json:
    """Return a grouping as it is stored and shown."""
    return {"strategy": grouping.strategy, "rules": grouping.rules}


def grouping_of(cursor: psycopg.Cursor[Any], project_id: UUID) -> Grouping:
    """Return how the project groups its events now."""
    row = cursor.execute(_GROUPING, (project_id,)).fetchone()
    return msgspec.convert(row[0], Grouping) if row else Grouping()


def version_of(cursor: psycopg.Cursor[Any], project_id: UUID) -> int:
    """Return a number that grows with each switch and each undo."""
    row = cursor.execute(_VERSION, (project_id,)).fetchone()
    return int(row[0]) if row else 0


def set_grouping(cursor: psycopg.Cursor[Any], project_id: UUID, grouping: Grouping) -> None:
    """Group the project's events so from now on."""
    cursor.execute(_SET, (project_id, msgspec.json.encode(as_json(grouping)).decode(), limits.RETENTION_DAYS))


def add_change(cursor: psycopg.Cursor[Any], project_id: UUID, user_id: UUID, before: Grouping, after: Grouping) -> UUID:
    """Note a switch, and to which issue every fingerprint belongs before it; return its id."""
    encoded = [msgspec.json.encode(as_json(grouping)).decode() for grouping in (before, after)]
    row = cursor.execute(_ADD, (project_id, user_id, *encoded)).fetchone()
    assert row is not None
    change_id: UUID = row[0]
    cursor.execute(_SAVE, (change_id, project_id))
    return change_id


def summarize(cursor: psycopg.Cursor[Any], change_id: UUID, summary: Json) -> None:
    """Note what a switch did."""
    cursor.execute(_SUMMARIZE, (msgspec.json.encode(summary).decode(), change_id))


def undoable(cursor: psycopg.Cursor[Any], project_id: UUID, change_id: UUID) -> Grouping:
    """Return the grouping before a switch.

    Raises:
        NotFoundError: The project has no such switch.
        ConflictError: It is undone already, or a later one has to be undone first.
    """
    row = cursor.execute(_CHANGE, (project_id, change_id)).fetchone()
    if row is None:
        raise NotFoundError("no such change of grouping")
    if row[1] is not None:
        raise ConflictError("the change is undone already")
    later = cursor.execute(_LATER, (change_id,)).fetchone()
    if later is not None:
        raise ConflictError("undo the later change first", detail={"change_id": str(later[0])})
    return msgspec.convert(row[0], Grouping)


def set_undone(cursor: psycopg.Cursor[Any], change_id: UUID) -> None:
    """Note that a switch is undone."""
    cursor.execute(_UNDONE, (change_id,))


def list_changes(cursor: psycopg.Cursor[Any], project_id: UUID) -> list[Json]:
    """Return the newest switches, newest first; the first one that is not undone `can_undo`."""
    with cursor.connection.cursor(row_factory=dict_row) as rows:
        found = rows.execute(_LIST, (project_id, CHANGES_SHOWN)).fetchall()
    newest = next((change["id"] for change in found if change["undone_at"] is None), None)
    return [change | {"can_undo": change["id"] == newest} for change in found]
