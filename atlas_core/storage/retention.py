"""Forgets events that are older than their project keeps them. Issues, their counts and their statistics stay."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql

from atlas_core import limits, metrics
from atlas_core.events import utc_now
from atlas_core.storage.database import Database
from atlas_core.storage.fingerprints import lock_projects
from atlas_core.storage.partitions import day_partitions, drop_day_partition

AT_ONCE: Final = 5_000
_KEPT: Final = """
SELECT p.id, coalesce(s.retention_days, %s) FROM identity.projects p
LEFT JOIN issues.project_settings s ON s.project_id = p.id
"""
_PROJECTS: Final = "SELECT DISTINCT project_id FROM {} ORDER BY 1"
# Ids first and counted by fingerprint, then the events: what a crash leaves is found again by the events that are left.
_FORGET: Final = """
WITH old AS MATERIALIZED (
    SELECT event_id, received_at FROM issues.events
    WHERE project_id = %(project)s AND (received_at, event_id) > (%(at)s, %(id)s) AND received_at < %(before)s
    ORDER BY received_at, event_id LIMIT %(limit)s),
gone AS (
    DELETE FROM issues.event_ids i USING old
    WHERE i.project_id = %(project)s AND i.event_id = old.event_id AND i.received_at = old.received_at
    RETURNING i.fingerprint_id),
counted AS (
    UPDATE issues.fingerprints f SET forgotten = f.forgotten + g.n
    FROM (SELECT fingerprint_id, count(*) AS n FROM gone GROUP BY 1) g WHERE f.id = g.fingerprint_id)
SELECT received_at, event_id, (SELECT count(*) FROM gone) FROM old ORDER BY 1, 2
"""
_DELETE: Final = """
DELETE FROM issues.events e USING unnest(%s::timestamptz[], %s::uuid[]) AS old(received_at, event_id)
WHERE e.project_id = %s AND e.received_at BETWEEN %s AND %s
  AND e.received_at = old.received_at AND e.event_id = old.event_id
"""
_ALONE: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('retention', 0))"
# Whoever reads or writes events waits behind this lock; so it is given up soon, and tried again in the next round.
_LOCK_EVENTS: Final = "SET LOCAL lock_timeout = '2s'; LOCK TABLE ONLY issues.events IN ACCESS EXCLUSIVE MODE"
_FIRST_ID: Final = UUID(int=0)


class Forgotten(msgspec.Struct):
    """What one round did."""

    events: int = 0
    days: int = 0


class Retention:
    """Deletes events by whole days, in UTC: all of a day by dropping its partition, one project's by their rows.

    A round may be cut off anywhere and run in several processes at once; the next one goes on.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def forget(self, stopped: Callable[[], bool] = lambda: False) -> Forgotten:
        """Forget what is too old; return how much that was.

        Args:
            stopped: Asked after each batch; true ends the round.

        Raises:
            TransientError: The database does not answer, or somebody reads what is to be dropped; call again later.
        """
        done = Forgotten()
        today = self._clock().astimezone(UTC).date()
        with self._database.cursor() as cursor:
            kept = dict(cursor.execute(_KEPT, (limits.RETENTION_DAYS,)).fetchall())
            days = day_partitions(cursor, "issues.events")
        longest = max(kept.values(), default=limits.RETENTION_DAYS)
        for project_id, kept_days in kept.items():
            if kept_days < longest:
                before = _midnight(today - timedelta(days=kept_days))
                self._pass(project_id, _midnight(date.min), before, done, stopped, delete=True)
        for day in days:
            if day < today - timedelta(days=longest) and not stopped():
                self._drop(day, done, stopped)
        return done

    def _drop(self, day: date, done: Forgotten, stopped: Callable[[], bool]) -> None:
        """Drop a day once all its ids are gone; one that somebody adds to meanwhile waits for the next round."""
        partition = sql.Identifier("issues", f"events_{day:%Y%m%d}")
        start, end = _midnight(day), _midnight(day + timedelta(days=1))
        with self._database.cursor() as cursor:
            projects = [row[0] for row in cursor.execute(sql.SQL(_PROJECTS).format(partition)).fetchall()]
        passed = sum(self._pass(project, start, end, done, stopped, delete=False) for project in projects)
        if stopped():
            return
        with self._database.cursor() as cursor:
            cursor.execute(_LOCK_EVENTS)
            there = cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(partition)).fetchall()[0][0]
            if there == passed:
                drop_day_partition(cursor, "issues.events", day)
                done.days += 1

    def _pass(
        self,
        project_id: UUID,
        start: datetime,
        end: datetime,
        done: Forgotten,
        stopped: Callable[[], bool],
        *,
        delete: bool,
    ) -> int:
        """Forget a project's events of a time, some thousands in a transaction; return how many it came by."""
        passed, at, last_id = 0, start, _FIRST_ID
        while not stopped():
            with self._database.cursor() as cursor:
                if not cursor.execute(_ALONE).fetchall()[0][0]:
                    break
                lock_projects(cursor, [project_id])
                values = {"project": project_id, "at": at, "id": last_id, "before": end, "limit": AT_ONCE}
                old = cursor.execute(_FORGET, values, prepare=False).fetchall()
                if old and delete:
                    _delete(cursor, project_id, old)
            if not old:
                break
            at, last_id, gone = old[-1]
            passed += len(old)
            done.events += gone
            metrics.FORGOTTEN.inc(gone)
        return passed


def _delete(cursor: psycopg.Cursor[Any], project_id: UUID, old: list[tuple[datetime, UUID, int]]) -> None:
    times = [row[0] for row in old]
    ids = [row[1] for row in old]
    cursor.execute(_DELETE, (times, ids, project_id, times[0], times[-1]), prepare=False)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
