"""Which issues of a project look like one of them, from an index in memory."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import dict_row

from atlas_core.errors import NotFoundError, TransientError
from atlas_core.grouping.similarity import Appearance, SimilarIssues, appearance
from atlas_core.storage.bodies import read_events
from atlas_core.storage.database import Database
from atlas_core.storage.issue_tables import LISTED
from atlas_core.storage.queries import require_shown

log = logging.getLogger(__name__)

Json = dict[str, Any]

ISSUES_OF_A_PROJECT: Final = 50_000
ISSUES_IN_MEMORY: Final = 200_000
# An index is brought up to date after this time, or this many times as long as that takes.
FRESH_S: Final = 10.0
FRESH_COSTS: Final = 20
_ROWS_AT_ONCE: Final = 1_000
_MESSAGE_CHARACTERS: Final = 2_048
# More are looked up than shown: some may have been merged or discarded since.
_SPARE: Final = 20
_LISTED_IDS: Final = f"""
SELECT id FROM issues.issues WHERE project_id = %s AND {LISTED} ORDER BY last_seen DESC, id DESC LIMIT %s
"""  # noqa: S608 - constants only
_FIRST_BODIES: Final = """
SELECT asked.id, e.body
FROM unnest(%s::uuid[]) AS asked(id),
LATERAL (SELECT event_id, received_at FROM issues.event_ids i
         WHERE i.issue_id = asked.id AND i.project_id = %s ORDER BY received_at, event_id LIMIT 1) first
JOIN issues.events e ON e.project_id = %s AND e.received_at = first.received_at AND e.event_id = first.event_id
"""
_SHOWN: Final = f"""
SELECT id, title, type, level, status, count, last_seen FROM issues.issues
WHERE project_id = %s AND id = ANY(%s) AND {LISTED}
"""  # noqa: S608 - constants only


class _Index(msgspec.Struct):
    """The issues of one project as they looked at a time of the monotonic clock."""

    looks: dict[UUID, Appearance]
    issues: SimilarIssues
    checked_at: float
    cost_s: float

    def is_stale(self) -> bool:
        """Tell whether it is worth while to look for changes."""
        return time.monotonic() - self.checked_at > max(FRESH_S, FRESH_COSTS * self.cost_s)


class Lookalikes:
    """Suggests issues that may be the same error; it never merges any.

    A project's index is made when it is first asked for and brought up to date in the background; it holds the
    `ISSUES_OF_A_PROJECT` that were seen last. The projects asked for last stay in memory, `ISSUES_IN_MEMORY` in all.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._indexes: OrderedDict[UUID, _Index] = OrderedDict()
        self._lock = threading.Lock()
        self._making = threading.Lock()

    @property
    def projects(self) -> int:
        """How many projects are in memory."""
        return len(self._indexes)

    def similar(self, project_id: UUID, issue_id: UUID, *, limit: int = 5) -> list[Json]:
        """Return the issues that look most like one, best first, each with a score from 0 to 1 and reasons.

        For an issue that was merged into another they are those that look like the other.

        Raises:
            NotFoundError: The project has no such issue, or none of its events is kept.
            TransientError: The database does not answer.
        """
        index = self._index(project_id)
        with self._database.cursor() as cursor:
            shown = require_shown(cursor, project_id, issue_id)
            look = index.looks.get(shown) or next(_looks(cursor, project_id, [shown]), None)
            if look is None:
                raise NotFoundError("none of the issue's events is kept")
            found = index.issues.similar(look, limit=limit + _SPARE)
            issues = _shown(cursor, project_id, [suggestion.id for suggestion in found])
        return [
            {"issue": issues[suggestion.id], "score": suggestion.score, "reasons": list(suggestion.reasons)}
            for suggestion in found
            if suggestion.id in issues
        ][:limit]

    def _index(self, project_id: UUID) -> _Index:
        with self._lock:
            index = self._indexes.get(project_id)
        if index is None:
            with self._making:
                return self._indexes.get(project_id) or self._make(project_id, None)
        if index.is_stale():
            # Marked first, so that those who ask meanwhile do not start another one.
            index.checked_at = time.monotonic()
            threading.Thread(target=self._refresh, args=(project_id, index), name="similar issues", daemon=True).start()
        return index

    def _refresh(self, project_id: UUID, index: _Index) -> None:
        try:
            with self._making:
                self._make(project_id, index)
        except TransientError as error:
            log.warning("an index of similar issues stays as it is: %s", error)

    def _make(self, project_id: UUID, old: _Index | None) -> _Index:
        started = time.monotonic()
        known = old.looks if old else {}
        with self._database.cursor() as cursor:
            ids = [row[0] for row in cursor.execute(_LISTED_IDS, (project_id, ISSUES_OF_A_PROJECT))]
            looks = {issue_id: known[issue_id] for issue_id in ids if issue_id in known}
            new = [issue_id for issue_id in ids if issue_id not in known]
            looks |= {look.id: look for look in _looks(cursor, project_id, new)}
        issues = old.issues if old and looks.keys() == known.keys() else SimilarIssues(list(looks.values()))
        now = time.monotonic()
        index = _Index(looks, issues, checked_at=now, cost_s=now - started)
        self._keep(project_id, index)
        return index

    def _keep(self, project_id: UUID, index: _Index) -> None:
        with self._lock:
            self._indexes[project_id] = index
            self._indexes.move_to_end(project_id)
            while len(self._indexes) > 1 and sum(len(i.looks) for i in self._indexes.values()) > ISSUES_IN_MEMORY:
                self._indexes.popitem(last=False)


def _looks(cursor: psycopg.Cursor[Any], project_id: UUID, issue_ids: Collection[UUID]) -> Iterator[Appearance]:
    """Yield how these issues look by their first events; none for an issue that has none."""
    asked = list(issue_ids)
    for start in range(0, len(asked), _ROWS_AT_ONCE):
        some = asked[start : start + _ROWS_AT_ONCE]
        rows = cursor.execute(_FIRST_BODIES, (some, project_id, project_id)).fetchall()
        for (issue_id, _), event in zip(rows, read_events([row[1] for row in rows]), strict=True):
            look = appearance(issue_id, event)
            yield msgspec.structs.replace(look, message=look.message[:_MESSAGE_CHARACTERS])


def _shown(cursor: psycopg.Cursor[Any], project_id: UUID, issue_ids: Collection[UUID]) -> dict[UUID, Json]:
    with cursor.connection.cursor(row_factory=dict_row) as rows:
        return {row["id"]: row for row in rows.execute(_SHOWN, (project_id, list(issue_ids)))}
