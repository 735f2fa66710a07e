"""What people do to issues: each action is one transaction, told in the history, and can be undone."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
import psycopg

from atlas_core.actions import UNDOABLE, Before, Change, Edit, Handling, Resolve, Scene, after_edit, changes, restored
from atlas_core.errors import ConflictError, NotFoundError, RejectedError
from atlas_core.events import utc_now
from atlas_core.storage.database import Database
from atlas_core.storage.fingerprints import lock_projects
from atlas_core.storage.issue_edits import (
    Held,
    hold,
    newest_releases,
    require_unmerged,
    require_versions,
    set_discarded,
    write,
)
from atlas_core.storage.issue_history import Author, Edited, Json, add_audit, add_changes, told
from atlas_core.storage.people import require_member

_TOUCHED: Final = "SELECT DISTINCT issue_id FROM issues.activities WHERE project_id = %s AND action_id = %s"
_ACTION: Final = """
SELECT id, issue_id, kind, before, undone FROM issues.activities WHERE project_id = %s AND action_id = %s ORDER BY id
"""
_SINCE: Final = """
SELECT DISTINCT ON (a.issue_id) a.issue_id, a.kind, u.email, a.at
FROM issues.activities a LEFT JOIN identity.users u ON u.id = a.user_id
WHERE a.issue_id = ANY(%s) AND a.id > %s AND NOT a.undone AND a.kind NOT IN ('commented', 'undone')
ORDER BY a.issue_id, a.id DESC
"""
_UNDONE: Final = "UPDATE issues.activities SET undone = true WHERE project_id = %s AND action_id = %s"
# The lock waits for whoever deletes the issue.
_PLACE: Final = "SELECT merged_into FROM issues.issues WHERE project_id = %s AND id = %s FOR KEY SHARE"


class Outcome(msgspec.Struct, frozen=True):
    """What an action did: the id that undoes it (None when nothing changed), and each asked issue's version now."""

    action_id: UUID | None
    changed: int
    versions: dict[UUID, int]


class PostgresIssueActions:
    """Applies people's actions to issues.

    The digest's locks are taken in the digest's order: the project's (shared), then issues by id. So an action waits
    for a batch and a batch for an action, never in a circle.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply(self, project_id: UUID, user_id: UUID, versions: Mapping[UUID, int | None], edit: Edit) -> Outcome:
        """Edit issues, all or none; an issue that is so already keeps its version.

        Args:
            project_id: Whose issues.
            user_id: Who edits them.
            versions: The issues, each with the version that the asker saw, or None to edit whatever is there.
            edit: What to change.

        Raises:
            NotFoundError: The project lacks one of the issues.
            ConflictError: One was edited since its version, or merged, or is discarded.
            RejectedError: The edit cannot be made; the text says why.
        """
        with self._database.cursor() as cursor:
            lock_projects(cursor, [project_id])
            if isinstance(edit.assignee_id, UUID):
                require_member(cursor, project_id, edit.assignee_id)
            held = hold(cursor, project_id, versions)
            require_versions(cursor, held, versions)
            return _edited(cursor, Author(project_id, user_id, uuid4(), utc_now()), held, edit)

    def undo(self, project_id: UUID, user_id: UUID, action_id: UUID) -> Outcome:
        """Give the issues of an action back what it replaced, all or none; deleted ones are passed over.

        Raises:
            NotFoundError: The project has no such action.
            ConflictError: It is undone already, or an issue was edited or came back since: `detail` says who and when.
            RejectedError: It is not an edit: a comment, an undo, what events did.
        """
        with self._database.cursor() as cursor:
            lock_projects(cursor, [project_id])
            cursor.execute(_TOUCHED, (project_id, action_id))
            held = hold(cursor, project_id, [row[0] for row in cursor.fetchall()])
            befores = _undoable(cursor, project_id, action_id)
            author = Author(project_id, user_id, uuid4(), utc_now())
            after = {issue.id: restored(issue.handling, befores[issue.id]) for issue in held}
            cursor.execute(_UNDONE, (project_id, action_id))
            undone = Change("undone", {"action_id": str(action_id)})
            return _written(cursor, author, held, after, [(issue.id, undone) for issue in held])

    def comment(self, project_id: UUID, user_id: UUID, issue_id: UUID, text: str) -> Json:
        """Add a comment to an issue's history and return it; it is no edit and leaves the version alone.

        Raises:
            NotFoundError: The project has no such issue.
            ConflictError: It was merged into another.
        """
        author = Author(project_id, user_id, uuid4(), utc_now())
        with self._database.cursor() as cursor:
            place = cursor.execute(_PLACE, (project_id, issue_id)).fetchone()
            if place is None:
                raise NotFoundError("no such issue")
            require_unmerged({issue_id: place[0]})
            add_changes(cursor, author, [(issue_id, Change("commented", {"text": text}))])
        return {"action_id": author.action_id, "issue_id": issue_id, "user_id": user_id, "text": text, "at": author.at}


def _edited(cursor: psycopg.Cursor[Any], author: Author, held: Sequence[Held], edit: Edit) -> Outcome:
    needs_release = isinstance(edit.move, Resolve) and edit.move.in_next_release
    newest = newest_releases(cursor, author.project_id) if needs_release else None
    after: dict[UUID, Handling] = {}
    made: list[tuple[UUID, Change]] = []
    for issue in held:
        release = newest.beside(issue.last_release) if newest else None
        handling = after_edit(issue.handling, edit, Scene(author.at, issue.count, issue.users, release))
        found = changes(issue.handling, handling)
        if found:
            after[issue.id] = handling
            made += [(issue.id, change) for change in found]
    return _written(cursor, author, held, after, made)


def _written(
    cursor: psycopg.Cursor[Any],
    author: Author,
    held: Sequence[Held],
    after: Mapping[UUID, Handling],
    made: Sequence[tuple[UUID, Change]],
) -> Outcome:
    """Write what changed of the held issues, their history, and the fate of their fingerprints."""
    if after:
        write(cursor, after, author.at)
        add_changes(cursor, author, made)
        changed = [issue for issue in held if issue.id in after]
        was = {issue.id for issue in changed if issue.handling.discarded_at}
        is_now = {issue.id for issue in changed if after[issue.id].discarded_at}
        _discard(cursor, author, [issue for issue in changed if issue.id in is_now - was], discarded=True)
        _discard(cursor, author, [issue for issue in changed if issue.id in was - is_now], discarded=False)
    versions = {issue.id: issue.version + (issue.id in after) for issue in held}
    return Outcome(author.action_id if after else None, len(after), versions)


def _discard(cursor: psycopg.Cursor[Any], author: Author, issues: Sequence[Held], *, discarded: bool) -> None:
    if issues:
        set_discarded(cursor, [issue.id for issue in issues], discarded=discarded)
        details = [issue.identity | {"action_id": author.action_id} for issue in issues]
        add_audit(cursor, author, "discarded" if discarded else "discard_undone", details)


def _undoable(cursor: psycopg.Cursor[Any], project_id: UUID, action_id: UUID) -> dict[UUID, list[Before]]:
    """Return what the action replaced, by issue, once its issues are held."""
    rows = cursor.execute(_ACTION, (project_id, action_id)).fetchall()
    if not rows:
        raise NotFoundError("no such action")
    if any(undone for *_, undone in rows):
        raise ConflictError("the action is undone already")
    befores: dict[UUID, list[Before]] = {}
    for _, issue_id, kind, before, _ in rows:
        if kind not in UNDOABLE:
            raise RejectedError(f"only an edit can be undone; this action is: {kind}")
        befores.setdefault(issue_id, []).append(msgspec.convert(before, Before))
    _require_nothing_since(cursor, list(befores), rows[-1][0])
    return befores


def _require_nothing_since(cursor: psycopg.Cursor[Any], issue_ids: list[UUID], activity_id: int) -> None:
    since = {row[0]: Edited(*row[1:]) for row in cursor.execute(_SINCE, (issue_ids, activity_id)).fetchall()}
    if since:
        detail = [{"issue_id": str(issue_id)} | told(edited) for issue_id, edited in since.items()]
        first = next(iter(since.values()))
        what = f"{first.kind} by {first.email or 'events'} at {first.at.isoformat()}"
        raise ConflictError(f"the action is not the issue's last one any more: {what}", detail=detail)
