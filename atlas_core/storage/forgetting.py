"""Lets go of events that are past a project's retention, while the counts remember them."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core.storage.fingerprints import lock_projects

_FORGET: Final = """
WITH gone AS (
    DELETE FROM issues.event_ids WHERE (project_id, event_id) IN (
        SELECT project_id, event_id FROM issues.event_ids WHERE project_id = %s AND received_at < %s LIMIT %s)
    RETURNING fingerprint_id
), counted AS (SELECT fingerprint_id AS id, count(*) AS n FROM gone GROUP BY 1 ORDER BY 1
), remembered AS (
    UPDATE issues.fingerprints f SET forgotten = f.forgotten + c.n FROM counted c WHERE f.id = c.id)
SELECT count(*) FROM gone
"""


def forget_ids(cursor: psycopg.Cursor[Any], project_id: UUID, before: datetime, *, limit: int) -> int:
    """Delete the ids of up to `limit` events that were received before a time; return how many.

    Their fingerprints remember how many they were: so an issue's count stays exact when fingerprints move on. Call it
    again until it returns less than `limit`. A repeat of such an event is counted anew.
    """
    lock_projects(cursor, [project_id])
    row = cursor.execute(_FORGET, (project_id, before, limit)).fetchone()
    return int(row[0]) if row else 0
