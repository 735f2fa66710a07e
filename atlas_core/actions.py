"""What people do to an issue: an edit, what it changes, and what undoing it gives back."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from atlas_core.errors import ConflictError, RejectedError
from atlas_core.issues import Priority, Status
from atlas_core.workflow import Standing

_TOLD: Final = (
    "resolved_in", "resolved_in_next", "ignored_until", "ignored_until_count", "ignored_until_users",
)  # fmt: skip
_KINDS: Final = {Status.OPEN: "opened", Status.RESOLVED: "resolved", Status.IGNORED: "ignored"}
UNDOABLE: Final = frozenset({*_KINDS.values(), "assigned", "unassigned", "prioritized", "discarded"})


class Reopen(msgspec.Struct, frozen=True):
    """It needs somebody again."""


class Resolve(msgspec.Struct, frozen=True, kw_only=True):
    """It is fixed: now, from `release` on, or from the release after the newest of its package."""

    release: str | None = None
    in_next_release: bool = False


class Ignore(msgspec.Struct, frozen=True, kw_only=True):
    """It does not matter: for ever, or until the first of these."""

    until: datetime | None = None
    more_events: int | None = None
    more_users: int | None = None


Move = Reopen | Resolve | Ignore


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants changed; what is left out stays as it is. `assignee_id` None takes the assignee away."""

    move: Move | None = None
    assignee_id: UUID | UnsetType | None = UNSET
    priority: Priority | None = None
    discard: bool = False


class Handling(msgspec.Struct, frozen=True, kw_only=True):
    """All that people can change of an issue."""

    standing: Standing
    assignee_id: UUID | None = None
    priority: Priority = Priority.MEDIUM
    discarded_at: datetime | None = None


class Scene(msgspec.Struct, frozen=True):
    """What an edit finds: the time, the issue's totals, the newest release of its package."""

    now: datetime
    count: int
    users: int
    newest_release: str | None


class Before(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The fields of a Handling that one change replaced."""

    standing: Standing | UnsetType = UNSET
    assignee_id: UUID | UnsetType | None = UNSET
    priority: Priority | UnsetType = UNSET
    discarded_at: datetime | UnsetType | None = UNSET


class Change(msgspec.Struct, frozen=True):
    """One line of an issue's history: its kind, what it says (JSON), and what it replaced, if it can be undone."""

    kind: str
    detail: dict[str, Any]
    before: Before | None = None


def after_edit(handling: Handling, edit: Edit, scene: Scene) -> Handling:
    """Return the handling once it is edited; an equal one when the edit changes nothing.

    Raises:
        ConflictError: The issue is discarded.
        RejectedError: The edit cannot be made here and now.
    """
    if handling.discarded_at is not None:
        raise ConflictError("the issue is discarded: undo that first")
    return Handling(
        standing=handling.standing if edit.move is None else _after_move(handling.standing, edit.move, scene),
        assignee_id=handling.assignee_id if edit.assignee_id is UNSET else edit.assignee_id,
        priority=edit.priority or handling.priority,
        discarded_at=scene.now if edit.discard else None,
    )


def changes(before: Handling, after: Handling) -> list[Change]:
    """Return what differs, as lines of history; none when nothing does."""
    made = []
    if after.standing != before.standing:
        told = {name: value for name, value in msgspec.to_builtins(after.standing).items() if name in _TOLD}
        made.append(Change(_KINDS[after.standing.status], told, Before(standing=before.standing)))
    if after.assignee_id != before.assignee_id:
        detail = {"assignee_id": str(after.assignee_id)} if after.assignee_id else {}
        made.append(Change("assigned" if detail else "unassigned", detail, Before(assignee_id=before.assignee_id)))
    if after.priority is not before.priority:
        detail = {"priority": after.priority.value, "from": before.priority.value}
        made.append(Change("prioritized", detail, Before(priority=before.priority)))
    if after.discarded_at != before.discarded_at:
        made.append(Change("discarded", {}, Before(discarded_at=before.discarded_at)))
    return made


def restored(handling: Handling, befores: Iterable[Before]) -> Handling:
    """Return the handling with what these changes replaced; right only if nothing has changed it since."""
    fields = {
        name: value
        for before in befores
        for name in before.__struct_fields__
        if (value := getattr(before, name)) is not UNSET
    }
    return msgspec.structs.replace(handling, **fields)


def _after_move(standing: Standing, move: Move, scene: Scene) -> Standing:
    if isinstance(move, Resolve):
        return _resolved(standing, move, scene)
    if isinstance(move, Ignore):
        return _ignored(standing, move, scene)
    if standing.status is Status.OPEN:
        return standing
    return Standing(status=Status.OPEN, episode=standing.episode)


def _resolved(standing: Standing, move: Resolve, scene: Scene) -> Standing:
    release = scene.newest_release if move.in_next_release else move.release
    if move.in_next_release and release is None:
        raise RejectedError("the project has no release yet: resolve the issue now, or in a release that you name")
    is_same = (standing.resolved_in, standing.resolved_in_next) == (release, move.in_next_release)
    if standing.status is Status.RESOLVED and is_same:
        return standing
    return Standing(
        status=Status.RESOLVED,
        episode=standing.episode,
        resolved_in=release,
        resolved_in_next=move.in_next_release,
        resolved_at=scene.now,
    )


def _ignored(standing: Standing, move: Ignore, scene: Scene) -> Standing:
    if move.until is not None and move.until <= scene.now:
        raise RejectedError("ignored_until is not in the future")
    return Standing(
        status=Status.IGNORED,
        episode=standing.episode,
        ignored_until=move.until,
        ignored_until_count=None if move.more_events is None else scene.count + move.more_events,
        ignored_until_users=None if move.more_users is None else scene.users + move.more_users,
    )
