"""What became of what was sent: counts by project, hour and outcome."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text

from atlas_core.storage.database import Database

ACCEPTED: Final = "accepted"
KEPT: Final = timedelta(days=90)
# Sorted by whoever calls, so that two processes take the rows' locks in one order.
_ADD: Final = """
INSERT INTO ingestion.outcomes AS o (project_id, hour, outcome, count)
SELECT * FROM unnest(CAST(:projects AS uuid[]), CAST(:hours AS timestamptz[]), CAST(:outcomes AS text[]),
                     CAST(:counts AS bigint[]))
ON CONFLICT (project_id, hour, outcome) DO UPDATE SET count = o.count + excluded.count
"""
_SINCE: Final = """
SELECT project_id, sum(count)::bigint FROM ingestion.outcomes
WHERE project_id = ANY(:projects) AND outcome = :outcome AND hour >= :since GROUP BY project_id
"""
Key = tuple[UUID, datetime, str]


class PostgresOutcomes:
    """Adds counts up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, counts: Mapping[Key, int]) -> None:
        """Add counts by project, full hour in UTC, and outcome; a second call adds them again.

        Raises:
            TransientError: None was added, or it is not known.
        """
        keys = sorted(counts)
        columns = [list(column) for column in zip(*keys, strict=True)] or [[], [], []]
        values = dict(zip(("projects", "hours", "outcomes"), columns, strict=True))
        with self._database.transaction() as connection:
            connection.execute(text(_ADD), values | {"counts": [counts[key] for key in keys]})

    def accepted_since(self, project_ids: Collection[UUID], since: datetime) -> dict[UUID, int]:
        """Return how many events were accepted since a full hour, for those of the projects that had some.

        Raises:
            TransientError: The database does not answer.
        """
        values = {"projects": list(project_ids), "outcome": ACCEPTED, "since": since}
        with self._database.transaction() as connection:
            return {row[0]: row[1] for row in connection.execute(text(_SINCE), values)}

    def forget(self, now: datetime) -> None:
        """Delete what is older than `KEPT`.

        Raises:
            TransientError: The database does not answer.
        """
        with self._database.transaction() as connection:
            connection.execute(text("DELETE FROM ingestion.outcomes WHERE hour < :before"), {"before": now - KEPT})
