"""What issues say of themselves once their events have moved: title, times, level, releases, words, fingerprint."""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core import limits
from atlas_core.storage.bodies import read_events
from atlas_core.storage.fingerprints import told

# How many of an issue's fingerprints lend it words to be found by.
_WORDED: Final = 50
_FILED: Final = """
CREATE TEMP TABLE filed ON COMMIT DROP AS
SELECT e.issue_id, e.fingerprint_id, f.fingerprint, count(*) AS n, min(e.received_at) AS at
FROM issues.event_ids e JOIN touched t ON t.issue_id = e.issue_id JOIN issues.fingerprints f ON f.id = e.fingerprint_id
GROUP BY 1, 2, 3;
ANALYZE filed;
"""
# `fingerprint` is that of most of an issue's events where its own has none left, `kept` how many events there are.
_SAID: Final = """
CREATE TEMP TABLE said ON COMMIT DROP AS
SELECT t.issue_id, k.kept, CASE WHEN NOT k.has_own THEN k.main END AS fingerprint, t.had = 0 OR NOT k.has_own AS retold,
       first.event_id AS first_id, first.received_at AS first_at, last.event_id AS last_id, last.received_at AS last_at,
       NULL::text AS title, NULL::text AS type, NULL::text AS culprit, NULL::text AS platform, NULL::text AS stack_trace
FROM touched t
JOIN (SELECT d.issue_id, sum(d.n) AS kept, bool_or(d.fingerprint = i.fingerprint) AS has_own,
             (array_agg(d.fingerprint ORDER BY d.n DESC, d.fingerprint_id))[1] AS main
      FROM filed d JOIN issues.issues i ON i.id = d.issue_id GROUP BY 1) k USING (issue_id),
LATERAL (SELECT event_id, received_at FROM issues.event_ids e WHERE e.issue_id = t.issue_id
         ORDER BY received_at, event_id LIMIT 1) first,
LATERAL (SELECT event_id, received_at FROM issues.event_ids e WHERE e.issue_id = t.issue_id
         ORDER BY received_at DESC, event_id DESC LIMIT 1) last;
UPDATE said s SET retold = false FROM touched t WHERE t.issue_id = s.issue_id AND t.had > 0 AND t.lost = 0;
ALTER TABLE said ADD PRIMARY KEY (issue_id);
ANALYZE said;
"""
_REMEMBER: Final = """
INSERT INTO issues.grouping_change_issues
    (change_id, issue_id, fingerprint, title, type, culprit, platform, stack_trace)
SELECT %s, i.id, i.fingerprint, CASE WHEN s.retold THEN i.title END, i.type, i.culprit, i.platform,
       CASE WHEN s.retold THEN coalesce(o.stack_trace, '') END
FROM touched t JOIN said s USING (issue_id) JOIN issues.issues i ON i.id = t.issue_id
LEFT JOIN issues.issue_traces o ON o.issue_id = i.id WHERE t.had > 0
"""
_RESTORE: Final = """
UPDATE said s
SET fingerprint = r.fingerprint, title = coalesce(r.title, s.title),
    type = CASE WHEN r.title IS NULL THEN s.type ELSE r.type END,
    culprit = CASE WHEN r.title IS NULL THEN s.culprit ELSE r.culprit END,
    platform = CASE WHEN r.title IS NULL THEN s.platform ELSE r.platform END,
    stack_trace = coalesce(r.stack_trace, s.stack_trace)
FROM issues.grouping_change_issues r WHERE r.change_id = %s AND r.issue_id = s.issue_id
"""
_FIRST_BODIES: Final = """
SELECT s.issue_id, e.body
FROM said s JOIN issues.events e ON e.project_id = %s AND e.received_at = s.first_at AND e.event_id = s.first_id
WHERE s.retold
"""
_TITLES: Final = """
UPDATE said s
SET title = n.title, type = n.type, culprit = n.culprit, platform = n.platform, stack_trace = n.stack_trace
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
     AS n(id, title, type, culprit, platform, stack_trace)
WHERE s.issue_id = n.id
"""
# An heir without a stack trace takes the oldest that it can have.
_TRACES: Final = """
DELETE FROM issues.issue_traces o USING said s WHERE o.issue_id = s.issue_id AND s.stack_trace IS NOT NULL;
INSERT INTO issues.issue_traces (issue_id, stack_trace) SELECT issue_id, stack_trace FROM said WHERE stack_trace <> '';
INSERT INTO issues.issue_traces (issue_id, stack_trace)
SELECT DISTINCT ON (h.target) h.target, o.stack_trace
FROM heirs h JOIN issues.issue_traces o ON o.issue_id = h.source JOIN issues.issues i ON i.id = h.source
JOIN touched w ON w.issue_id = h.source AND w.lost = 0
WHERE NOT EXISTS (SELECT FROM issues.issue_traces own WHERE own.issue_id = h.target)
ORDER BY h.target, i.first_seen
"""
_WORDS: Final = f"""
DELETE FROM issues.issue_words w USING touched t WHERE w.issue_id = t.issue_id AND (t.won > 0 OR t.lost > 0
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


def gather(
    cursor: psycopg.Cursor[Any], project_id: UUID, *, remembered: UUID | None = None, restored: UUID | None = None
) -> None:
    """Make `said`: what each issue that has events is to say, found in the events once they have moved.

    An issue is told anew, by its first event, when it had none before or those of its own fingerprint have left it.

    Args:
        cursor: As in `moves.move`.
        project_id: Whose issues.
        remembered: The switch of grouping for whose undoing the words of before are kept.
        restored: The switch of grouping that is undone: its words of before come back.
    """
    cursor.execute(_FILED)
    cursor.execute(_SAID)
    for rows in _told(cursor, project_id):
        cursor.execute(_TITLES, [list(column) for column in zip(*rows, strict=True)])
    if remembered:
        cursor.execute(_REMEMBER, (remembered,))
    if restored:
        cursor.execute(_RESTORE, (restored,))
    cursor.execute(_TRACES)


def reword(cursor: psycopg.Cursor[Any]) -> None:
    """Have issues found by the words of the events that they have now."""
    cursor.execute(_WORDS)


def _told(cursor: psycopg.Cursor[Any], project_id: UUID) -> Iterator[Sequence[tuple[Any, ...]]]:
    with cursor.connection.cursor(name="first_bodies", binary=True) as bodies:
        bodies.execute(_FIRST_BODIES, (project_id,))
        while rows := bodies.fetchmany(_ROWS_AT_ONCE):
            events = read_events([row[1] for row in rows])
            yield [(row[0], *told(event), event.stack_trace) for row, event in zip(rows, events, strict=True)]
