"""The issues that a batch touches: locked, counted, and what became of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg

from atlas_core import limits
from atlas_core.events import Event, Level, utc_now
from atlas_core.issues import IssueUpdate, Status
from atlas_core.stack_traces import near_crash
from atlas_core.storage.issue_rows import user_hash
from atlas_core.workflow import Arrival, Standing, after_arrival

STANDING: Final = Standing.__struct_fields__
_READ: Final = f"""
SELECT id, project_id, title, level, count, users, first_seen, last_seen,
       EXISTS (SELECT FROM issues.issue_traces t WHERE t.issue_id = id), updated_at,
       sequence_gap, settled_sequence,
       {", ".join(STANDING)}
FROM issues.issues WHERE id = ANY(%s) ORDER BY id
"""  # noqa: S608 - constants only
_ADD_USERS: Final = """
INSERT INTO issues.issue_users (issue_id, user_hash) SELECT * FROM unnest(%b::uuid[], %b::bigint[])
ON CONFLICT DO NOTHING RETURNING issue_id
"""
_COUNT: Final = """
UPDATE issues.issues i SET
    count = n.count, users = n.users, level = n.level, first_seen = n.first_seen, last_seen = n.last_seen,
    last_release = coalesce(n.release, i.last_release), updated_at = n.updated_at
FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::text[], %b::timestamptz[], %b::timestamptz[], %b::text[],
            %b::timestamptz[])
     AS n(id, count, users, level, first_seen, last_seen, release, updated_at)
WHERE i.id = n.id
"""
_ADD_TRACES: Final = """
INSERT INTO issues.issue_traces (issue_id, stack_trace) SELECT * FROM unnest(%b::uuid[], %b::text[])
ON CONFLICT DO NOTHING
"""
_STAND: Final = f"""
UPDATE issues.issues SET version = version + 1, {", ".join(f"{name} = %({name})s" for name in STANDING)}
WHERE id = %(id)s
"""  # noqa: S608 - constants only
_TELL: Final = """
INSERT INTO issues.activities (project_id, issue_id, action_id, kind, detail)
VALUES (%s, %s, gen_random_uuid(), %s, jsonb_build_object('release', %s::text, 'count', %s::bigint))
"""
_RELEASES: Final = "SELECT release, first_seen FROM issues.releases WHERE project_id = %s AND release = ANY(%s)"


class State(msgspec.Struct):
    """An issue as the batch finds it, and then leaves it."""

    id: UUID
    project_id: UUID
    title: str
    level: Level
    count: int
    users: int
    first_seen: datetime
    last_seen: datetime
    has_trace: bool
    updated_at: datetime
    sequence_gap: int
    settled_sequence: int
    standing: Standing

    def count_before(self, sequence: int) -> int:
        """Return how many of the issue's events came before one of these; all, when regrouping brought it here."""
        return max(sequence - 1, self.settled_sequence) - self.sequence_gap


class Marks:
    """For each issue of a batch: its lowest sequence number, its worst level, the crash end of its latest trace."""

    def __init__(self) -> None:
        self.first: dict[UUID, int] = {}
        self.worst: dict[UUID, Level] = {}
        self.trace: dict[UUID, str] = {}
        self.times: dict[UUID, set[datetime]] = {}

    @property
    def issue_ids(self) -> set[UUID]:
        """The issues of the batch."""
        return set(self.first)

    def add(self, issue_id: UUID, first_sequence: int, members: Sequence[Event]) -> None:
        """Note events of one issue, counted now or before, numbered from `first_sequence` on."""
        self.first[issue_id] = min(first_sequence, self.first.get(issue_id, first_sequence))
        levels = {event.level for event in members}
        if issue_id in self.worst:
            levels.add(self.worst[issue_id])
        self.worst[issue_id] = max(levels, key=lambda level: level.severity)
        self.times.setdefault(issue_id, set()).update(event.received_at for event in members)
        trace = next((event.stack_trace for event in reversed(members) if event.stack_trace), "")
        if trace:
            self.trace[issue_id] = near_crash(trace, limits.UPDATE_STACK_CHARACTERS)


def lock_states(cursor: psycopg.Cursor[Any], issue_ids: Iterable[UUID]) -> dict[UUID, State]:
    """Return these issues, locked in the order of their ids."""
    return _read(cursor, issue_ids, _READ + "FOR UPDATE")


def read_states(cursor: psycopg.Cursor[Any], issue_ids: Iterable[UUID]) -> dict[UUID, State]:
    """Return these issues as they are."""
    return _read(cursor, issue_ids, _READ)


def count_events(
    cursor: psycopg.Cursor[Any], states: Mapping[UUID, State], by_issue: Mapping[UUID, list[Event]]
) -> None:
    """Count the events into their locked issues, and let the issues regress or come back where they must.

    Args:
        cursor: In the transaction that counts the events.
        states: The locked issues.
        by_issue: Their events, in the order of the issues' ids.
    """
    new_users = _add_users(cursor, by_issue)
    now = utc_now()
    rows, traces = [], {}
    for issue_id, members in by_issue.items():
        state = states[issue_id]
        latest = max(members, key=lambda event: event.received_at)
        state.count += len(members)
        state.users += new_users.get(issue_id, 0)
        state.level = latest.level if latest.received_at >= state.last_seen else state.level
        state.first_seen = min(state.first_seen, *(event.received_at for event in members))
        state.last_seen = max(state.last_seen, latest.received_at)
        state.updated_at = now
        rows.append(
            (issue_id, state.count, state.users, state.level.value, state.first_seen, state.last_seen, latest.release,
             now)
        )  # fmt: skip
        if not state.has_trace and (trace := next((event.stack_trace for event in members if event.stack_trace), "")):
            traces[issue_id] = trace
        if state.standing.status is not Status.OPEN:
            _stand(cursor, state, members)
    if rows:
        cursor.execute(_COUNT, [list(column) for column in zip(*rows, strict=True)])
    if traces:
        cursor.execute(_ADD_TRACES, (list(traces), list(traces.values())))


def updates_of(states: Mapping[UUID, State], marks: Marks) -> list[IssueUpdate]:
    """Return what the batch did to each of its issues."""
    return [
        IssueUpdate(
            issue_id=state.id,
            project_id=state.project_id,
            title=state.title,
            level=state.level,
            worst_level=marks.worst[state.id],
            count_before=state.count_before(marks.first[state.id]),
            count=state.count,
            episode=state.standing.episode,
            status=state.standing.status,
            stack_trace=marks.trace.get(state.id, ""),
            updated_at=state.updated_at,
            regressed=state.standing.regressed_at in marks.times[state.id],
            returned=state.standing.returned_at in marks.times[state.id],
        )
        for state in states.values()
    ]


def _read(cursor: psycopg.Cursor[Any], issue_ids: Iterable[UUID], query: str) -> dict[UUID, State]:
    wanted = list(issue_ids)
    if not wanted:
        return {}
    cursor.execute(query, (wanted,))
    return {row[0]: _state(row) for row in cursor.fetchall()}


def _state(row: tuple[Any, ...]) -> State:
    (
        issue_id, project_id, title, level, count, users, first_seen, last_seen, has_trace, updated_at, gap, settled,
        *rest,
    ) = row  # fmt: skip
    standing = dict(zip(STANDING, rest, strict=True))
    standing["status"] = Status(standing["status"])
    return State(
        issue_id, project_id, title, Level(level), count, users, first_seen, last_seen, has_trace, updated_at, gap,
        settled, Standing(**standing),
    )  # fmt: skip


def _add_users(cursor: psycopg.Cursor[Any], by_issue: Mapping[UUID, list[Event]]) -> dict[UUID, int]:
    pairs = [
        (issue_id, hashed)
        for issue_id, members in by_issue.items()
        for hashed in sorted({known for known in map(user_hash, members) if known is not None})
    ]
    if not pairs:
        return {}
    cursor.execute(_ADD_USERS, ([pair[0] for pair in pairs], [pair[1] for pair in pairs]))
    added: dict[UUID, int] = {}
    for (issue_id,) in cursor.fetchall():
        added[issue_id] = added.get(issue_id, 0) + 1
    return added


def _stand(cursor: psycopg.Cursor[Any], state: State, members: list[Event]) -> None:
    """Let an issue that is not open regress or come back, and tell so in its history."""
    arrival = Arrival([(event.received_at, event.release) for event in members], state.count, state.users)
    first_seen = _first_seen(cursor, state, members)
    after = after_arrival(state.standing, arrival, first_seen.get)
    if after is state.standing:
        return
    kind = "regressed" if after.regressed_at else "ignore_ended"
    state.standing = after
    cursor.execute(_STAND, {name: getattr(after, name) for name in STANDING} | {"id": state.id})
    cursor.execute(_TELL, (state.project_id, state.id, kind, members[-1].release, state.count))


def _first_seen(cursor: psycopg.Cursor[Any], state: State, members: list[Event]) -> dict[str, datetime]:
    if state.standing.resolved_in is None:
        return {}
    # A release that these events are the first of is not written down yet.
    arrived = {event.release: event.received_at for event in reversed(members) if event.release}
    cursor.execute(_RELEASES, (state.project_id, [*arrived, state.standing.resolved_in]))
    return arrived | dict(cursor.fetchall())
