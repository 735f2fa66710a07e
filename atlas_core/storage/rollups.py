"""Counts by hour, tag and release, kept exact by the transaction that counts the events."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core import limits
from atlas_core.events import Event
from atlas_core.storage.bodies import Tagged
from atlas_core.storage.issue_states import State

_HOURS: Final = """
INSERT INTO issues.issue_hours AS h (issue_id, hour, count)
SELECT * FROM unnest(%b::uuid[], %b::timestamptz[], %b::bigint[])
ON CONFLICT (issue_id, hour) DO UPDATE SET count = h.count + excluded.count
"""
_TAGS: Final = """
UPDATE issues.issue_tags t SET count = t.count + n.count
FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::uuid[], %b::bigint[]) AS n(issue_id, key, value, project_id, count)
WHERE t.issue_id = n.issue_id AND t.key = n.key AND t.value = n.value
RETURNING t.issue_id, t.key, t.value
"""
# A tag with a value of its own for every event (a request id) would make as many rows: new values past a number of
# them are not kept.
_NEW_TAGS: Final = """
INSERT INTO issues.issue_tags AS t (issue_id, key, value, project_id, count)
SELECT n.* FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::uuid[], %b::bigint[]) AS n(i, key, value, p, c)
WHERE (SELECT count(*) FROM issues.issue_tags o WHERE o.issue_id = n.i AND o.key = n.key) < %s
"""
_RELEASES: Final = """
INSERT INTO issues.releases AS r (project_id, release, first_seen, last_seen, events, new_issues, regressions)
SELECT * FROM unnest(%b::uuid[], %b::text[], %b::timestamptz[], %b::timestamptz[], %b::bigint[], %b::bigint[],
                     %b::bigint[])
ON CONFLICT (project_id, release) DO UPDATE SET
    first_seen = LEAST(r.first_seen, excluded.first_seen), last_seen = GREATEST(r.last_seen, excluded.last_seen),
    events = r.events + excluded.events, new_issues = r.new_issues + excluded.new_issues,
    regressions = r.regressions + excluded.regressions
"""
_PROJECT_HOURS: Final = """
INSERT INTO issues.project_hours AS h (project_id, hour, level, count)
SELECT * FROM unnest(%b::uuid[], %b::timestamptz[], %b::text[], %b::bigint[])
ON CONFLICT (project_id, hour, level) DO UPDATE SET count = h.count + excluded.count
"""
_DROPS: Final = """
INSERT INTO issues.drop_hours AS h (project_id, hour, reason, count)
SELECT * FROM unnest(%b::uuid[], %b::timestamptz[], %b::text[], %b::bigint[])
ON CONFLICT (project_id, hour, reason) DO UPDATE SET count = h.count + excluded.count
"""


def add_rollups(
    cursor: psycopg.Cursor[Any], by_issue: Mapping[UUID, list[Event]], states: Mapping[UUID, State]
) -> None:
    """Add the events of a batch to every rollup.

    Rows of one issue first, while its lock is held anyway; rows that a project's issues share come last.

    Args:
        cursor: In the transaction that counts the events.
        by_issue: The events, in the order of the issues' ids.
        states: The issues, locked, with the events counted.
    """
    _add(cursor, _HOURS, _issue_hours(by_issue))
    _add_tags(cursor, _issue_tags(by_issue))
    _add(cursor, _RELEASES, _releases(by_issue, states))
    events = [event for members in by_issue.values() for event in members]
    _add(cursor, _PROJECT_HOURS, _counted((e.project_id, hour_of(e), e.level.value) for e in events))


def add_drops(cursor: psycopg.Cursor[Any], events: Iterable[Event], reason: str) -> None:
    """Count events that were accepted and are not kept."""
    _add(cursor, _DROPS, _counted((event.project_id, hour_of(event), reason) for event in events))


def add_drop(cursor: psycopg.Cursor[Any], project_id: UUID, at: datetime, reason: str) -> None:
    """Count one accepted message that is not kept and may not even be an event."""
    _add(cursor, _DROPS, [(project_id, at.replace(minute=0, second=0, microsecond=0), reason, 1)])


def hour_of(event: Event) -> datetime:
    """Return the full hour, in UTC, in which the event was received."""
    return event.received_at.replace(minute=0, second=0, microsecond=0)


def tags_of(event: Event | Tagged) -> list[tuple[str, str]]:
    """Return what an issue can be searched by: the event's tags, its release and its environment; values cut."""
    known = {"release": event.release, "environment": event.environment}
    tags = event.tags | {key: value for key, value in known.items() if value}
    return [(key, value[: limits.TAG_VALUE_INDEXED_CHARACTERS]) for key, value in tags.items()]


def _add_tags(cursor: psycopg.Cursor[Any], rows: list[tuple[Any, ...]]) -> None:
    if not rows:
        return
    cursor.execute(_TAGS, [list(column) for column in zip(*rows, strict=True)])
    known = set(cursor.fetchall())
    _add(cursor, _NEW_TAGS, [row for row in rows if row[:3] not in known], limits.TAG_VALUES_KEPT)


def _issue_hours(by_issue: Mapping[UUID, list[Event]]) -> list[tuple[Any, ...]]:
    return [
        (issue_id, hour, count)
        for issue_id, members in by_issue.items()
        for hour, count in sorted(Counter(map(hour_of, members)).items())
    ]


def _issue_tags(by_issue: Mapping[UUID, list[Event]]) -> list[tuple[Any, ...]]:
    rows = []
    for issue_id, members in by_issue.items():
        counts = Counter(tag for event in members for tag in tags_of(event))
        project_id = members[0].project_id
        rows += [(issue_id, key, value, project_id, count) for (key, value), count in sorted(counts.items())]
    return rows


def _releases(by_issue: Mapping[UUID, list[Event]], states: Mapping[UUID, State]) -> list[tuple[Any, ...]]:
    found: dict[tuple[UUID, str], list[Any]] = {}
    for issue_id, members in by_issue.items():
        state = states[issue_id]
        is_new, begun = state.count == len(members), state.standing.regressed_at
        for n, event in enumerate(members):
            if not event.release:
                continue
            at = event.received_at
            row = found.setdefault((event.project_id, event.release), [at, at, 0, 0, 0])
            row[0], row[1] = min(row[0], at), max(row[1], at)
            row[2] += 1
            row[3] += is_new and n == 0
            row[4] += at == begun
    return [(*key, *found[key]) for key in sorted(found)]


def _counted(keys: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    counts = Counter(keys)
    return [(*key, counts[key]) for key in sorted(counts)]


def _add(cursor: psycopg.Cursor[Any], statement: str, rows: Sequence[tuple[Any, ...]], *more: object) -> None:
    if rows:
        cursor.execute(statement, [*(list(column) for column in zip(*rows, strict=True)), *more])
