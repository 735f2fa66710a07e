"""Where events become issues: the write side of the issue service."""

import logging
from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
import zstandard

from atlas_core import metrics
from atlas_core.errors import ConflictError, TransientError
from atlas_core.events import Event
from atlas_core.issues import IssueUpdate
from atlas_core.storage.database import Database
from atlas_core.storage.fingerprints import Target, grouped, lock_projects, targets_of
from atlas_core.storage.issue_rows import COPY_EVENTS, COPY_IDS, EVENT_TYPES, ID_TYPES, Row, event_row, id_row
from atlas_core.storage.issue_states import Marks, State, count_events, lock_states, read_states, updates_of
from atlas_core.storage.partitions import ensure_day_partition
from atlas_core.storage.rollups import add_drops, add_rollups

log = logging.getLogger(__name__)

RACES: Final = 5
_Key = tuple[UUID, UUID]  # project, event
_SEEN = """
SELECT e.project_id, e.event_id, e.issue_id, e.sequence
FROM unnest(%b::uuid[], %b::uuid[]) AS asked(project_id, event_id)
JOIN issues.event_ids e USING (project_id, event_id)
"""


class PostgresIssueStore:
    """Counts and stores events; `(project_id, event_id)` counts once, whoever repeats it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._days: set[date] = set()

    def record(self, events: Sequence[Event]) -> list[IssueUpdate]:
        """Group, count and store events in one idempotent transaction; return what they did to each issue.

        Two workers never wait for each other in a circle: every statement takes its rows in one order, and the
        statements come in one order, those on rows that all issues of a project share at the end.

        Raises:
            TransientError: Nothing was stored.
        """
        for _ in range(RACES):
            try:
                with self._database.cursor() as cursor:
                    updates = self._record(cursor, events)
            except ConflictError:
                # Another worker stored one of these ids between our look and our write: look again.
                log.info("a batch of %d events met another worker's ids; taking it again", len(events))
            except psycopg.errors.CheckViolation:
                # Retention dropped a day whose partition we took to be there.
                self._days.clear()
            else:
                self._days.update(event.received_at.date() for event in events)
                return updates
        raise TransientError("PostgreSQL: event ids kept colliding with another worker's")

    def _record(self, cursor: psycopg.Cursor[Any], events: Sequence[Event]) -> list[IssueUpdate]:
        unique: dict[_Key, Event] = {}
        for event in events:
            unique.setdefault((event.project_id, event.event_id), event)
        lock_projects(cursor, {project_id for project_id, _ in unique})
        seen = _seen(cursor, list(unique))
        marks = Marks()
        for key, (issue_id, sequence) in seen.items():
            marks.add(issue_id, sequence, [unique[key]])
        fresh = [event for key, event in unique.items() if key not in seen]
        states = self._store(cursor, fresh, marks) if fresh else {}
        states |= read_states(cursor, marks.issue_ids - states.keys())
        return updates_of(states, marks)

    def _store(self, cursor: psycopg.Cursor[Any], events: list[Event], marks: Marks) -> dict[UUID, State]:
        targets = targets_of(cursor, grouped(cursor, events))
        kept = {target: members for target, members in targets.items() if not target.discarded}
        dropped = [event for target, members in targets.items() if target.discarded for event in members]
        by_issue: dict[UUID, list[Event]] = {}
        for target, members in sorted(kept.items(), key=lambda item: item[0].issue_id.int):
            by_issue.setdefault(target.issue_id, []).extend(members)
        states = lock_states(cursor, by_issue)
        self._write_events(cursor, kept, states, marks)
        count_events(cursor, states, by_issue)
        add_rollups(cursor, by_issue, states)
        if dropped:
            add_drops(cursor, dropped, "discarded")
            metrics.DROPPED.labels("discarded").inc(len(dropped))
        return states

    def _write_events(
        self, cursor: psycopg.Cursor[Any], kept: dict[Target, list[Event]], states: dict[UUID, State], marks: Marks
    ) -> None:
        compress = zstandard.ZstdCompressor(level=1).compress
        encode = msgspec.json.Encoder().encode
        event_rows: list[Row] = []
        id_rows: list[Row] = []
        next_of = {issue_id: state.count + state.sequence_gap for issue_id, state in states.items()}
        for target, members in kept.items():
            first = next_of[target.issue_id] + 1
            next_of[target.issue_id] += len(members)
            marks.add(target.issue_id, first, members)
            for sequence, event in enumerate(members, start=first):
                event_rows.append(event_row(event, target, compress(encode(event))))
                id_rows.append(id_row(event, target, sequence))
        for day in sorted({event.received_at.date() for members in kept.values() for event in members} - self._days):
            ensure_day_partition(cursor, "issues.events", day)
        id_rows.sort(key=lambda row: row[0].bytes + row[1].bytes)
        _copy(cursor, COPY_IDS, ID_TYPES, id_rows)
        _copy(cursor, COPY_EVENTS, EVENT_TYPES, event_rows)


def _seen(cursor: psycopg.Cursor[Any], keys: list[_Key]) -> dict[_Key, tuple[UUID, int]]:
    cursor.execute(_SEEN, ([key[0] for key in keys], [key[1] for key in keys]))
    return {(row[0], row[1]): (row[2], row[3]) for row in cursor.fetchall()}


def _copy(cursor: psycopg.Cursor[Any], statement: str, types: Sequence[str], rows: Sequence[Row]) -> None:
    with cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
