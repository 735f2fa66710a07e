"""What must be true of a project's issues, whatever was merged, split, counted or repeated."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from atlas_core.events import Event
from tests.services.desk import Desk

_EVENTS = """
SELECT e.event_id, e.issue_id, e.sequence, f.issue_id, encode(f.fingerprint, 'hex')
FROM issues.event_ids e JOIN issues.fingerprints f ON f.id = e.fingerprint_id WHERE e.project_id = :p
"""
_ISSUES = """
SELECT id, count, users, sequence_gap, settled_sequence, first_seen, last_seen, level, encode(fingerprint, 'hex')
FROM issues.issues WHERE project_id = :p AND merged_into IS NULL
"""


def places(desk: Desk) -> dict[UUID, UUID]:
    """Return the issue of each event, by its id."""
    return {row[0]: row[1] for row in desk.sql(_EVENTS, p=desk.project)}


def check(desk: Desk, events: Iterable[Event]) -> dict[UUID, list[Event]]:
    """Compare all that is kept of the project's issues with what these events make; return the events by issue."""
    sent = {event.event_id: event for event in events}
    rows = desk.sql(_EVENTS, p=desk.project)
    assert sorted(row[0] for row in rows) == sorted(sent)
    assert all(row[1] == row[3] for row in rows), "an event lies in another issue than its fingerprint"
    by_issue: dict[UUID, list[Event]] = defaultdict(list)
    sequences: dict[UUID, list[int]] = defaultdict(list)
    fingerprints: dict[UUID, set[str]] = defaultdict(set)
    for event_id, issue_id, sequence, _, fingerprint in rows:
        by_issue[issue_id].append(sent[event_id])
        sequences[issue_id].append(sequence)
        fingerprints[issue_id].add(fingerprint)
    issues = {row[0]: row[1:] for row in desk.sql(_ISSUES, p=desk.project)}
    assert set(issues) == set(by_issue)
    for issue_id, (count, users, gap, settled, first, last, level, fingerprint) in issues.items():
        members = by_issue[issue_id]
        assert count == len(members)
        assert users == len({event.user["id"] for event in members if event.user})
        assert (first, last) == (min(e.received_at for e in members), max(e.received_at for e in members))
        assert level in {event.level.value for event in members if event.received_at == last}
        assert len(set(sequences[issue_id])) == count
        assert max(sequences[issue_id]) <= count + gap
        assert gap >= 0
        assert 0 <= settled <= count + gap
        assert fingerprint in fingerprints[issue_id]
    _check_rollups(desk, by_issue)
    return by_issue


def _check_rollups(desk: Desk, by_issue: Mapping[UUID, list[Event]]) -> None:
    def found(columns: str, table: str) -> dict[Any, int]:
        query = (
            f"SELECT r.issue_id, {columns}, r.count FROM issues.{table} r "  # noqa: S608 - constants only
            "JOIN issues.issues i ON i.id = r.issue_id"
        )
        rows = desk.sql(f"{query} WHERE i.project_id = :p", p=desk.project)
        return {row[:-1]: row[-1] for row in rows}

    pairs = [(issue_id, event) for issue_id, members in by_issue.items() for event in members]
    hours = Counter((issue_id, e.received_at.replace(minute=0, second=0, microsecond=0)) for issue_id, e in pairs)
    assert found("r.hour", "issue_hours") == hours
    tags = Counter((issue_id, key, value) for issue_id, e in pairs for key, value in _tags(e).items())
    assert found("r.key, r.value", "issue_tags") == tags
    users = {(issue_id, e.user["id"]) for issue_id, e in pairs if e.user}
    query = "SELECT count(*) FROM issues.issue_users u JOIN issues.issues i ON i.id = u.issue_id"
    assert desk.sql(f"{query} WHERE i.project_id = :p", p=desk.project) == [(len(users),)]


def _tags(event: Event) -> dict[str, str]:
    known = {"release": event.release, "environment": event.environment}
    return event.tags | {key: value for key, value in known.items() if value}
