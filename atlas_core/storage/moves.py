"""Moves events from issue to issue, with all that is counted of them; the one place where counts go down.

The caller says in three temporary tables what goes where, then calls `move`: `moved` has a row for each event that
changes its issue or fingerprint, `pointers` the issue of each fingerprint that is told apart, `heirs` the issue that
takes the place of each one that loses everything. What is `apart` goes elsewhere than to its issue's heir.
"""

from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core.storage.moved_counts import move_hours, move_tags, move_users
from atlas_core.storage.retelling import gather, reword

_BEGIN: Final = """
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL work_mem = '64MB';
SET LOCAL jit = off;
SET LOCAL cursor_tuple_fraction = 1;
CREATE TEMP TABLE moved (
    event_id uuid, source uuid, target uuid, fingerprint_id bigint, received_at timestamptz, user_hash bigint,
    apart boolean
) ON COMMIT DROP;
CREATE TEMP TABLE pointers (fingerprint_id bigint PRIMARY KEY, target uuid) ON COMMIT DROP;
CREATE TEMP TABLE heirs (source uuid PRIMARY KEY, target uuid) ON COMMIT DROP;
"""
# `base` is the last sequence number given in an issue, `had` its count before the move, `lost` and `won` what parted
# from it and what came of others' parts, `inherited` what came of issues whose heir it is.
_TOUCH: Final = """
ANALYZE moved; ANALYZE pointers; ANALYZE heirs;
CREATE TEMP TABLE touched ON COMMIT DROP AS
SELECT i.id AS issue_id, i.count AS had, i.count + i.sequence_gap AS base, 0::bigint AS lost, 0::bigint AS won,
       0::bigint AS inherited
FROM issues.issues i WHERE i.id IN (
    SELECT source FROM moved UNION SELECT target FROM moved UNION SELECT target FROM pointers
    UNION SELECT source FROM heirs UNION SELECT target FROM heirs
    UNION SELECT f.issue_id FROM pointers p JOIN issues.fingerprints f ON f.id = p.fingerprint_id
    WHERE f.forgotten > 0);
ALTER TABLE touched ADD PRIMARY KEY (issue_id);
ANALYZE touched;
"""
_FLOWS: Final = """
WITH flows AS (
    SELECT source, target, count(*) AS n FROM moved WHERE apart GROUP BY 1, 2
    UNION ALL
    SELECT f.issue_id, p.target, f.forgotten
    FROM pointers p JOIN issues.fingerprints f ON f.id = p.fingerprint_id LEFT JOIN heirs h ON h.source = f.issue_id
    WHERE f.forgotten > 0 AND p.target <> coalesce(h.target, f.issue_id)
), sums AS (
    SELECT issue_id, sum(lost) AS lost, sum(won) AS won
    FROM (SELECT source AS issue_id, n AS lost, 0 AS won FROM flows UNION ALL SELECT target, 0, n FROM flows) sides
    GROUP BY 1
)
UPDATE touched t SET lost = s.lost, won = s.won FROM sums s WHERE t.issue_id = s.issue_id;
UPDATE touched t SET inherited = s.n
FROM (SELECT h.target, sum(o.had - o.lost) AS n FROM heirs h JOIN touched o ON o.issue_id = h.source GROUP BY 1) s
WHERE t.issue_id = s.target;
"""
_IDS: Final = """
UPDATE issues.event_ids e
SET issue_id = m.target, fingerprint_id = m.fingerprint_id, sequence = coalesce(t.base + m.number, e.sequence)
FROM (SELECT event_id, target, fingerprint_id, CASE WHEN source <> target THEN
             row_number() OVER (PARTITION BY target, source <> target ORDER BY received_at, event_id) END AS number
      FROM moved) m
JOIN touched t ON t.issue_id = m.target
WHERE e.project_id = %s AND e.event_id = m.event_id
"""
_POINTERS: Final = (
    """
    UPDATE issues.fingerprints f SET issue_id = h.target, discarded = i.discarded_at IS NOT NULL
    FROM heirs h JOIN issues.issues i ON i.id = h.target WHERE f.issue_id = h.source
    """,
    """
    UPDATE issues.fingerprints f SET issue_id = p.target, discarded = i.discarded_at IS NOT NULL
    FROM pointers p JOIN issues.issues i ON i.id = p.target WHERE f.id = p.fingerprint_id
    """,
)
# One write for each issue: each costs all indexes of the issue. `s` is what its events say, `p`
# what it takes over from issues whose heir it is: events that retention deleted are in no other place.
_WRITE: Final = """
UPDATE issues.issues i SET
    merged_into = h.target, updated_at = now(),
    version = i.version + (h.target IS NOT NULL OR t.lost > 0 OR t.won > 0 OR t.inherited > 0)::int,
    count = CASE WHEN h.target IS NULL THEN t.had - t.lost + t.won + t.inherited ELSE 0 END,
    users = CASE WHEN h.target IS NULL THEN coalesce(u.n, 0) ELSE 0 END,
    sequence_gap = CASE WHEN h.target IS NULL THEN i.sequence_gap + t.lost ELSE 0 END,
    settled_sequence = CASE WHEN h.target IS NOT NULL THEN 0 WHEN t.is_settled
                       THEN t.base + t.won + t.inherited ELSE i.settled_sequence END,
    first_seen = CASE WHEN t.is_settled AND s.kept = t.had - t.lost + t.won + t.inherited THEN s.first_at
                 ELSE least(i.first_seen, s.first_at, p.first_seen) END,
    first_release = CASE WHEN t.is_settled AND s.kept = t.had - t.lost + t.won + t.inherited
                           OR s.first_at < least(i.first_seen, p.first_seen) THEN f.release
                    WHEN p.first_seen < i.first_seen THEN p.first_release ELSE i.first_release END,
    last_seen = CASE WHEN t.is_settled AND s.last_at IS NOT NULL THEN s.last_at
                ELSE greatest(i.last_seen, s.last_at, p.last_seen) END,
    level = CASE WHEN t.is_settled OR s.last_at >= i.last_seen THEN coalesce(l.level, i.level) ELSE i.level END,
    last_release = CASE WHEN t.is_settled OR s.last_at >= i.last_seen THEN coalesce(l.release, i.last_release)
                   ELSE i.last_release END,
    fingerprint = coalesce(s.fingerprint, i.fingerprint),
    title = coalesce(s.title, i.title),
    type = CASE WHEN s.title IS NULL THEN i.type ELSE s.type END,
    culprit = CASE WHEN s.title IS NULL THEN i.culprit ELSE s.culprit END,
    platform = CASE WHEN s.title IS NULL THEN i.platform ELSE s.platform END
FROM (SELECT *, lost > 0 OR had = 0 AS is_settled FROM touched) t
LEFT JOIN heirs h ON h.source = t.issue_id
LEFT JOIN said s ON s.issue_id = t.issue_id
LEFT JOIN issues.events f ON f.project_id = %(project)s AND f.received_at = s.first_at AND f.event_id = s.first_id
LEFT JOIN issues.events l ON l.project_id = %(project)s AND l.received_at = s.last_at AND l.event_id = s.last_id
LEFT JOIN (SELECT issue_id, count(*) AS n FROM issues.issue_users WHERE issue_id IN (SELECT issue_id FROM touched)
           GROUP BY 1) u ON u.issue_id = t.issue_id
LEFT JOIN (
    SELECT h.target, min(o.first_seen) AS first_seen, max(o.last_seen) AS last_seen,
           (array_agg(o.first_release ORDER BY o.first_seen))[1] AS first_release
    FROM heirs h JOIN issues.issues o ON o.id = h.source
    JOIN touched w ON w.issue_id = h.source AND w.lost = 0 GROUP BY 1) p ON p.target = t.issue_id
WHERE i.id = t.issue_id
"""
# An issue that was merged away before goes where its fingerprint goes.
_FOLLOW: Final = """
UPDATE issues.issues i SET merged_into = f.issue_id
FROM issues.fingerprints f
WHERE i.project_id = %s AND i.merged_into IS NOT NULL AND f.project_id = i.project_id
  AND f.fingerprint = i.fingerprint AND f.issue_id NOT IN (i.id, i.merged_into)
"""


def begin_move(cursor: psycopg.Cursor[Any]) -> None:
    """Make the tables that say what goes where; they end with the transaction, whose time has no limit."""
    cursor.execute(_BEGIN)


def move(
    cursor: psycopg.Cursor[Any], project_id: UUID, *, remembered: UUID | None = None, restored: UUID | None = None
) -> int:
    """Move what the tables say; return how many events changed their issue.

    Counts, users, hours, tags and times of every issue are afterwards as if its events had always been its own. No
    sequence number is given twice in an issue, and none of the events that moved will ever tell of a crossing again in
    an issue that had none before.

    Args:
        cursor: In a transaction that holds the project alone (`lock_project_alone`).
        project_id: Whose events they are.
        remembered: The switch of grouping that moves them, to be undone some day.
        restored: The switch of grouping that is undone.
    """
    cursor.execute(_TOUCH)
    cursor.execute(_FLOWS)
    cursor.execute(_IDS, (project_id,))
    move_hours(cursor)
    move_users(cursor)
    move_tags(cursor, project_id)
    for statement in _POINTERS:
        cursor.execute(statement)
    gather(cursor, project_id, remembered=remembered, restored=restored)
    cursor.execute(_WRITE, {"project": project_id})
    cursor.execute(_FOLLOW, (project_id,))
    reword(cursor)
    cursor.execute("SELECT count(*) FROM moved WHERE source <> target")
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])
