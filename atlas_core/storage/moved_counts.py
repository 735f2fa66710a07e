"""Hours, users and tags of events that move: taken from the one issue, given to the other."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core import limits
from atlas_core.storage.bodies import read_tags
from atlas_core.storage.rollups import tags_of

_HOURS: Final = """
CREATE TEMP TABLE moved_hours ON COMMIT DROP AS
SELECT source, target, date_trunc('hour', received_at) AS hour, count(*) AS n FROM moved WHERE apart GROUP BY 1, 2, 3;
UPDATE issues.issue_hours o SET count = o.count - m.n
FROM (SELECT source, hour, sum(n) AS n FROM moved_hours GROUP BY 1, 2) m
WHERE o.issue_id = m.source AND o.hour = m.hour;
DELETE FROM issues.issue_hours o USING moved_hours m WHERE o.issue_id = m.source AND o.hour = m.hour AND o.count <= 0;
INSERT INTO issues.issue_hours AS o (issue_id, hour, count)
SELECT issue_id, hour, sum(n) FROM (
    SELECT target AS issue_id, hour, n FROM moved_hours
    UNION ALL SELECT h.target, o.hour, o.count FROM heirs h JOIN issues.issue_hours o ON o.issue_id = h.source) won
GROUP BY 1, 2
ON CONFLICT (issue_id, hour) DO UPDATE SET count = o.count + excluded.count;
DELETE FROM issues.issue_hours o USING heirs h WHERE o.issue_id = h.source;
"""
# A user stays with an issue while one of its events is theirs.
_USERS: Final = """
CREATE TEMP TABLE moved_users ON COMMIT DROP AS
SELECT DISTINCT source, target, user_hash FROM moved WHERE apart AND user_hash IS NOT NULL;
DELETE FROM issues.issue_users u USING (
    SELECT source, user_hash FROM moved_users
    EXCEPT SELECT e.issue_id, e.user_hash FROM issues.event_ids e WHERE e.issue_id IN (SELECT source FROM moved_users)
    EXCEPT SELECT source, user_hash FROM moved WHERE NOT apart AND source <> target) gone
WHERE u.issue_id = gone.source AND u.user_hash = gone.user_hash;
INSERT INTO issues.issue_users (issue_id, user_hash)
SELECT target, user_hash FROM moved_users
UNION SELECT h.target, u.user_hash FROM heirs h JOIN issues.issue_users u ON u.issue_id = h.source
ON CONFLICT DO NOTHING;
DELETE FROM issues.issue_users u USING heirs h WHERE u.issue_id = h.source;
"""
_PAIRS: Final = """
CREATE TEMP TABLE moved_pairs ON COMMIT DROP AS
SELECT row_number() OVER () AS pair, source, target FROM (SELECT DISTINCT source, target FROM moved WHERE apart) pairs;
CREATE TEMP TABLE moved_tags (pair bigint, key text, value text, n bigint) ON COMMIT DROP;
ANALYZE moved_pairs;
"""
_BODIES: Final = """
SELECT p.pair, e.body
FROM moved m JOIN moved_pairs p USING (source, target)
JOIN issues.events e ON e.project_id = %s AND e.received_at = m.received_at AND e.event_id = m.event_id
WHERE m.apart
"""
_COPY_TAGS: Final = "COPY moved_tags (pair, key, value, n) FROM STDIN (FORMAT BINARY)"
_TAG_TYPES: Final = ("int8", "text", "text", "int8")
_TAKE_TAGS: Final = """
UPDATE issues.issue_tags o SET count = o.count - m.n
FROM (SELECT source, key, value, sum(n) AS n FROM moved_tags JOIN moved_pairs USING (pair) GROUP BY 1, 2, 3) m
WHERE o.issue_id = m.source AND o.key = m.key AND o.value = m.value;
DELETE FROM issues.issue_tags o WHERE o.count <= 0 AND o.issue_id IN (SELECT source FROM moved_pairs);
"""
_WON_TAGS: Final = """
CREATE TEMP TABLE won_tags ON COMMIT DROP AS
SELECT issue_id, key, value, sum(n) AS n FROM (
    SELECT target AS issue_id, key, value, n FROM moved_tags JOIN moved_pairs USING (pair)
    UNION ALL
    SELECT h.target, t.key, t.value, t.count FROM heirs h JOIN issues.issue_tags t ON t.issue_id = h.source) parts
GROUP BY 1, 2, 3;
ANALYZE won_tags;
DELETE FROM issues.issue_tags t USING heirs h WHERE t.issue_id = h.source;
"""
# As in the digest, values past a number of them are not kept; of new ones the most frequent come first.
_GIVE_TAGS: Final = """
WITH known AS (
    UPDATE issues.issue_tags t SET count = t.count + w.n FROM won_tags w
    WHERE t.issue_id = w.issue_id AND t.key = w.key AND t.value = w.value
), there AS (
    SELECT issue_id, key, count(*) AS n FROM issues.issue_tags
    WHERE issue_id IN (SELECT issue_id FROM won_tags) GROUP BY 1, 2
), new AS (
    SELECT *, row_number() OVER (PARTITION BY issue_id, key ORDER BY n DESC, value) AS place FROM won_tags w
    WHERE NOT EXISTS (SELECT FROM issues.issue_tags t
                      WHERE t.issue_id = w.issue_id AND t.key = w.key AND t.value = w.value)
)
INSERT INTO issues.issue_tags (issue_id, key, value, project_id, count)
SELECT issue_id, key, new.value, %s, new.n FROM new LEFT JOIN there USING (issue_id, key)
WHERE new.place + coalesce(there.n, 0) <= %s
"""
_ROWS_AT_ONCE: Final = 2_000
_COUNTED_AT_ONCE: Final = 50_000


def move_hours(cursor: psycopg.Cursor[Any]) -> None:
    """Move the counts by hour."""
    cursor.execute(_HOURS)


def move_users(cursor: psycopg.Cursor[Any]) -> None:
    """Move the users, after the ids have moved."""
    cursor.execute(_USERS)


def move_tags(cursor: psycopg.Cursor[Any], project_id: UUID) -> None:
    """Move the counts by tag, reading the body of each event that parts from its issue."""
    cursor.execute(_PAIRS)
    for counts in _counted(cursor, project_id):
        with cursor.copy(_COPY_TAGS) as copy:
            copy.set_types(_TAG_TYPES)
            for pair, tags in counts.items():
                for tag, n in tags.items():
                    copy.write_row((pair, *tag, n))
    cursor.execute(_TAKE_TAGS)
    cursor.execute(_WON_TAGS)
    cursor.execute(_GIVE_TAGS, (project_id, limits.TAG_VALUES_KEPT))


def _counted(cursor: psycopg.Cursor[Any], project_id: UUID) -> Iterator[dict[int, Counter[tuple[str, str]]]]:
    """Yield counts of tags by the number of their events' source and target, in pieces of bounded size."""
    counts: defaultdict[int, Counter[tuple[str, str]]] = defaultdict(Counter)
    read = 0
    with cursor.connection.cursor(name="moved_bodies", binary=True) as bodies:
        bodies.execute(_BODIES, (project_id,))
        while rows := bodies.fetchmany(_ROWS_AT_ONCE):
            for (pair, _), tagged in zip(rows, read_tags([row[1] for row in rows]), strict=True):
                counts[pair].update(tags_of(tagged))
            read += len(rows)
            if read >= _COUNTED_AT_ONCE:
                yield counts
                counts.clear()
                read = 0
    yield counts
