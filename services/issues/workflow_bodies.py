"""What the workflow's routes take."""

from typing import Annotated, Self
from uuid import UUID

from msgspec import UNSET
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from atlas_core import limits
from atlas_core.actions import Edit, Ignore, Move, Reopen, Resolve
from atlas_core.issues import Priority, Status
from services.fields import CLEAN
from services.issues.moments import ZonedMoment

_RESOLUTION = frozenset({"resolved_in", "resolved_in_next"})
_IGNORE = frozenset({"ignored_until", "ignored_for_events", "ignored_for_users"})
More = Annotated[int, Field(ge=1, le=limits.IGNORED_FOR)]
Version = Annotated[int, Field(ge=1, lt=2**31)]
Release = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=limits.SHORT_TEXT_CHARACTERS), CLEAN
]


class Changes(BaseModel):
    """What to change; a field that is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    status: Status | None = None
    resolved_in: Release | None = Field(None, description="With status resolved: the release that has the fix")
    resolved_in_next: bool = Field(
        default=False,
        description="With status resolved: the release after the newest one of the issue's package will have the fix",
    )
    ignored_until: ZonedMoment | None = Field(
        None, description="With status ignored: open again with the first event after this time"
    )
    ignored_for_events: More | None = Field(
        None, description="With status ignored: open again after so many more events"
    )
    ignored_for_users: More | None = Field(None, description="With status ignored: open again after so many more users")
    assignee_id: UUID | None = Field(None, description="A member of the project's organization; null for nobody")
    priority: Priority | None = None

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        given = self.model_fields_set
        if given & _RESOLUTION and self.status is not Status.RESOLVED:
            raise ValueError(f"{min(given & _RESOLUTION)} goes with status resolved only")
        if given & _IGNORE and self.status is not Status.IGNORED:
            raise ValueError(f"{min(given & _IGNORE)} goes with status ignored only")
        if self.resolved_in is not None and self.resolved_in_next:
            raise ValueError("give resolved_in or resolved_in_next, not both")
        if self.edit() == Edit():
            raise ValueError("nothing to change: give status, assignee_id or priority")
        return self

    def edit(self) -> Edit:
        """Return the edit that this asks for."""
        is_assigned = "assignee_id" in self.model_fields_set
        return Edit(move=self._move(), assignee_id=self.assignee_id if is_assigned else UNSET, priority=self.priority)

    def _move(self) -> Move | None:
        match self.status:
            case Status.OPEN:
                return Reopen()
            case Status.RESOLVED:
                return Resolve(release=self.resolved_in, in_next_release=self.resolved_in_next)
            case Status.IGNORED:
                return Ignore(
                    until=self.ignored_until, more_events=self.ignored_for_events, more_users=self.ignored_for_users
                )
        return None


class IssueChanges(Changes):
    """What to change of one issue."""

    version: Version | None = Field(
        None, description="The issue's version as you saw it: one edited, or brought back by events, since answers 409"
    )


class BulkChanges(Changes):
    """What to change of several issues, all or none."""

    issues: dict[UUID, Version | None] = Field(
        description="Ids of issues, each with its version as you saw it, or null to edit it whatever was done since",
        min_length=1,
        max_length=limits.BULK_ISSUES,
    )
    discard: bool = Field(default=False, description="Hide them, and drop their events from now on")

    def edit(self) -> Edit:
        """Return the edit that this asks for."""
        edit = super().edit()
        return Edit(move=edit.move, assignee_id=edit.assignee_id, priority=edit.priority, discard=self.discard)


class Discard(BaseModel):
    """Which state of the issue to discard."""

    model_config = ConfigDict(extra="forbid")

    version: Version | None = None


class NewComment(BaseModel):
    """What somebody has to say about an issue."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=limits.COMMENT_CHARACTERS), CLEAN
    ]
