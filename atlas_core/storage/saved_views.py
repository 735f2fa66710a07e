"""Queries that people keep: their own, and those that others share with the project."""

from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import dict_row

from atlas_core import limits
from atlas_core.errors import ConflictError, NotFoundError
from atlas_core.storage.database import Database

Json = dict[str, Any]

_COLUMNS: Final = "id, project_id, user_id, name, query, sort, shared, created_at, user_id = %(user)s AS is_own"
_LIST: Final = f"""
SELECT {_COLUMNS} FROM issues.saved_views WHERE project_id = %(project)s AND (shared OR user_id = %(user)s)
ORDER BY NOT user_id = %(user)s, name, id
"""  # noqa: S608 - constants only
# The lock makes counting and adding one step, for a person who sends two requests at once.
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('saved views ' || %(project)s || %(user)s, 0))"
_COUNT: Final = "SELECT count(*) AS n FROM issues.saved_views WHERE project_id = %(project)s AND user_id = %(user)s"
_ADD: Final = f"""
INSERT INTO issues.saved_views (project_id, user_id, name, query, sort, shared)
VALUES (%(project)s, %(user)s, %(name)s, %(query)s, %(sort)s, %(shared)s) RETURNING {_COLUMNS}
"""  # noqa: S608 - constants only
_OWN: Final = "WHERE project_id = %(project)s AND user_id = %(user)s AND id = %(view)s"
_CHANGE: Final = f"""
UPDATE issues.saved_views SET name = %(name)s, query = %(query)s, sort = %(sort)s, shared = %(shared)s
{_OWN} RETURNING {_COLUMNS}
"""  # noqa: S608 - constants only
_DELETE: Final = f"DELETE FROM issues.saved_views {_OWN} RETURNING id"  # noqa: S608 - constants only


class View(msgspec.Struct, frozen=True):
    """What a saved view says; `query` has been parsed once."""

    name: str
    query: str
    sort: str
    shared: bool


class SavedViews:
    """Keeps views; a name is unique among one person's views of a project."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def visible(self, project_id: UUID, user_id: UUID) -> list[Json]:
        """Return a person's own views of a project and then those that others share, each by name."""
        return self._rows(_LIST, project=project_id, user=user_id)

    def add(self, project_id: UUID, user_id: UUID, view: View) -> Json:
        """Return a new view.

        Raises:
            ConflictError: The person has one of that name, or as many as one may have.
        """
        values = {"project": project_id, "user": user_id, **msgspec.structs.asdict(view)}
        with self._database.cursor() as cursor, cursor.connection.cursor(row_factory=dict_row) as rows:
            rows.execute(_LOCK, {"project": str(project_id), "user": str(user_id)})
            if rows.execute(_COUNT, values).fetchall()[0]["n"] >= limits.VIEWS_PER_PERSON:
                raise ConflictError(f"a person may keep {limits.VIEWS_PER_PERSON} views of a project: delete one first")
            try:
                return rows.execute(_ADD, values).fetchall()[0]
            except psycopg.errors.UniqueViolation as error:
                raise _name_taken(view) from error

    def change(self, project_id: UUID, user_id: UUID, view_id: UUID, view: View) -> Json:
        """Return one's own view with new content.

        Raises:
            NotFoundError: There is no such view, or it is somebody else's.
            ConflictError: The person has another one of that name.
        """
        values = msgspec.structs.asdict(view)
        try:
            return self._one(_CHANGE, project=project_id, user=user_id, view=view_id, **values)
        except ConflictError as error:
            raise _name_taken(view) from error

    def delete(self, project_id: UUID, user_id: UUID, view_id: UUID) -> None:
        """Delete one's own view.

        Raises:
            NotFoundError: There is no such view, or it is somebody else's.
        """
        self._one(_DELETE, project=project_id, user=user_id, view=view_id)

    def _one(self, statement: str, **values: object) -> Json:
        rows = self._rows(statement, **values)
        if not rows:
            raise NotFoundError("no such view of yours")
        return rows[0]

    def _rows(self, statement: str, **values: object) -> list[Json]:
        with self._database.cursor() as cursor, cursor.connection.cursor(row_factory=dict_row) as rows:
            return rows.execute(statement.encode(), values).fetchall()


def _name_taken(view: View) -> ConflictError:
    return ConflictError(f"you have a view of the name {view.name!r} already: choose another name, or change that view")
