"""What a project chose, beside its grouping."""

from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from psycopg.types.json import Jsonb

from atlas_core import limits
from atlas_core.events import utc_now
from atlas_core.grouping import Grouping
from atlas_core.storage.database import Database
from atlas_core.storage.issue_history import Author, add_audit

_READ: Final = "SELECT retention_days FROM issues.project_settings WHERE project_id = %s"
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('settings ' || %s, 0))"
_WRITE: Final = """
INSERT INTO issues.project_settings AS s (project_id, grouping, retention_days) VALUES (%s, %s, %s)
ON CONFLICT (project_id) DO UPDATE SET retention_days = excluded.retention_days, updated_at = now()
"""


class ProjectSettings:
    """Keeps settings; a project that chose nothing has the defaults."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, project_id: UUID) -> dict[str, Any]:
        """Return a project's settings: `retention_days`."""
        with self._database.cursor() as cursor:
            row = cursor.execute(_READ, (project_id,)).fetchone()
        return {"retention_days": row[0] if row else limits.RETENTION_DAYS}

    def write(self, project_id: UUID, user_id: UUID, *, retention_days: int) -> dict[str, Any]:
        """Change and return a project's settings; the audit keeps who did it, since a shorter time deletes events."""
        grouping = Jsonb(msgspec.to_builtins(Grouping()))
        with self._database.cursor() as cursor:
            cursor.execute(_LOCK, (str(project_id),))
            row = cursor.execute(_READ, (project_id,)).fetchone()
            before = row[0] if row else limits.RETENTION_DAYS
            cursor.execute(_WRITE, (project_id, grouping, retention_days))
            if before != retention_days:
                detail = {"retention_days": retention_days, "from": before}
                add_audit(cursor, Author(project_id, user_id, uuid4(), utc_now()), "retention_changed", [detail])
        return {"retention_days": retention_days}
