"""Counts by hour, tag and release, kept exact by the transaction that counts the events."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core import limits
from atlas_core.events import Event
from atlas_core.storage.issue_states import State

_HOURS: Final = """
INSERT INTO issues.issue_hours AS h (issue_id, hour, count)
SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::bigint[])
ON CONFLICT (issue_id, hour) DO UPDATE SET count = h.count + excluded.count
"""
# A tag with a value of its own for every event (a request id) would make as many rows: new values past a number of
# them are not kept.
_TAGS: Final = """
INSERT INTO issues.issue_tags AS t (issue_id, key, value, project_id, count)
SELECT n.* FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::bigint[]) AS n(i, key, value, p, c)
WHERE EXISTS (SELECT FROM issues.issue_tags o WHERE o.issue_id = n.i AND o.key = n.key AND o.value = n.value)
   OR (SELECT count(*) FROM issues.issue_tags o WHERE o.issue_id = n.i AND o.key = n.key) < %s
ON CONFLICT (issue_id, key, value) DO UPDATE SET count = t.count + excluded.count
"""
_RELEASES: Final = """
INSERT INTO issues.releases AS r (project_id, release, first_seen, last_seen, events, new_issues, regressions)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::bigint[],
                     %s::bigint[])
ON CONFLICT (project_id, release) DO UPDATE SET
    first_seen = LEAST(r.first_seen, excluded.first_seen), last_seen = GREATEST(r.last_seen, excluded.last_seen),
    events = r.events + excluded.events, new_issues = r.new_issues + excluded.new_issues,
    regressions = r.regressions + excluded.regressions
"""
_PROJECT_HOURS: Final = """
INSERT INTO issues.project_hours AS h (project_id, hour, level, count)
SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::bigint[])
ON CONFLICT (project_id, hour, level) DO UPDATE SET count = h.count + excluded.count
"""
_DROPS: Final = """
INSERT INTO issues.drop_hours AS h (project_id, hour, reason, count)
SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::bigint[])
ON CONFLICT (project_id, hour, reason) DO UPDATE SET count = h.count + excluded.count
"""


def add_rollups(
    cursor: psycopg.Cursor[Any], by_issue: Mapping[UUID, list[Event]], states: Mapping[UUID, State]
) -> None:
    """Add the events of a batch to every rollup.

    Rows of one issue first, while its lock is held anyway; rows that a project's issues share come last.
    """
    _add(cursor, _HOURS, _issue_hours(by_issue))
    _add(cursor, _TAGS, _issue_tags(by_issue), limits.TAG_VALUES_KEPT)
    _add(cursor, _RELEASES, _releases(by_issue, states))
    events = [event for members in by_issue.values() for event in members]
    _add(cursor, _PROJECT_HOURS, _counted((e.project_id, hour_of(e), e.level.value) for e in events))


def add_drops(cursor: psycopg.Cursor[Any], events: Iterable[Event], reason: str) -> None:
    """Count events that were accepted and are not kept."""
    _add(cursor, _DROPS, _counted((event.project_id, hour_of(event), reason) for event in events))


def hour_of(event: Event) -> datetime:
    """Return the full hour, in UTC, in which the event was received."""
    return event.received_at.replace(minute=0, second=0, microsecond=0)


def tags_of(event: Event) -> dict[str, str]:
    """Return what an issue can be searched by: the event's tags, its release and its environment."""
    known = {"release": event.release, "environment": event.environment}
    return event.tags | {key: value for key, value in known.items() if value}


def _issue_hours(by_issue: Mapping[UUID, list[Event]]) -> list[tuple[Any, ...]]:
    return _counted((issue_id, hour_of(event)) for issue_id, members in by_issue.items() for event in members)


def _issue_tags(by_issue: Mapping[UUID, list[Event]]) -> list[tuple[Any, ...]]:
    return _counted(
        (issue_id, key, value[: limits.TAG_VALUE_INDEXED_CHARACTERS], event.project_id)
        for issue_id, members in by_issue.items()
        for event in members
        for key, value in tags_of(event).items()
    )


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
