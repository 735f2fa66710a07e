"""Fires when an event of level error or critical arrives."""

from typing import ClassVar

import msgspec

from atlas_core.events import Level
from atlas_core.issues import IssueUpdate


class CriticalError(msgspec.Struct, frozen=True, tag="critical_error", tag_field="condition"):
    """An event of the batch has level error or critical."""

    words: ClassVar[str] = "an event of level error or critical"

    def met(self, update: IssueUpdate) -> bool:
        """Tell whether any event of the batch is at least an error."""
        return update.worst_level.severity >= Level.ERROR.severity

    def message(self, update: IssueUpdate) -> str:
        """Return what the alert says."""
        return f"{update.worst_level.capitalize()}: {update.title}"
