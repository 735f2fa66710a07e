"""Between the tables and the pure plan of a regrouping: history becomes cells, a plan becomes what is moved."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core.regrouping.plan import Cell, Plan, planned
from atlas_core.storage.grouping_keys import DIGEST, JOIN_KEYS, KIND, Scope
from atlas_core.storage.homes import own_issues

_TABLES: Final = """
CREATE TEMP TABLE numbered (issue_id uuid PRIMARY KEY, number int, discarded boolean) ON COMMIT DROP;
CREATE TEMP TABLE plan (digest bytea PRIMARY KEY, issue_id uuid, fingerprint_id bigint) ON COMMIT DROP;
"""
# By how much each deserves to stay when several join: not discarded, open, large, old.
_NUMBER: Final = """
INSERT INTO numbered
SELECT id, row_number() OVER (ORDER BY discarded_at IS NULL, status = 'open', count, first_seen DESC, id),
       discarded_at IS NOT NULL
FROM issues.issues WHERE project_id = %(project)s
"""
# Events whose tags decide are counted one by one, all others by their kind.
_CELLS: Final = f"""
WITH counted AS (
    SELECT d.issue_id, d.fingerprint_id, k.digest, d.n, k.number
    FROM kinds d LEFT JOIN keys k ON k.kind = d.kind AND NOT k.by_tags
    WHERE d.kind NOT IN (SELECT kind FROM keys WHERE by_tags)
    UNION ALL
    SELECT e.issue_id, e.fingerprint_id, k.digest, 1, k.number
    FROM issues.event_ids e LEFT JOIN (samples s JOIN keys k USING (number)) ON s.event_id = e.event_id
    WHERE e.project_id = %(project)s AND {KIND} IN (SELECT kind FROM keys WHERE by_tags)
)
SELECT n.number, e.fingerprint_id, coalesce(e.digest, f.fingerprint), sum(e.n)::bigint, coalesce(min(e.number), 0)
FROM counted e JOIN issues.fingerprints f ON f.id = e.fingerprint_id JOIN numbered n ON n.issue_id = e.issue_id
GROUP BY 1, 2, 3
"""  # noqa: S608 - constants only
_DISCARDED: Final = "SELECT number FROM numbered WHERE discarded"
_PINNED: Final = """
SELECT f.fingerprint, n.number
FROM issues.grouping_change_fingerprints s
JOIN issues.fingerprints f ON f.id = s.fingerprint_id JOIN numbered n ON n.issue_id = s.issue_id
WHERE s.change_id = %s
"""
_ADD_FINGERPRINTS: Final = """
INSERT INTO issues.fingerprints (project_id, fingerprint, issue_id, strategy, discarded)
SELECT DISTINCT ON (k.digest) i.project_id, k.digest, i.id, %(strategy)s, i.discarded_at IS NOT NULL
FROM keys k JOIN plan p USING (digest) JOIN issues.issues i ON i.id = p.issue_id
WHERE i.project_id = %(project)s ORDER BY k.digest
ON CONFLICT (project_id, fingerprint) DO NOTHING
"""
_KNOW_FINGERPRINTS: Final = """
UPDATE plan p SET fingerprint_id = f.id
FROM issues.fingerprints f WHERE f.project_id = %(project)s AND f.fingerprint = p.digest
"""
_POINTERS: Final = """
INSERT INTO pointers
SELECT f.id, p.issue_id FROM plan p JOIN issues.fingerprints f ON f.id = p.fingerprint_id AND f.issue_id <> p.issue_id
"""
_MOVED: Final = f"""
INSERT INTO moved (event_id, source, target, fingerprint_id, received_at, user_hash, apart)
SELECT e.event_id, e.issue_id, p.issue_id, p.fingerprint_id, e.received_at, e.user_hash,
       p.issue_id <> coalesce(h.target, e.issue_id)
FROM issues.event_ids e JOIN issues.fingerprints f ON f.id = e.fingerprint_id {JOIN_KEYS}
JOIN plan p ON p.digest = coalesce({DIGEST}, f.fingerprint)
LEFT JOIN heirs h ON h.source = e.issue_id
WHERE e.project_id = %(project)s AND (e.issue_id, e.fingerprint_id) <> (p.issue_id, p.fingerprint_id)
"""  # noqa: S608 - constants only


def make_plan(cursor: psycopg.Cursor[Any], scope: Scope, *, undone: UUID | None = None) -> tuple[list[Cell], Plan]:
    """Return the project's events as cells, and where they go; `numbered` has the issues behind the numbers.

    Args:
        cursor: In the transaction of the move, with filled `Keys`.
        scope: That of the keys.
        undone: The switch of grouping whose undoing pins every fingerprint that it knew.
    """
    cursor.execute(_TABLES)
    cursor.execute(_NUMBER, scope)
    cursor.execute("ANALYZE numbered")
    pinned = dict(cursor.execute(_PINNED, (undone,)).fetchall()) if undone else {}
    with cursor.connection.cursor(binary=True) as found:
        cells = [Cell(*row) for row in found.execute(_CELLS, scope)]
    discarded = {row[0] for row in cursor.execute(_DISCARDED).fetchall()}
    return cells, planned(cells, pinned=pinned, discarded=discarded)


def write_plan(cursor: psycopg.Cursor[Any], scope: Scope, plan: Plan) -> None:
    """Fill the tables of `moves.move` by a plan, making the issues and fingerprints that it needs."""
    issues: dict[int, UUID] = dict(cursor.execute("SELECT number, issue_id FROM numbered").fetchall())
    homes = {digest: issues[number] for digest, number in plan.homes.items() if number is not None}
    homeless = {digest for digest, number in plan.homes.items() if number is None}
    homes |= own_issues(cursor, scope["project"], homeless - plan.discarded)
    homes |= own_issues(cursor, scope["project"], homeless & plan.discarded, discarded=True)
    _copy(cursor, "plan (digest, issue_id)", ("bytea", "uuid"), homes.items())
    heirs = ((issues[source], issues[target]) for source, target in plan.heirs.items())
    _copy(cursor, "heirs (source, target)", ("uuid", "uuid"), heirs)
    for statement in (_ADD_FINGERPRINTS, _KNOW_FINGERPRINTS):
        cursor.execute("ANALYZE plan; ANALYZE heirs")
        cursor.execute(statement, scope)
    cursor.execute(_POINTERS)
    cursor.execute(_MOVED, scope)


def _copy(cursor: psycopg.Cursor[Any], table: str, types: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)".encode()) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
