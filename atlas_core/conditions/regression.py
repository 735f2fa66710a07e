"""Fires when a resolved issue comes back."""

from typing import ClassVar

import msgspec

from atlas_core.issues import IssueUpdate


class Regression(msgspec.Struct, frozen=True, tag="regression", tag_field="condition"):
    """The batch reopened the issue: it was resolved, and in no later release than the events'."""

    words: ClassVar[str] = "a resolved issue comes back"

    def met(self, update: IssueUpdate) -> bool:
        """Tell whether an event of the batch ended the resolution."""
        return update.regressed

    def message(self, update: IssueUpdate) -> str:
        """Return what the alert says."""
        return f"Came back after it was resolved: {update.title}"
