"""The read side of issues and events, for people. Every function takes the project first."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import zstandard
from sqlalchemy import RowMapping, text

from atlas_core.errors import NotFoundError, RejectedError
from atlas_core.events import Event
from atlas_core.storage.database import Database
from atlas_core.storage.issue_tables import LISTED

Json = dict[str, Any]

_ISSUE = """
SELECT id, encode(fingerprint, 'hex') AS fingerprint, project_id, title, type, culprit, platform, level, count, users,
       {stack_trace} AS stack_trace, first_seen, last_seen, first_release, last_release, status,
       resolved_in, resolved_in_next, resolved_at, regressed_at IS NOT NULL AS is_regressed, regressed_at, returned_at,
       ignored_until, ignored_until_count, ignored_until_users, assignee_id, priority, version, discarded_at,
       created_at, updated_at
FROM issues.issues WHERE project_id = :project
"""
# A link to an issue that was merged away shows the one that it is part of.
_ASKED = "coalesce((SELECT merged_into FROM issues.issues WHERE project_id = :project AND id = :issue), :issue)"
_PAGE = f" AND {LISTED} AND (last_seen, id) < (:at, :id) ORDER BY last_seen DESC, id DESC LIMIT :limit"
_OVERVIEW = f"""
SELECT count(*) AS total_issues,
       count(*) FILTER (WHERE status = 'open') AS open_issues,
       count(*) FILTER (WHERE status = 'resolved') AS resolved_issues,
       count(*) FILTER (WHERE level = 'critical') AS critical_count,
       count(*) FILTER (WHERE level = 'error') AS error_count
FROM issues.issues WHERE project_id = :project AND {LISTED}
"""  # noqa: S608 - constants only
_SHOWN = "type, message, level, timestamp, received_at, release, environment"
_EVENTS = f"""
SELECT event_id, i.issue_id, encode(e.fingerprint, 'hex') AS fingerprint, {_SHOWN}
FROM (SELECT project_id, event_id, fingerprint, {_SHOWN} FROM issues.events
      WHERE project_id = :project AND (received_at, event_id) < (:at, :id)
      ORDER BY received_at DESC, event_id DESC LIMIT :limit) e
JOIN issues.event_ids i USING (project_id, event_id, received_at)
ORDER BY received_at DESC, event_id DESC
"""  # noqa: S608 - constants only
_EVENTS_OF_ISSUE = f"""
SELECT event_id, i.issue_id, encode(e.fingerprint, 'hex') AS fingerprint, {_SHOWN}
FROM (SELECT project_id, event_id, issue_id, received_at FROM issues.event_ids
      WHERE project_id = :project AND issue_id = {_ASKED} AND (received_at, event_id) < (:at, :id)
      ORDER BY received_at DESC, event_id DESC LIMIT :limit) i
JOIN issues.events e USING (project_id, event_id, received_at)
ORDER BY received_at DESC, event_id DESC
"""  # noqa: S608 - constants only
_EVENT = """
SELECT e.body, i.issue_id, i.sequence, encode(e.fingerprint, 'hex') AS fingerprint, e.strategy
FROM issues.event_ids i
JOIN issues.events e ON e.received_at = i.received_at AND e.project_id = i.project_id AND e.event_id = i.event_id
WHERE i.project_id = :project AND i.event_id = :event
"""
_LAST = {"at": "infinity", "id": UUID(int=2**128 - 1)}


class IssueQueries:
    """Reads issues and events of one project at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def issues(self, project_id: UUID, *, limit: int, cursor: str | None = None) -> tuple[list[Json], str | None]:
        """Return a page of issues, newest `last_seen` first, and the cursor of the next page.

        Raises:
            RejectedError: The cursor is not one of ours.
        """
        query = _ISSUE.format(stack_trace="left(stack_trace, 2000)") + _PAGE
        rows = self._rows(query, project=project_id, limit=limit + 1, **_position(cursor))
        return _page(rows, limit, "last_seen", "id")

    def issue(self, project_id: UUID, issue_id: UUID) -> Json:
        """Return one issue, be it discarded; for one that was merged into another, the other.

        Raises:
            NotFoundError: The project has no such issue.
        """
        query = _ISSUE.format(stack_trace="stack_trace") + f" AND merged_into IS NULL AND id = {_ASKED}"
        rows = self._rows(query, project=project_id, issue=issue_id)
        if not rows:
            raise NotFoundError("no such issue")
        return dict(rows[0])

    def overview(self, project_id: UUID) -> dict[str, int]:
        """Return how many issues the project has, by status and by level."""
        return dict(self._rows(_OVERVIEW, project=project_id)[0])

    def events(
        self, project_id: UUID, *, issue_id: UUID | None = None, limit: int, cursor: str | None = None
    ) -> tuple[list[Json], str | None]:
        """Return a page of events, newest `received_at` first, and the cursor of the next page.

        Raises:
            RejectedError: The cursor is not one of ours.
        """
        query = _EVENTS_OF_ISSUE if issue_id else _EVENTS
        values: dict[str, object] = {"issue": issue_id} if issue_id else {}
        rows = self._rows(query, project=project_id, limit=limit + 1, **values, **_position(cursor))
        return _page(rows, limit, "received_at", "event_id")

    def event(self, project_id: UUID, event_id: UUID) -> Json:
        """Return one event whole: `frames` are those of the exception that was caught, outermost caller first.

        Raises:
            NotFoundError: The project has no such event.
        """
        rows = self._rows(_EVENT, project=project_id, event=event_id)
        if not rows:
            raise NotFoundError("no such event")
        row = rows[0]
        event = msgspec.json.decode(zstandard.ZstdDecompressor().decompress(row["body"]), type=Event)
        shown: Json = {field: getattr(event, field) for field in event.__struct_fields__}
        shown["frames"] = event.exceptions[-1].frames if event.exceptions else []
        shown["exceptions"] = [_whole(value) for value in event.exceptions]
        shown["frames"] = [_whole(frame) for frame in shown["frames"]]
        return shown | {key: row[key] for key in ("issue_id", "sequence", "fingerprint", "strategy")}

    def _rows(self, query: str, **values: object) -> list[RowMapping]:
        with self._database.transaction() as connection:
            return list(connection.execute(text(query), values).mappings())


def _whole(record: msgspec.Struct) -> Json:
    shown = {field: getattr(record, field) for field in record.__struct_fields__}
    if "frames" in shown:
        shown["frames"] = [_whole(frame) for frame in shown["frames"]]
    return shown


def _position(cursor: str | None) -> Mapping[str, object]:
    if cursor is None:
        return _LAST
    try:
        at, _, identity = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        return {"at": datetime.fromisoformat(at), "id": UUID(identity)}
    except (ValueError, binascii.Error) as error:
        raise RejectedError("the cursor is not one that this route gave") from error


def _page(rows: list[RowMapping], limit: int, at: str, identity: str) -> tuple[list[Json], str | None]:
    page = [dict(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return page, None
    last = page[-1]
    return page, base64.urlsafe_b64encode(f"{last[at].isoformat()}|{last[identity]}".encode()).decode()
