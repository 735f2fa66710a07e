"""What issues say of themselves once events have moved: title, times, level, release, words, their own fingerprint."""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core import limits
from atlas_core.events import Event
from atlas_core.storage.bodies import read_event

# How many of an issue's fingerprints lend it words to be found by.
_WORDED: Final = 50
_FILED: Final = """
CREATE TEMP TABLE filed ON COMMIT DROP AS
SELECT e.issue_id, e.fingerprint_id, count(*) AS n, min(e.received_at) AS at
FROM issues.event_ids e JOIN touched t ON t.issue_id = e.issue_id GROUP BY 1, 2;
ANALYZE filed;
CREATE TEMP TABLE edges ON COMMIT DROP AS
SELECT t.issue_id, first.event_id AS first_id, first.received_at AS first_at, last.event_id AS last_id,
       last.received_at AS last_at
FROM touched t,
LATERAL (SELECT event_id, received_at FROM issues.event_ids e WHERE e.issue_id = t.issue_id
         ORDER BY received_at, event_id LIMIT 1) first,
LATERAL (SELECT event_id, received_at FROM issues.event_ids e WHERE e.issue_id = t.issue_id
         ORDER BY received_at DESC, event_id DESC LIMIT 1) last;
ANALYZE edges;
"""
# An issue is told anew when it had no events, or when those of its own fingerprint have left it.
_RETOLD: Final = """
UPDATE touched t SET retold = t.had = 0 OR NOT EXISTS (
    SELECT FROM filed d JOIN issues.fingerprints f ON f.id = d.fingerprint_id
    JOIN issues.issues i ON i.id = d.issue_id AND i.fingerprint = f.fingerprint WHERE d.issue_id = t.issue_id)
WHERE t.had = 0 OR t.lost > 0
"""
_REMEMBER: Final = """
INSERT INTO issues.grouping_change_issues
    (change_id, issue_id, fingerprint, title, type, culprit, platform, stack_trace)
SELECT %s, i.id, i.fingerprint, CASE WHEN t.retold THEN i.title END, i.type, i.culprit, i.platform,
       CASE WHEN t.retold THEN coalesce(s.stack_trace, '') END
FROM touched t JOIN issues.issues i ON i.id = t.issue_id LEFT JOIN issues.issue_traces s ON s.issue_id = i.id
WHERE t.had > 0 AND i.merged_into IS NULL
"""
_RESTORE: Final = """
UPDATE issues.issues i
SET fingerprint = s.fingerprint, title = coalesce(s.title, i.title),
    type = CASE WHEN s.title IS NULL THEN i.type ELSE s.type END,
    culprit = CASE WHEN s.title IS NULL THEN i.culprit ELSE s.culprit END,
    platform = CASE WHEN s.title IS NULL THEN i.platform ELSE s.platform END
FROM issues.grouping_change_issues s WHERE s.change_id = %s AND i.id = s.issue_id AND i.merged_into IS NULL
"""
_RESTORED_TRACES: Final = """
SELECT i.id, s.stack_trace FROM issues.grouping_change_issues s JOIN issues.issues i ON i.id = s.issue_id
WHERE s.change_id = %s AND s.stack_trace IS NOT NULL AND i.merged_into IS NULL
"""
_FINGERPRINT: Final = """
UPDATE issues.issues i SET fingerprint = best.fingerprint
FROM (SELECT DISTINCT ON (d.issue_id) d.issue_id, f.fingerprint
      FROM filed d JOIN issues.fingerprints f ON f.id = d.fingerprint_id
      ORDER BY d.issue_id, d.n DESC, f.id) best
WHERE i.id = best.issue_id AND NOT EXISTS (
    SELECT FROM filed d JOIN issues.fingerprints f ON f.id = d.fingerprint_id
    WHERE d.issue_id = i.id AND f.fingerprint = i.fingerprint)
"""
# What the heir takes over from an issue whole; events that retention deleted are in no other place.
_INHERIT: Final = """
UPDATE issues.issues i SET
    first_seen = least(i.first_seen, s.first_seen), last_seen = greatest(i.last_seen, s.last_seen),
    first_release = CASE WHEN s.first_seen < i.first_seen THEN s.first_release ELSE i.first_release END
FROM (SELECT h.target, min(o.first_seen) AS first_seen, max(o.last_seen) AS last_seen,
             (array_agg(o.first_release ORDER BY o.first_seen))[1] AS first_release
      FROM heirs h JOIN issues.issues o ON o.id = h.source
      JOIN touched w ON w.issue_id = h.source AND w.lost = 0
      GROUP BY 1) s
WHERE i.id = s.target
"""
_INHERIT_TRACES: Final = """
INSERT INTO issues.issue_traces (issue_id, stack_trace)
SELECT DISTINCT ON (h.target) h.target, s.stack_trace
FROM heirs h JOIN issues.issues o ON o.id = h.source JOIN issues.issue_traces s ON s.issue_id = o.id
JOIN touched w ON w.issue_id = h.source AND w.lost = 0
ORDER BY h.target, o.first_seen
ON CONFLICT DO NOTHING
"""
_LAST: Final = """
UPDATE issues.issues i
SET last_seen = g.last_at, level = e.level, last_release = coalesce(e.release, i.last_release)
FROM edges g JOIN touched t USING (issue_id)
JOIN issues.events e ON e.project_id = %s AND e.received_at = g.last_at AND e.event_id = g.last_id
WHERE i.id = g.issue_id AND (t.lost > 0 OR t.had = 0 OR g.last_at >= i.last_seen)
"""
_FIRST: Final = """
UPDATE issues.issues i SET first_seen = g.first_at, first_release = e.release
FROM edges g JOIN touched t USING (issue_id)
JOIN (SELECT issue_id, sum(n) AS kept FROM filed GROUP BY 1) k USING (issue_id)
JOIN issues.events e ON e.project_id = %s AND e.received_at = g.first_at AND e.event_id = g.first_id
WHERE i.id = g.issue_id
  AND (g.first_at < i.first_seen OR (k.kept = i.count AND (t.lost > 0 OR t.had = 0)))
"""
_FIRST_BODIES: Final = """
SELECT g.issue_id, e.body FROM edges g JOIN touched t USING (issue_id)
JOIN issues.events e ON e.project_id = %s AND e.received_at = g.first_at AND e.event_id = g.first_id
WHERE t.retold
"""
_TITLES: Final = """
UPDATE issues.issues i
SET title = n.title, type = n.type, culprit = n.culprit, platform = n.platform
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[]) AS n(id, title, type, culprit, platform)
WHERE i.id = n.id
"""
_DELETE_TRACES: Final = "DELETE FROM issues.issue_traces WHERE issue_id = ANY(%s)"
_TRACES: Final = """
INSERT INTO issues.issue_traces (issue_id, stack_trace)
SELECT * FROM unnest(%s::uuid[], %s::text[]) AS n(id, stack_trace) WHERE n.stack_trace <> ''
"""
_WORDS: Final = f"""
DELETE FROM issues.issue_words w USING touched t WHERE w.issue_id = t.issue_id AND (t.retold OR t.won > 0 OR t.lost > 0
    OR EXISTS (SELECT FROM heirs h WHERE h.target = t.issue_id));
INSERT INTO issues.issue_words (issue_id, project_id, words)
SELECT i.id, i.project_id, issues.words(concat_ws(' ', i.title, i.culprit, said.words, (
    SELECT string_agg(c.culprit, ' ') FROM (
        SELECT o.culprit FROM heirs h JOIN issues.issues o ON o.id = h.source
        WHERE h.target = i.id ORDER BY o.id LIMIT {_WORDED}) c)))
FROM touched t JOIN issues.issues i ON i.id = t.issue_id
LEFT JOIN (
    SELECT d.issue_id, string_agg(concat_ws(' ', e.type, left(e.message, {limits.TITLE_CHARACTERS * 2})), ' ') AS words
    FROM (SELECT *, row_number() OVER (PARTITION BY issue_id ORDER BY n DESC, fingerprint_id) AS place FROM filed) d
    JOIN issues.event_ids k ON k.issue_id = d.issue_id AND k.received_at = d.at AND k.fingerprint_id = d.fingerprint_id
    JOIN issues.events e ON e.project_id = k.project_id AND e.received_at = k.received_at AND e.event_id = k.event_id
    WHERE d.place <= {_WORDED} GROUP BY 1) said ON said.issue_id = i.id
WHERE i.merged_into IS NULL
ON CONFLICT (issue_id) DO NOTHING
"""  # noqa: S608 - constants only
_ROWS_AT_ONCE: Final = 500


def retell(
    cursor: psycopg.Cursor[Any], project_id: UUID, *, remembered: UUID | None = None, restored: UUID | None = None
) -> None:
    """Bring up to date what issues say of themselves, after `moves.move` has moved their events.

    Args:
        cursor: As in `moves.move`.
        project_id: Whose issues.
        remembered: The switch of grouping for whose undoing the words of before are kept.
        restored: The switch of grouping that is undone: its words of before come back.
    """
    cursor.execute(_FILED)
    cursor.execute(_RETOLD)
    if remembered:
        cursor.execute(_REMEMBER, (remembered,))
    cursor.execute(_FINGERPRINT)
    cursor.execute(_INHERIT)
    cursor.execute(_INHERIT_TRACES)
    cursor.execute(_LAST, (project_id,))
    cursor.execute(_FIRST, (project_id,))
    for rows in _told(cursor, project_id):
        *told, traces = (list(column) for column in zip(*rows, strict=True))
        cursor.execute(_TITLES, told)
        _set_traces(cursor, told[0], traces)
    if restored:
        cursor.execute(_RESTORE, (restored,))
        found = cursor.execute(_RESTORED_TRACES, (restored,)).fetchall()
        _set_traces(cursor, [row[0] for row in found], [row[1] for row in found])
    cursor.execute(_WORDS)


def _set_traces(cursor: psycopg.Cursor[Any], issue_ids: list[UUID], traces: list[str]) -> None:
    cursor.execute(_DELETE_TRACES, (issue_ids,))
    cursor.execute(_TRACES, (issue_ids, traces))


def _told(cursor: psycopg.Cursor[Any], project_id: UUID) -> Iterator[Sequence[tuple[Any, ...]]]:
    with cursor.connection.cursor(name="first_bodies") as bodies:
        bodies.execute(_FIRST_BODIES, (project_id,))
        while rows := bodies.fetchmany(_ROWS_AT_ONCE):
            yield [(issue_id, *_telling(read_event(body))) for issue_id, body in rows]


def _telling(event: Event) -> tuple[str | None, ...]:
    culprit = event.culprit
    return (
        event.title[: limits.TITLE_CHARACTERS], event.type, culprit[: limits.TITLE_CHARACTERS] if culprit else None,
        event.platform, event.stack_trace,
    )  # fmt: skip
