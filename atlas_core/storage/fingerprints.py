"""From events to the issues they belong to: by project, strategy and fingerprint."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
import psycopg

from atlas_core import limits
from atlas_core.events import Event
from atlas_core.grouping import Grouping

# Held shared while events are counted, exclusively while issues are merged or regrouped.
_LOCK: Final = """
SELECT pg_advisory_xact_lock_shared(hashtextextended(project::text, 0))
FROM (SELECT unnest(%b::uuid[]) AS project ORDER BY 1) asked
"""
_GROUPINGS: Final = "SELECT project_id, grouping FROM issues.project_settings WHERE project_id = ANY(%s)"
_FIND: Final = """
SELECT f.project_id, f.fingerprint, f.id, f.issue_id, f.discarded
FROM unnest(%b::uuid[], %b::bytea[]) AS asked(project_id, fingerprint)
JOIN issues.fingerprints f USING (project_id, fingerprint)
"""
_ADD: Final = """
INSERT INTO issues.fingerprints (project_id, fingerprint, issue_id, strategy)
SELECT * FROM unnest(%b::uuid[], %b::bytea[], %b::uuid[], %b::text[])
ON CONFLICT (project_id, fingerprint) DO NOTHING RETURNING issue_id
"""
_ADD_ISSUES: Final = """
INSERT INTO issues.issues (id, project_id, fingerprint, title, type, culprit, platform, level, first_seen, last_seen,
                           first_release)
SELECT i, p, f, title, kind, culprit, platform, level, at, at, release
FROM unnest(%b::uuid[], %b::uuid[], %b::bytea[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
            %b::timestamptz[], %b::text[]) AS made(i, p, f, title, kind, culprit, platform, level, at, release)
"""
_ADD_WORDS: Final = """
INSERT INTO issues.issue_words (issue_id, project_id, words)
SELECT i, p, issues.words(words) FROM unnest(%b::uuid[], %b::uuid[], %b::text[]) AS made(i, p, words)
"""
_Key = tuple[UUID, bytes]  # project, fingerprint


class Target(msgspec.Struct, frozen=True):
    """Where events of one fingerprint go."""

    fingerprint: bytes
    strategy: str
    fingerprint_id: int
    issue_id: UUID
    discarded: bool


class Group(msgspec.Struct):
    """Events of one project and fingerprint, in the order of their arrival."""

    project_id: UUID
    fingerprint: bytes
    strategy: str
    members: list[Event]


def lock_projects(cursor: psycopg.Cursor[Any], project_ids: Iterable[UUID]) -> None:
    """Wait until nobody regroups these projects, and keep it so until the transaction ends."""
    cursor.execute(_LOCK, (list(project_ids),))


def lock_project_alone(cursor: psycopg.Cursor[Any], project_id: UUID) -> None:
    """Wait until nobody counts events of this project or works on its issues, and keep all out until the end."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s::uuid::text, 0))", (project_id,))


def grouped(cursor: psycopg.Cursor[Any], events: Sequence[Event]) -> list[Group]:
    """Return the events by fingerprint, each under its project's own grouping."""
    cursor.execute(_GROUPINGS, (list({event.project_id for event in events}),))
    groupings = {row[0]: msgspec.convert(row[1], Grouping) for row in cursor.fetchall()}
    default = Grouping()
    found: dict[_Key, Group] = {}
    for event in events:
        made = groupings.get(event.project_id, default).fingerprint(event)
        group = found.setdefault(
            (event.project_id, made.digest), Group(event.project_id, made.digest, made.strategy, [])
        )
        group.members.append(event)
    return [found[key] for key in sorted(found)]


def targets_of(cursor: psycopg.Cursor[Any], groups: Sequence[Group]) -> dict[Target, list[Event]]:
    """Return where the events of each group go, making an issue for each fingerprint that is new.

    Args:
        cursor: In the transaction that counts the events.
        groups: Sorted by project and fingerprint, so that two workers take the keys in one order.
    """
    known = _find(cursor, groups)
    missing = [group for group in groups if (group.project_id, group.fingerprint) not in known]
    if missing:
        _add(cursor, missing)
        known |= _find(cursor, missing)
    targets: dict[Target, list[Event]] = {}
    for group in groups:
        row = known[group.project_id, group.fingerprint]
        targets[Target(group.fingerprint, group.strategy, row[2], row[3], row[4])] = group.members
    return targets


def _find(cursor: psycopg.Cursor[Any], groups: Sequence[Group]) -> dict[_Key, tuple[Any, ...]]:
    cursor.execute(_FIND, ([group.project_id for group in groups], [group.fingerprint for group in groups]))
    return {(row[0], row[1]): row for row in cursor.fetchall()}


def _add(cursor: psycopg.Cursor[Any], groups: Sequence[Group]) -> None:
    """Add what is missing; a fingerprint that another worker adds meanwhile stays that worker's."""
    made: Mapping[UUID, Group] = {uuid4(): group for group in groups}
    rows = [(group.project_id, group.fingerprint, issue_id, group.strategy) for issue_id, group in made.items()]
    cursor.execute(_ADD, _columns(rows))
    ours = {row[0] for row in cursor.fetchall()}
    issues = [_issue_row(issue_id, group) for issue_id, group in made.items() if issue_id in ours]
    if issues:
        cursor.execute(_ADD_ISSUES, _columns(issues))
        cursor.execute(_ADD_WORDS, _columns([(row[0], row[1], _words(made[row[0]].members[0])) for row in issues]))


def told(event: Event) -> tuple[str | None, ...]:
    """Return what an issue says of itself by its first event: title, type, culprit and platform."""
    title, culprit = event.title[: limits.TITLE_CHARACTERS], event.culprit
    return title, event.type, culprit[: limits.TITLE_CHARACTERS] if culprit else None, event.platform


def _issue_row(issue_id: UUID, group: Group) -> tuple[Any, ...]:
    first = group.members[0]
    return (
        issue_id, group.project_id, group.fingerprint, *told(first), first.level.value, first.received_at,
        first.release,
    )  # fmt: skip


def _words(event: Event) -> str:
    return f"{event.type or ''} {event.message[: limits.TITLE_CHARACTERS * 2]} {event.culprit or ''}"


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
