"""Shows what a grouping would do: with titles and examples, the largest merges and splits first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core.regrouping.comparison import Comparison, Part

Json = dict[str, Any]

_ISSUES: Final = """
SELECT n.number, i.id, i.title, i.level, i.status, i.count, n.discarded
FROM numbered n JOIN issues.issues i ON i.id = n.issue_id WHERE n.number = ANY(%s::int[])
"""
_ISSUE: Final = ("id", "title", "level", "status", "count", "discarded")
_IDS: Final = "SELECT number, issue_id FROM numbered"
# LIMIT 1 has each event looked up; a planner would rather read all of them. Only an array of the column's own type is
# hashed: one of another is searched from its beginning for each row.
_EXAMPLES: Final = """
SELECT k.number, e.event_id, e.type, left(e.message, 200), encode(k.digest, 'hex')
FROM keys k JOIN samples s USING (number) CROSS JOIN LATERAL (
    SELECT e.event_id, e.type, e.message FROM issues.events e
    WHERE e.project_id = %s AND e.received_at = s.received_at AND e.event_id = s.event_id LIMIT 1) e
WHERE k.number = ANY(%s::bigint[])
"""
GROUPS_SHOWN: Final = 100
PARTS_SHOWN: Final = 20


def shown(cursor: psycopg.Cursor[Any], project_id: UUID, comparison: Comparison) -> Json:
    """Return a comparison as data: totals, and the largest merges and splits with their largest parts."""
    merges = [parts[:PARTS_SHOWN] for parts in comparison.merges[:GROUPS_SHOWN]]
    splits = [parts[:PARTS_SHOWN] for parts in comparison.splits[:GROUPS_SHOWN]]
    parts = [part for group in (*merges, *splits) for part in group]
    issues = _issues(cursor, parts)
    examples = _examples(cursor, project_id, parts)
    return {
        **totals(comparison),
        "merged_issues": sum(len(group) for group in comparison.merges),
        "merges": {
            "total": len(comparison.merges),
            "shown": [
                _totals(whole) | {"into": _target(group[0], issues), "issues": [_issue(part, issues) for part in group]}
                for whole, group in zip(comparison.merges, merges, strict=False)
            ],
        },
        "splits": {
            "total": len(comparison.splits),
            "shown": [
                _totals(whole)
                | {"issue": issues[group[0].issue], "parts": [_part(part, issues, examples) for part in group]}
                for whole, group in zip(comparison.splits, splits, strict=False)
            ],
        },
    }


def totals(comparison: Comparison) -> Json:
    """Return how many events and issues a comparison is about."""
    return {
        "events": comparison.events,
        "issues_before": comparison.issues_before,
        "issues_after": comparison.issues_after,
        "unaffected": comparison.unaffected,
        "discarded_stored_again": comparison.discarded_stored_again,
    }


def every_part(cursor: psycopg.Cursor[Any], comparison: Comparison) -> Iterator[Json]:
    """Return, one after the other, where events of each issue go that merges or splits.

    `into` is null when they need an issue of their own; parts with one `fingerprint` go to the same one.
    """
    ids: dict[int, UUID] = dict(cursor.execute(_IDS).fetchall())
    affected = {(part.issue, part.target): part for group in (*comparison.merges, *comparison.splits) for part in group}
    return (
        {
            "issue_id": ids[part.issue],
            "into": ids[part.target] if isinstance(part.target, int) else None,
            "fingerprint": part.target.hex() if isinstance(part.target, bytes) else None,
            "events": part.count,
        }
        for part in affected.values()
    )


def _totals(parts: Sequence[Part]) -> Json:
    return {"events": sum(part.count for part in parts), "parts_total": len(parts)}


def _target(part: Part, issues: Mapping[int, Json]) -> Json | None:
    return issues[part.target] if isinstance(part.target, int) else None


def _issue(part: Part, issues: Mapping[int, Json]) -> Json:
    return issues[part.issue] | {"events": part.count}


def _part(part: Part, issues: Mapping[int, Json], examples: Mapping[int, Json]) -> Json:
    """Return one part; `into` is null when it needs an issue of its own."""
    return {"events": part.count, "into": _target(part, issues), "example": examples.get(part.sample)}


def _issues(cursor: psycopg.Cursor[Any], parts: Sequence[Part]) -> dict[int, Json]:
    asked = {part.issue for part in parts} | {part.target for part in parts if isinstance(part.target, int)}
    rows = cursor.execute(_ISSUES, (list(asked),)).fetchall()
    return {row[0]: dict(zip(_ISSUE, row[1:], strict=True)) for row in rows}


def _examples(cursor: psycopg.Cursor[Any], project_id: UUID, parts: Sequence[Part]) -> dict[int, Json]:
    rows = cursor.execute(_EXAMPLES, (project_id, list({part.sample for part in parts}))).fetchall()
    return {row[0]: dict(zip(("event_id", "type", "message", "fingerprint"), row[1:], strict=True)) for row in rows}
