"""Where events become issues: the write side of the issue service."""

import logging
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import zstandard

from atlas_core import limits
from atlas_core.errors import ConflictError, TransientError
from atlas_core.events import Event, Level
from atlas_core.issues import IssueUpdate, Status
from atlas_core.storage.database import Database
from atlas_core.storage.partitions import ensure_day_partition

log = logging.getLogger(__name__)

_RACES = 5
_Row = tuple[Any, ...]
_Key = tuple[UUID, UUID]  # project, event
_Group = tuple[UUID, bytes]  # project, fingerprint

_SEEN = """
SELECT e.project_id, e.event_id, e.issue_id, e.sequence
FROM unnest(%s::uuid[], %s::uuid[]) AS asked(project_id, event_id)
JOIN issues.event_ids e USING (project_id, event_id)
"""
# Sorted, so that two workers take the rows' locks in one order. The stack trace is that of the first event that had
# one: rewriting it with every batch would rewrite its TOAST rows too.
_UPSERT = """
INSERT INTO issues.issues AS i
    (project_id, fingerprint, title, type, level, count, stack_trace, first_seen, last_seen)
SELECT * FROM unnest(%s::uuid[], %s::bytea[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[],
                     %s::timestamptz[], %s::timestamptz[])
ON CONFLICT (project_id, fingerprint) DO UPDATE SET
    count = i.count + excluded.count,
    level = CASE WHEN excluded.last_seen >= i.last_seen THEN excluded.level ELSE i.level END,
    stack_trace = CASE WHEN i.stack_trace = '' THEN excluded.stack_trace ELSE i.stack_trace END,
    first_seen = LEAST(i.first_seen, excluded.first_seen),
    last_seen = GREATEST(i.last_seen, excluded.last_seen),
    episode = i.episode + (i.status = 'resolved')::int,
    status = CASE WHEN i.status = 'resolved' THEN 'open' ELSE i.status END,
    updated_at = clock_timestamp()
RETURNING id, project_id, fingerprint, count
"""
_STATE = """
SELECT id, project_id, title, level, count, episode, status, stack_trace, updated_at
FROM issues.issues WHERE id = ANY(%s) ORDER BY id
"""
_COPY_EVENTS = """
COPY issues.events (project_id, event_id, issue_id, sequence, fingerprint, type, message, level, timestamp,
                    received_at, release, environment, body) FROM STDIN (FORMAT BINARY)
"""
_EVENT_TYPES = (
    "uuid", "uuid", "uuid", "int8", "bytea", "text", "text", "text", "timestamptz", "timestamptz", "text", "text",
    "bytea",
)  # fmt: skip
_COPY_IDS = """
COPY issues.event_ids (project_id, event_id, issue_id, sequence, received_at) FROM STDIN (FORMAT BINARY)
"""
_ID_TYPES = ("uuid", "uuid", "uuid", "int8", "timestamptz")


class PostgresIssueStore:
    """Counts and stores events; `(project_id, event_id)` counts once, whoever repeats it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._days: set[date] = set()

    def record(self, events: Sequence[Event], fingerprints: Sequence[bytes]) -> list[IssueUpdate]:
        """Count and store events in one idempotent transaction; return what they did to each issue.

        Raises:
            TransientError: Nothing was stored.
        """
        for _ in range(_RACES):
            try:
                with self._database.cursor() as cursor:
                    updates = self._record(cursor, events, fingerprints)
            except ConflictError:
                # Another worker stored one of these ids between our look and our write: look again.
                log.info("a batch of %d events met another worker's ids; taking it again", len(events))
            else:
                self._days.update(event.received_at.date() for event in events)
                return updates
        raise TransientError("PostgreSQL: event ids kept colliding with another worker's")

    def _record(
        self, cursor: psycopg.Cursor[Any], events: Sequence[Event], fingerprints: Sequence[bytes]
    ) -> list[IssueUpdate]:
        unique: dict[_Key, tuple[Event, bytes]] = {}
        for event, fingerprint in zip(events, fingerprints, strict=True):
            unique.setdefault((event.project_id, event.event_id), (event, fingerprint))
        seen = _seen(cursor, list(unique))
        groups: dict[_Group, list[Event]] = {}
        for key, (event, fingerprint) in unique.items():
            if key not in seen:
                groups.setdefault((event.project_id, fingerprint), []).append(event)
        marks = _Marks()
        for key, (issue_id, sequence) in seen.items():
            marks.add(issue_id, sequence, unique[key][0].level)
        if groups:
            self._store(cursor, groups, marks)
        return _updates(cursor, marks)

    def _store(self, cursor: psycopg.Cursor[Any], groups: dict[_Group, list[Event]], marks: "_Marks") -> None:
        event_rows: list[_Row] = []
        id_rows: list[_Row] = []
        compressor = zstandard.ZstdCompressor(level=1)
        encoder = msgspec.json.Encoder()
        for issue_id, project_id, fingerprint, count in _upsert(cursor, groups):
            members = groups[project_id, fingerprint]
            for sequence, event in enumerate(members, start=count - len(members) + 1):
                marks.add(issue_id, sequence, event.level)
                body = compressor.compress(encoder.encode(event))
                event_rows.append(_event_row(event, issue_id, sequence, fingerprint, body))
                id_rows.append((project_id, event.event_id, issue_id, sequence, event.received_at))
        for day in sorted({row[9].date() for row in event_rows} - self._days):
            ensure_day_partition(cursor, "issues.events", day)
        _copy(cursor, _COPY_IDS, _ID_TYPES, sorted(id_rows, key=lambda row: row[:2]))
        _copy(cursor, _COPY_EVENTS, _EVENT_TYPES, event_rows)


class _Marks:
    """For each touched issue: the lowest sequence number of the batch, and its worst level."""

    def __init__(self) -> None:
        self.first: dict[UUID, int] = {}
        self.worst: dict[UUID, Level] = {}

    def add(self, issue_id: UUID, sequence: int, level: Level) -> None:
        self.first[issue_id] = min(sequence, self.first.get(issue_id, sequence))
        worst = self.worst.get(issue_id, level)
        self.worst[issue_id] = level if level.severity > worst.severity else worst


def _seen(cursor: psycopg.Cursor[Any], keys: list[_Key]) -> dict[_Key, tuple[UUID, int]]:
    cursor.execute(_SEEN, ([key[0] for key in keys], [key[1] for key in keys]))
    return {(row[0], row[1]): (row[2], row[3]) for row in cursor.fetchall()}


def _upsert(cursor: psycopg.Cursor[Any], groups: dict[_Group, list[Event]]) -> list[_Row]:
    rows = [_issue_row(*key, groups[key]) for key in sorted(groups)]
    cursor.execute(_UPSERT, [list(column) for column in zip(*rows, strict=True)])
    return cursor.fetchall()


def _issue_row(project_id: UUID, fingerprint: bytes, members: list[Event]) -> _Row:
    times: list[datetime] = [event.received_at for event in members]
    latest = max(members, key=lambda event: event.received_at)
    trace = next((event.stack_trace for event in members if event.stack_trace), "")
    first, last = min(times), max(times)
    return (
        project_id,
        fingerprint,
        members[0].title[: limits.TITLE_CHARACTERS],
        latest.type,
        latest.level,
        len(members),
        trace,
        first,
        last,
    )


def _event_row(event: Event, issue_id: UUID, sequence: int, fingerprint: bytes, body: bytes) -> _Row:
    return (
        event.project_id, event.event_id, issue_id, sequence, fingerprint, event.type, event.message, event.level.value,
        event.timestamp, event.received_at, event.release, event.environment, body,
    )  # fmt: skip


def _copy(cursor: psycopg.Cursor[Any], statement: str, types: Sequence[str], rows: Sequence[_Row]) -> None:
    with cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def _updates(cursor: psycopg.Cursor[Any], marks: _Marks) -> list[IssueUpdate]:
    cursor.execute(_STATE, (list(marks.first),))
    return [
        IssueUpdate(
            issue_id=row[0],
            project_id=row[1],
            title=row[2],
            level=Level(row[3]),
            worst_level=marks.worst[row[0]],
            count_before=marks.first[row[0]] - 1,
            count=row[4],
            episode=row[5],
            status=Status(row[6]),
            stack_trace=row[7],
            updated_at=row[8],
        )
        for row in cursor.fetchall()
    ]
