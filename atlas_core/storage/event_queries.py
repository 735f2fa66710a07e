"""The read side of events, for people. Every function takes the project first."""

from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import dict_row

from atlas_core.errors import NotFoundError
from atlas_core.events import Event
from atlas_core.grouping import Grouping
from atlas_core.storage.bodies import read_event
from atlas_core.storage.cursors import cursor_of, moment, parts_of
from atlas_core.storage.database import Database
from atlas_core.storage.queries import shown_issue

Json = dict[str, Any]

_SHOWN: Final = "type, message, level, timestamp, received_at, release, environment"
# `issue_id` is null for what retention or the delete of an issue is about to take away.
_OF_PROJECT: Final = f"""
SELECT event_id, (SELECT id FROM issues.issues WHERE id = i.issue_id) AS issue_id,
       encode(e.fingerprint, 'hex') AS fingerprint, {_SHOWN}
FROM (SELECT project_id, event_id, fingerprint, {_SHOWN} FROM issues.events
      WHERE project_id = %(project)s AND (received_at, event_id) < (%(at)s, %(id)s)
      ORDER BY received_at DESC, event_id DESC LIMIT %(limit)s) e
LEFT JOIN issues.event_ids i USING (project_id, event_id, received_at)
ORDER BY received_at DESC, event_id DESC
"""  # noqa: S608 - constants only
# Only the index has the issue's order: without it, all events of the issue are read and sorted for one page.
ALONG_THE_INDEX: Final = "SET LOCAL enable_bitmapscan = off"
_IDS_OF_ISSUE: Final = """
SELECT event_id, received_at, issue_id FROM issues.event_ids
WHERE project_id = %(project)s AND issue_id = %(issue)s AND (received_at, event_id) < (%(at)s, %(id)s)
ORDER BY received_at DESC, event_id DESC LIMIT %(limit)s
"""
# The times as constants, so that the planner leaves the other days' partitions out.
_OF_IDS: Final = f"""
SELECT event_id, encode(fingerprint, 'hex') AS fingerprint, {_SHOWN} FROM issues.events
WHERE project_id = %(project)s AND received_at BETWEEN %(oldest)s AND %(newest)s
  AND (received_at, event_id) IN (SELECT * FROM unnest(%(times)s::timestamptz[], %(ids)s::uuid[]))
"""  # noqa: S608 - constants only
_PLACE: Final = """
SELECT i.received_at, i.issue_id, i.sequence, encode(f.fingerprint, 'hex') AS grouped_as,
    (SELECT grouping FROM issues.project_settings WHERE project_id = i.project_id) AS grouping,
    (SELECT n.event_id FROM issues.event_ids n
     WHERE n.issue_id = i.issue_id AND (n.received_at, n.event_id) < (i.received_at, i.event_id)
     ORDER BY n.received_at DESC, n.event_id DESC LIMIT 1) AS previous_event_id,
    (SELECT n.event_id FROM issues.event_ids n
     WHERE n.issue_id = i.issue_id AND (n.received_at, n.event_id) > (i.received_at, i.event_id)
     ORDER BY n.received_at, n.event_id LIMIT 1) AS next_event_id
FROM issues.event_ids i JOIN issues.fingerprints f ON f.id = i.fingerprint_id
WHERE i.project_id = %(project)s AND i.event_id = %(event)s
"""
_BODY: Final = """
SELECT body, encode(fingerprint, 'hex') AS fingerprint, strategy FROM issues.events
WHERE project_id = %(project)s AND received_at = %(received_at)s AND event_id = %(event)s
"""
_NEWEST: Final = {"at": "infinity", "id": UUID(int=2**128 - 1)}


class EventQueries:
    """Reads events of one project at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, project_id: UUID, *, issue_id: UUID | None = None, limit: int, cursor: str | None = None
    ) -> tuple[list[Json], str | None]:
        """Return a page of events, newest `received_at` first, and the cursor of the next page; some may be short.

        Raises:
            RejectedError: The cursor is not one of ours.
        """
        start = _NEWEST if cursor is None else dict(zip(("at", "id"), parts_of(cursor, moment, UUID), strict=True))
        values = {"project": project_id, "limit": limit + 1, **start}
        with self._database.cursor() as rows:
            found = _rows(rows, _OF_PROJECT, values) if issue_id is None else _of_issue(rows, issue_id, values)
        last = found[limit - 1] if len(found) > limit else None
        kept = [row for row in found[:limit] if row["issue_id"]]
        return kept, cursor_of(last["received_at"], last["event_id"]) if last else None

    def event(self, project_id: UUID, event_id: UUID) -> Json:
        """Return one event whole, with its neighbours in its issue (`previous_event_id` is the older one).

        `frames` are those of the exception that was caught, outermost caller first. `fingerprint` and `strategy` are
        those that it was counted under; `grouping` has those of now, and how they came about.

        Raises:
            NotFoundError: The project has no such event, or retention has deleted it.
        """
        values: Json = {"project": project_id, "event": event_id}
        with self._database.cursor() as rows:
            places = _rows(rows, _PLACE, values)
            bodies = _rows(rows, _BODY, values | {"received_at": places[0]["received_at"]}) if places else []
        if not bodies:
            raise NotFoundError("no such event")
        event = read_event(bodies[0].pop("body"))
        shown = _whole(event)
        shown["exceptions"] = [_whole(value) for value in event.exceptions]
        shown["frames"] = shown["exceptions"][-1]["frames"] if event.exceptions else []
        grouping = _explained(event, places[0].pop("grouping"), places[0].pop("grouped_as"))
        return shown | bodies[0] | places[0] | {"grouping": grouping}


def _of_issue(rows: psycopg.Cursor[Any], issue_id: UUID, values: Json) -> list[Json]:
    """Return events of one issue: their ids first, which lie in the issue's order."""
    rows.execute(ALONG_THE_INDEX)
    places = _rows(rows, _IDS_OF_ISSUE, {**values, "issue": shown_issue(rows, values["project"], issue_id)})
    if not places:
        return []
    times = [place["received_at"] for place in places]
    where = {"times": times, "ids": [place["event_id"] for place in places], "newest": times[0], "oldest": times[-1]}
    shown = {row["event_id"]: row for row in _rows(rows, _OF_IDS, values | where)}
    return [{"issue_id": p["issue_id"], **shown[p["event_id"]]} for p in places if p["event_id"] in shown]


def _rows(rows: psycopg.Cursor[Any], query: str, values: Json) -> list[Json]:
    with rows.connection.cursor(row_factory=dict_row) as found:
        # Never prepared: a plan that fits any time reads every partition whole.
        return found.execute(query.encode(), values, prepare=False).fetchall()


def _explained(event: Event, grouping: Json | None, fingerprint: str) -> Json:
    told = msgspec.convert(grouping or {}, Grouping).explained(event)
    return {"strategy": told.strategy, "fingerprint": fingerprint, "explanation": list(told.explain)}


def _whole(record: msgspec.Struct) -> Json:
    shown = {field: getattr(record, field) for field in record.__struct_fields__}
    if "frames" in shown:
        shown["frames"] = [_whole(frame) for frame in shown["frames"]]
    return shown
