"""Merge and unmerge by hand: issues become one, and fingerprints leave an issue again."""

from collections.abc import Collection, Iterable
from typing import Final
from uuid import UUID, uuid4

from psycopg.rows import dict_row

from atlas_core import limits
from atlas_core.actions import Change
from atlas_core.errors import ConflictError, NotFoundError, RejectedError
from atlas_core.events import utc_now
from atlas_core.storage.database import Database
from atlas_core.storage.fingerprints import lock_project_alone
from atlas_core.storage.homes import own_issues
from atlas_core.storage.issue_edits import Held, hold
from atlas_core.storage.issue_history import Author, Json, add_changes
from atlas_core.storage.moves import begin_move, move
from atlas_core.storage.queries import require_shown

_MERGED_ALREADY: Final = "SELECT id FROM issues.issues WHERE project_id = %s AND id = ANY(%s) AND merged_into = %s"
_HEIRS: Final = "INSERT INTO heirs SELECT unnest(%s::uuid[]), %s"
_FOLLOW: Final = "INSERT INTO pointers SELECT id, %s FROM issues.fingerprints WHERE issue_id = ANY(%s)"
_PART: Final = "INSERT INTO pointers SELECT * FROM unnest(%s::bigint[], %s::uuid[])"
_FILL: Final = """
INSERT INTO moved (event_id, source, target, fingerprint_id, received_at, user_hash, apart)
SELECT e.event_id, e.issue_id, p.target, e.fingerprint_id, e.received_at, e.user_hash, h.source IS NULL
FROM issues.event_ids e JOIN pointers p ON p.fingerprint_id = e.fingerprint_id
LEFT JOIN heirs h ON h.source = e.issue_id
WHERE e.project_id = %s AND e.issue_id = ANY(%s) AND e.issue_id <> p.target
"""
_FINGERPRINTS: Final = """
SELECT f.id, encode(f.fingerprint, 'hex') AS fingerprint, f.strategy, f.created_at,
       coalesce(k.count, 0) + f.forgotten AS count, k.first_seen, k.last_seen
FROM issues.fingerprints f
LEFT JOIN (SELECT fingerprint_id, count(*) AS count, min(received_at) AS first_seen, max(received_at) AS last_seen
           FROM issues.event_ids WHERE issue_id = %(issue)s GROUP BY 1) k ON k.fingerprint_id = f.id
WHERE f.project_id = %(project)s AND f.issue_id = %(issue)s
ORDER BY count DESC, f.id LIMIT %(limit)s
"""
_EXAMPLES: Final = """
SELECT DISTINCT ON (i.fingerprint_id) i.fingerprint_id, e.event_id, e.type, left(e.message, 500) AS message, e.level,
       e.received_at
FROM unnest(%s::bigint[], %s::timestamptz[]) AS asked(fingerprint_id, at)
JOIN issues.event_ids i ON i.issue_id = %s AND i.received_at = asked.at AND i.fingerprint_id = asked.fingerprint_id
JOIN issues.events e ON e.project_id = i.project_id AND e.received_at = i.received_at AND e.event_id = i.event_id
"""
_OF_ISSUE: Final = """
SELECT f.fingerprint, f.id FROM issues.fingerprints f
WHERE f.id IN (SELECT fingerprint_id FROM issues.event_ids WHERE project_id = %s AND issue_id = %s)
"""
_TOLD: Final = 20


class Merges:
    """Merges and unmerges the issues of a project, while nothing else is counted there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def merge(self, project_id: UUID, user_id: UUID, into: UUID, issue_ids: Collection[UUID]) -> int:
        """Make issues one; return how many events moved.

        Later events of their fingerprints go to `into`, which keeps its title and standing; the others stay, hidden.
        A second call changes nothing.

        Raises:
            NotFoundError: The project lacks one of the issues.
            ConflictError: One was merged into a third, or is discarded.
            RejectedError: `into` is among the issues.
        """
        if into in issue_ids:
            raise RejectedError("an issue cannot be merged into itself")
        with self._database.cursor() as cursor:
            lock_project_alone(cursor, project_id)
            done = {row[0] for row in cursor.execute(_MERGED_ALREADY, (project_id, list(issue_ids), into))}
            held = {issue.id: issue for issue in hold(cursor, project_id, {into, *issue_ids} - done)}
            sources = [issue for issue in held.values() if issue.id != into]
            _require_kept(held.values())
            if not sources:
                return 0
            begin_move(cursor)
            ids = [issue.id for issue in sources]
            cursor.execute(_HEIRS, (ids, into))
            cursor.execute(_FOLLOW, (into, ids))
            cursor.execute(_FILL, (project_id, ids))
            moved = move(cursor, project_id)
            told = {"issues": [{"id": str(issue.id), "title": issue.title} for issue in sources[:_TOLD]]}
            lines = [(into, Change("merged", told | {"total": len(sources), "events": moved}))]
            lines += [(issue.id, Change("merged", {"into": str(into), "events": issue.count})) for issue in sources]
            add_changes(cursor, Author(project_id, user_id, uuid4(), utc_now()), lines)
            return moved

    def unmerge(self, project_id: UUID, user_id: UUID, issue_id: UUID, fingerprints: Collection[bytes]) -> list[UUID]:
        """Give fingerprints of an issue, with their events, issues of their own; return these, in the order asked.

        A fingerprint whose issue was merged away gets that one back, with its title, standing and history.

        Raises:
            NotFoundError: The project has no such issue, or the issue no such fingerprint.
            ConflictError: The issue was merged into another, or is discarded.
            RejectedError: The issue would keep none.
        """
        with self._database.cursor() as cursor:
            lock_project_alone(cursor, project_id)
            _require_kept(hold(cursor, project_id, [issue_id]))
            known = {row[0]: row[1] for row in cursor.execute(_OF_ISSUE, (project_id, issue_id))}
            _require_part(fingerprints, known)
            begin_move(cursor)
            homes = own_issues(cursor, project_id, fingerprints)
            cursor.execute(_PART, ([known[digest] for digest in homes], list(homes.values())))
            cursor.execute(_FILL, (project_id, [issue_id]))
            moved = move(cursor, project_id)
            ids = [homes[digest] for digest in fingerprints]
            told = {"issues": [{"id": str(home)} for home in ids[:_TOLD]], "total": len(ids), "events": moved}
            lines = [(issue_id, Change("unmerged", told))]
            lines += [(home, Change("unmerged", {"from": str(issue_id)})) for home in ids]
            add_changes(cursor, Author(project_id, user_id, uuid4(), utc_now()), lines)
            return ids

    def fingerprints(self, project_id: UUID, issue_id: UUID) -> list[Json]:
        """Return the fingerprints of an issue, those with the most events first, each with its newest event.

        For an issue that was merged into another they are the other's, its own among them.
        One without events (`example` is null) is kept so that what still comes with it finds its issue.

        Raises:
            NotFoundError: The project has no such issue.
        """
        with self._database.cursor() as cursor, cursor.connection.cursor(row_factory=dict_row) as rows:
            shown = require_shown(cursor, project_id, issue_id)
            values = {"project": project_id, "issue": shown, "limit": limits.FINGERPRINTS_SHOWN}
            found = rows.execute(_FINGERPRINTS, values).fetchall()
            newest = [(row["id"], row["last_seen"]) for row in found if row["last_seen"]]
            rows.execute(_EXAMPLES, ([row[0] for row in newest], [row[1] for row in newest], shown))
            examples = {row.pop("fingerprint_id"): row for row in rows}
        return [row | {"example": examples.get(row.pop("id"))} for row in found]


def _require_kept(held: Iterable[Held]) -> None:
    discarded = [str(issue.id) for issue in held if issue.handling.discarded_at is not None]
    if discarded:
        raise ConflictError("the issue is discarded: undo that first", detail=discarded)


def _require_part(asked: Collection[bytes], known: Collection[bytes]) -> None:
    missing = [digest.hex() for digest in asked if digest not in known]
    if missing:
        raise NotFoundError("the issue has no events of this fingerprint", detail=missing)
    if len(set(asked)) == len(known):
        raise RejectedError("an issue keeps at least one of its fingerprints")
