"""Fires when a fingerprint is seen for the first time."""

from typing import ClassVar

import msgspec

from atlas_core.issues import IssueUpdate


class NewIssue(msgspec.Struct, frozen=True, tag="new_issue", tag_field="condition"):
    """The issue's first event of the episode is in the batch."""

    words: ClassVar[str] = "a new issue"

    def met(self, update: IssueUpdate) -> bool:
        """Tell whether the batch holds the issue's first event."""
        return update.count_before == 0

    def message(self, update: IssueUpdate) -> str:
        """Return what the alert says."""
        return f"New issue: {update.title}"
