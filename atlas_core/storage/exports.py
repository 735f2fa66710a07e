"""Events on their way out, page by page: whatever their number, a page is what is held."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
import zstandard
from psycopg.rows import class_row

from atlas_core.search import Query
from atlas_core.storage.database import Database
from atlas_core.storage.event_queries import ALONG_THE_INDEX
from atlas_core.storage.issue_search import Asker, condition
from atlas_core.storage.queries import shown_issue

# A page ends at the first of these; a body may be as large as an event.
PAGE_EVENTS: Final = 1_000
PAGE_BYTES: Final = 4 * 1024 * 1024
_FETCHED: Final = 50
_KEYS: Final = """
SELECT received_at, event_id FROM issues.events
WHERE project_id = %(project)s AND (received_at, event_id) > (%(at)s, %(id)s) AND received_at < %(end)s
ORDER BY received_at, event_id LIMIT %(limit)s
"""
_KEYS_OF_ISSUE: Final = """
SELECT received_at, event_id FROM issues.event_ids
WHERE project_id = %(project)s AND issue_id = %(issue)s
  AND (received_at, event_id) > (%(at)s, %(id)s) AND received_at < %(end)s
ORDER BY received_at, event_id LIMIT %(limit)s
"""
_EVENTS: Final = """
SELECT e.event_id, k.issue_id, k.sequence, encode(e.fingerprint, 'hex') AS fingerprint, e.strategy, e.type, e.message,
       e.level, e.timestamp, e.received_at, e.release, e.environment, e.body
FROM issues.events e
JOIN issues.event_ids k ON k.project_id = e.project_id AND k.event_id = e.event_id
JOIN issues.issues i ON i.id = k.issue_id
WHERE e.project_id = %(project)s AND e.received_at BETWEEN %(oldest)s AND %(newest)s
  AND (e.received_at, e.event_id) IN (SELECT * FROM unnest(%(times)s::timestamptz[], %(ids)s::uuid[]))
  AND {condition}
ORDER BY e.received_at, e.event_id
"""
_FIRST: Final = UUID(int=0)


class ExportedEvent(msgspec.Struct):
    """An event and where it was counted; `body` is the event's JSON, compressed."""

    event_id: UUID
    issue_id: UUID
    sequence: int
    fingerprint: str
    strategy: str
    type: str | None
    message: str
    level: str
    timestamp: datetime
    received_at: datetime
    release: str | None
    environment: str | None
    body: bytes


def bodies(page: Iterable[ExportedEvent]) -> Iterator[bytes]:
    """Yield the JSON object of each event, as it was recorded."""
    decompress = zstandard.ZstdDecompressor().decompress
    return (decompress(event.body) for event in page)


class Wanted(msgspec.Struct, frozen=True):
    """Which events: of a project, a time (`end` is not part of it), one issue, the issues that a query finds."""

    project_id: UUID
    start: datetime
    end: datetime
    issue_id: UUID | None
    query: Query


class Exports:
    """Reads many events, oldest first. No transaction lasts longer than a page: a slow reader holds up nobody."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pages(self, wanted: Wanted, asker: Asker) -> Iterator[list[ExportedEvent]]:
        """Yield the events in pages; some may be empty.

        Raises:
            TransientError: The database does not answer, or not in time.
        """
        asked = condition(wanted.query, asker, [wanted.project_id])
        statement = _EVENTS.format(condition=asked.sql)
        values = {**asked.values, "project": wanted.project_id, "issue": wanted.issue_id, "limit": PAGE_EVENTS}
        at, last_id = wanted.start, _FIRST
        while True:
            with self._database.cursor() as cursor:
                keys = _keys(cursor, values | {"at": at, "id": last_id, "end": wanted.end})
                if not keys:
                    return
                page, is_whole = _events(cursor.connection, statement, values | _among(keys))
            at, last_id = keys[-1] if is_whole else (page[-1].received_at, page[-1].event_id)
            yield page


def _keys(cursor: psycopg.Cursor[Any], values: dict[str, Any]) -> list[tuple[datetime, UUID]]:
    if values["issue"] is None:
        return cursor.execute(_KEYS, values, prepare=False).fetchall()
    issue = shown_issue(cursor, values["project"], values["issue"])
    cursor.execute(ALONG_THE_INDEX)
    return cursor.execute(_KEYS_OF_ISSUE, {**values, "issue": issue}, prepare=False).fetchall()


def _among(keys: list[tuple[datetime, UUID]]) -> dict[str, Any]:
    times = [at for at, _ in keys]
    return {"times": times, "ids": [event_id for _, event_id in keys], "oldest": times[0], "newest": times[-1]}


def _events(
    connection: psycopg.Connection[Any], statement: str, values: dict[str, Any]
) -> tuple[list[ExportedEvent], bool]:
    """Return the events of a page, up to `PAGE_BYTES` of bodies, and whether that was all of them."""
    page: list[ExportedEvent] = []
    size = 0
    with connection.cursor(name="export", binary=True, row_factory=class_row(ExportedEvent)) as rows:
        rows.execute(statement.encode(), values)
        while some := rows.fetchmany(_FETCHED):
            page += some
            size += sum(len(event.body) for event in some)
            if size > PAGE_BYTES:
                return page, False
    return page, True
