"""Tries a grouping on a project's history, switches to it, and undoes a switch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core.errors import ConflictError
from atlas_core.grouping import Grouping
from atlas_core.regrouping.comparison import Comparison, compared
from atlas_core.regrouping.plan import Cell, Plan, planned
from atlas_core.storage import grouping_changes as changes
from atlas_core.storage.comparisons import Json, shown
from atlas_core.storage.database import Database
from atlas_core.storage.fingerprints import lock_project_alone
from atlas_core.storage.grouping_keys import Keys
from atlas_core.storage.homes import own_issues
from atlas_core.storage.moves import begin_move, move

_TRY: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('regrouping ' || %s::uuid::text, 0))"
_CELLS: Final = """
SELECT e.issue_id, e.fingerprint_id, coalesce(k.digest, f.fingerprint), count(*), coalesce(min(k.number), 0)
FROM issues.event_ids e JOIN issues.fingerprints f ON f.id = e.fingerprint_id LEFT JOIN keys k ON {join}
WHERE e.project_id = %s GROUP BY 1, 2, 3
"""
_WINDOW: Final = """
SELECT min(received_at), max(received_at), (SELECT count(*) FROM keys) FROM issues.event_ids WHERE project_id = %s
"""
_RANKS: Final = """
SELECT id, discarded_at IS NULL, status = 'open', count, -extract(epoch FROM first_seen)::float8
FROM issues.issues WHERE project_id = %s AND merged_into IS NULL
"""
_PLAN: Final = """
CREATE TEMP TABLE plan (digest bytea PRIMARY KEY, issue_id uuid, fingerprint_id bigint) ON COMMIT DROP
"""
_ADD_FINGERPRINTS: Final = """
INSERT INTO issues.fingerprints (project_id, fingerprint, issue_id, strategy)
SELECT DISTINCT ON (k.digest) %s::uuid, k.digest, p.issue_id, k.strategy
FROM keys k JOIN plan p USING (digest) ORDER BY k.digest
ON CONFLICT (project_id, fingerprint) DO NOTHING
"""
_KNOW_FINGERPRINTS: Final = """
UPDATE plan p SET fingerprint_id = f.id
FROM issues.fingerprints f WHERE f.project_id = %s AND f.fingerprint = p.digest
"""
_PLAN_POINTERS: Final = "INSERT INTO pointers SELECT fingerprint_id, issue_id FROM plan"
_RESTORE_POINTERS: Final = """
INSERT INTO pointers
SELECT s.fingerprint_id, s.issue_id
FROM issues.grouping_change_fingerprints s JOIN issues.fingerprints f ON f.id = s.fingerprint_id
JOIN issues.issues i ON i.id = s.issue_id
WHERE s.change_id = %s AND f.issue_id <> s.issue_id
ON CONFLICT DO NOTHING
"""
_FILL: Final = """
INSERT INTO moved (event_id, source, target, fingerprint_id, received_at, user_hash, apart)
SELECT e.event_id, e.issue_id, p.issue_id, p.fingerprint_id, e.received_at, e.user_hash,
       p.issue_id <> coalesce(h.target, e.issue_id)
FROM issues.event_ids e JOIN issues.fingerprints f ON f.id = e.fingerprint_id LEFT JOIN keys k ON {join}
JOIN plan p ON p.digest = coalesce(k.digest, f.fingerprint)
LEFT JOIN heirs h ON h.source = e.issue_id
WHERE e.project_id = %s AND (e.issue_id, e.fingerprint_id) <> (p.issue_id, p.fingerprint_id)
"""
_TELL: Final = """
INSERT INTO issues.activities (project_id, issue_id, action_id, user_id, kind, detail)
SELECT %(project)s, t.issue_id, %(change)s, %(user)s, %(kind)s, jsonb_strip_nulls(jsonb_build_object(
    'change_id', %(change)s::uuid, 'merged_into', h.target, 'merged', m.issues, 'events_left', nullif(t.lost, 0),
    'events_came', nullif(t.won, 0)))
FROM touched t LEFT JOIN heirs h ON h.source = t.issue_id
LEFT JOIN (SELECT target, count(*) AS issues FROM heirs GROUP BY 1) m ON m.target = t.issue_id
WHERE t.lost > 0 OR t.won > 0 OR h.source IS NOT NULL OR m.target IS NOT NULL
"""


class Regrouping:
    """Groups a project's events anew; one at a time for each project."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, project_id: UUID) -> Json:
        """Return how the project groups its events, a version that grows with each change, and the changes."""
        with self._database.cursor() as cursor:
            return {
                "grouping": changes.as_json(changes.grouping_of(cursor, project_id)),
                "version": changes.version_of(cursor, project_id),
                "changes": changes.list_changes(cursor, project_id),
            }

    def what_if(self, project_id: UUID, grouping: Grouping) -> Json:
        """Return which issues would merge and split under a grouping, on all events that are kept; changes nothing.

        Raises:
            ConflictError: The project is being regrouped or tried by somebody else.
            TransientError: The database does not answer, or a process was killed.
        """
        with self._alone(project_id, reads_only=True) as cursor:
            keys = Keys(cursor, project_id, grouping)
            keys.fill()
            cells = _cells(cursor, project_id, keys)
            plan = planned(cells, _ranks(cursor, project_id).__getitem__)
            return (
                {"grouping": changes.as_json(grouping)}
                | _coverage(cursor, project_id, keys)
                | shown(cursor, project_id, compared(cells, plan))
            )

    def apply(self, project_id: UUID, user_id: UUID, grouping: Grouping, *, version: int | None = None) -> Json:
        """Switch the project to a grouping and regroup its history by it; return the change and what it did.

        Events that arrive meanwhile wait, and are grouped by the new one. No issue that comes of it counts as new. A
        second call with the same grouping changes nothing.

        Args:
            project_id: The project.
            user_id: Who does it.
            grouping: How events are grouped from now on.
            version: What `state` showed; None to switch whatever is there.

        Raises:
            ConflictError: Somebody else changed the grouping since `version`, or is regrouping the project.
            TransientError: The database does not answer, or a process was killed; nothing was changed.
        """
        with self._alone(project_id) as cursor:
            _require_version(cursor, project_id, version)
            before = changes.grouping_of(cursor, project_id)
            if before == grouping:
                return {"change_id": None, "summary": None}
            keys = Keys(cursor, project_id, grouping)
            keys.fill()
            lock_project_alone(cursor, project_id)
            keys.fill()
            change_id = changes.add_change(cursor, project_id, user_id, before, grouping)
            summary = _regroup(cursor, project_id, keys, remembered=change_id)
            changes.set_grouping(cursor, project_id, grouping)
            changes.summarize(cursor, change_id, summary)
            _tell_people(cursor, project_id, change_id, user_id, "regrouped")
            return {"change_id": change_id, "summary": summary}

    def undo(self, project_id: UUID, user_id: UUID, change_id: UUID) -> Json:
        """Undo the newest switch: every fingerprint belongs to the issue that it had, what people merged is merged.

        Events that came since are grouped by the old grouping, and none of their issues counts as new.

        Raises:
            NotFoundError: The project has no such change.
            ConflictError: It is undone, a later one is not, or somebody else is regrouping the project.
            TransientError: The database does not answer, or a process was killed; nothing was changed.
        """
        with self._alone(project_id) as cursor:
            grouping = changes.undoable(cursor, project_id, change_id)
            keys = Keys(cursor, project_id, grouping)
            keys.fill()
            lock_project_alone(cursor, project_id)
            keys.fill()
            summary = _regroup(cursor, project_id, keys, restored=change_id)
            changes.set_grouping(cursor, project_id, grouping)
            changes.set_undone(cursor, change_id)
            _tell_people(cursor, project_id, change_id, user_id, "regrouping_undone")
            return {"change_id": change_id, "summary": summary}

    @contextmanager
    def _alone(self, project_id: UUID, *, reads_only: bool = False) -> Iterator[psycopg.Cursor[Any]]:
        with self._database.cursor() as cursor:
            if reads_only:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            begin_move(cursor)
            row = cursor.execute(_TRY, (project_id,)).fetchone()
            if row is None or not row[0]:
                raise ConflictError("somebody else tries or changes the grouping of this project now: wait for the end")
            yield cursor


def _require_version(cursor: psycopg.Cursor[Any], project_id: UUID, version: int | None) -> None:
    now = changes.version_of(cursor, project_id)
    if version not in (None, now):
        raise ConflictError(f"the grouping was changed since, it has version {now} now", detail={"version": now})


def _cells(cursor: psycopg.Cursor[Any], project_id: UUID, keys: Keys) -> list[Cell]:
    cursor.execute(_CELLS.format(join=keys.join), (project_id,))
    return [Cell(*row) for row in cursor]


def _ranks(cursor: psycopg.Cursor[Any], project_id: UUID) -> dict[UUID, tuple[Any, ...]]:
    """Return, for each issue, what decides which of several stays: kept, open, large, old."""
    return {row[0]: (*row[1:], row[0].int) for row in cursor.execute(_RANKS, (project_id,))}


def _coverage(cursor: psycopg.Cursor[Any], project_id: UUID, keys: Keys) -> Json:
    row = cursor.execute(_WINDOW, (project_id,)).fetchone()
    assert row is not None
    return {"from": row[0], "to": row[1], "fingerprinted": row[2], "fingerprints_every_event": keys.is_by_event}


def _regroup(
    cursor: psycopg.Cursor[Any], project_id: UUID, keys: Keys, *, remembered: UUID | None = None,
    restored: UUID | None = None,
) -> Json:  # fmt: skip
    cells = _cells(cursor, project_id, keys)
    pinned: Mapping[bytes, UUID] = changes.saved_issues(cursor, restored) if restored else {}
    plan = planned(cells, _ranks(cursor, project_id).__getitem__, pinned=pinned)
    _write_plan(cursor, project_id, plan)
    if restored:
        cursor.execute(_RESTORE_POINTERS, (restored,))
    cursor.execute(_FILL.format(join=keys.join), (project_id,))
    events_moved = move(cursor, project_id, remembered=remembered, restored=restored)
    return _summary(compared(cells, plan)) | {"events_moved": events_moved}


def _write_plan(cursor: psycopg.Cursor[Any], project_id: UUID, plan: Plan) -> None:
    own = own_issues(cursor, project_id, [digest for digest, issue in plan.homes.items() if issue is None])
    cursor.execute(_PLAN)
    _copy(cursor, "plan (digest, issue_id)", ("bytea", "uuid"), {**plan.homes, **own}.items())
    _copy(cursor, "heirs (source, target)", ("uuid", "uuid"), plan.heirs.items())
    for statement in (_ADD_FINGERPRINTS, _KNOW_FINGERPRINTS):
        cursor.execute("ANALYZE plan")
        cursor.execute(statement, (project_id,))
    cursor.execute(_PLAN_POINTERS)


def _copy(cursor: psycopg.Cursor[Any], table: str, types: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def _summary(comparison: Comparison) -> Json:
    return {
        "events": comparison.events,
        "issues_before": comparison.issues_before,
        "issues_after": comparison.issues_after,
        "unaffected": comparison.unaffected,
        "merges": len(comparison.merges),
        "splits": len(comparison.splits),
    }


def _tell_people(cursor: psycopg.Cursor[Any], project_id: UUID, change_id: UUID, user_id: UUID, kind: str) -> None:
    cursor.execute(_TELL, {"project": project_id, "change": change_id, "user": user_id, "kind": kind})
