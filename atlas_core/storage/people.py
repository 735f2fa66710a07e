"""Who belongs to a project: a look into identity's tables, which this service only reads."""

from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from atlas_core.errors import RejectedError

_MEMBERS: Final = """
SELECT u.id, u.email, m.role FROM identity.projects p
JOIN identity.members m USING (organization_id) JOIN identity.users u ON u.id = m.user_id
WHERE p.id = %s
"""


def members(cursor: psycopg.Cursor[Any], project_id: UUID) -> list[dict[str, Any]]:
    """Return the members of a project's organization (`id`, `email`, `role`), by email."""
    with cursor.connection.cursor(row_factory=dict_row) as rows:
        return rows.execute(_MEMBERS + "ORDER BY u.email", (project_id,)).fetchall()


def require_member(cursor: psycopg.Cursor[Any], project_id: UUID, user_id: UUID) -> None:
    """Return if the user belongs to the project's organization.

    Raises:
        RejectedError: They do not; or there is no such user, which looks the same.
    """
    if cursor.execute(_MEMBERS + "AND u.id = %s", (project_id, user_id)).fetchone() is None:
        raise RejectedError("the assignee is not a member of this project's organization")
