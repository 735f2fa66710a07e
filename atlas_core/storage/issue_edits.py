"""Issues as people edit them: locked, read, written back; a number of statements that no number of issues raises."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg

from atlas_core.actions import Handling
from atlas_core.errors import ConflictError, NotFoundError
from atlas_core.issues import Priority, Status
from atlas_core.storage.issue_history import Json, last_edits, told
from atlas_core.storage.issue_states import STANDING
from atlas_core.workflow import Newest, Standing

_TYPES: Final = {
    "status": "text", "episode": "int", "resolved_in": "text", "resolved_in_next": "boolean",
    "resolved_at": "timestamptz", "regressed_at": "timestamptz", "returned_at": "timestamptz",
    "ignored_until": "timestamptz", "ignored_until_count": "bigint", "ignored_until_users": "bigint",
    "assignee_id": "uuid", "priority": "text", "discarded_at": "timestamptz",
}  # fmt: skip
_LOCK: Final = f"""
SELECT id, title, count, users, version, last_release, merged_into, assignee_id, priority, discarded_at,
    {", ".join(STANDING)}
FROM issues.issues WHERE project_id = %s AND id = ANY(%s) ORDER BY id FOR UPDATE
"""  # noqa: S608 - constants only
_WRITE: Final = f"""
UPDATE issues.issues i SET version = i.version + 1, updated_at = %s,
    {", ".join(f"{name} = n.{name}" for name in _TYPES)}
FROM unnest(%s::uuid[], {", ".join(f"%s::{kind}[]" for kind in _TYPES.values())}) AS n(id, {", ".join(_TYPES)})
WHERE i.id = n.id
"""  # noqa: S608 - constants only
# The package as `workflow.package_of` has it: a busy one must not hide the others' releases.
_RELEASES: Final = r"""
SELECT release, first_seen FROM (
    SELECT release, first_seen, row_number() OVER (
        PARTITION BY substring(btrim(release) FROM '^(@?[^@]+)@') ORDER BY first_seen DESC) AS place
    FROM issues.releases WHERE project_id = %s) r
WHERE place <= 200
"""
_DISCARD: Final = "UPDATE issues.fingerprints SET discarded = %s WHERE issue_id = ANY(%s)"


class Held(msgspec.Struct, frozen=True):
    """An issue that is locked for an edit."""

    id: UUID
    title: str
    count: int
    users: int
    version: int
    last_release: str | None
    merged_into: UUID | None
    handling: Handling

    @property
    def identity(self) -> dict[str, Any]:
        """What the audit keeps of it."""
        return {"issue_id": self.id, "title": self.title, "count": self.count}


def hold(cursor: psycopg.Cursor[Any], project_id: UUID, issue_ids: Collection[UUID]) -> list[Held]:
    """Return these issues of the project, locked in the order of their ids as the digest locks them.

    Raises:
        NotFoundError: The project lacks one of them.
        ConflictError: One was merged into another.
    """
    cursor.execute(_LOCK, (project_id, list(issue_ids)))
    held = [_held(row) for row in cursor.fetchall()]
    missing = set(issue_ids) - {issue.id for issue in held}
    if missing:
        raise NotFoundError("no such issue", detail=sorted(map(str, missing)))
    require_unmerged({issue.id: issue.merged_into for issue in held})
    return held


def require_unmerged(merged_into: Mapping[UUID, UUID | None]) -> None:
    """Return if none of these issues was merged into another.

    Raises:
        ConflictError: One was; it says into which.
    """
    merged = [{"issue_id": str(issue), "merged_into": str(into)} for issue, into in merged_into.items() if into]
    if merged:
        raise ConflictError(f"the issue was merged into {merged[0]['merged_into']}", detail=merged)


def require_versions(cursor: psycopg.Cursor[Any], held: Sequence[Held], versions: Mapping[UUID, int | None]) -> None:
    """Return if the issues have these versions still, which the asker saw (None: whatever it is).

    Raises:
        ConflictError: Somebody edited one, or events brought it back; `detail` says for each who, when and what.
    """
    stale = [issue for issue in held if versions[issue.id] not in (None, issue.version)]
    if stale:
        edits = last_edits(cursor, [issue.id for issue in stale])
        detail: list[Json] = [
            {"issue_id": str(issue.id), "version": issue.version} | told(edits.get(issue.id)) for issue in stale
        ]
        first = detail[0]
        last = f": {first['kind']} by {first['by'] or 'events'} at {first['at']}" if "kind" in first else ""
        raise ConflictError(f"the issue was changed since, it has version {first['version']} now{last}", detail=detail)


def write(cursor: psycopg.Cursor[Any], handlings: Mapping[UUID, Handling], now: datetime) -> None:
    """Write the handlings of held issues, each as a new version of its issue."""
    rows = [(issue_id, *_columns(handling)) for issue_id, handling in handlings.items()]
    cursor.execute(_WRITE, [now, *(list(column) for column in zip(*rows, strict=True))])


def set_discarded(cursor: psycopg.Cursor[Any], issue_ids: Collection[UUID], *, discarded: bool) -> None:
    """Drop from now on what arrives for these held issues, or take it again."""
    cursor.execute(_DISCARD, (discarded, list(issue_ids)))


def newest_releases(cursor: psycopg.Cursor[Any], project_id: UUID) -> Newest:
    """Return the newest release of each package of the project."""
    cursor.execute(_RELEASES, (project_id,))
    return Newest(dict(cursor.fetchall()))


def _held(row: tuple[Any, ...]) -> Held:
    issue_id, title, count, users, version, release, merged_into, assignee_id, priority, discarded_at, *rest = row
    standing = dict(zip(STANDING, rest, strict=True))
    standing["status"] = Status(standing["status"])
    handling = Handling(
        standing=Standing(**standing), assignee_id=assignee_id, priority=Priority(priority), discarded_at=discarded_at
    )
    return Held(issue_id, title, count, users, version, release, merged_into, handling)


def _columns(handling: Handling) -> list[Any]:
    standing = [getattr(handling.standing, name) for name in STANDING]
    standing[0] = handling.standing.status.value
    return [*standing, handling.assignee_id, handling.priority.value, handling.discarded_at]
