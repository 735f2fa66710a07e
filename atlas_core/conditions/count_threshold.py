"""Fires when an issue's count passes a threshold."""

from typing import ClassVar

import msgspec

from atlas_core.issues import IssueUpdate


class CountThreshold(msgspec.Struct, frozen=True, tag="count_threshold", tag_field="condition"):
    """The batch takes the issue's count past `threshold` events, or brings it back past it from an ignore."""

    words: ClassVar[str] = "an issue has more than {threshold} events"

    threshold: int

    def __post_init__(self) -> None:
        if self.threshold <= 0:
            raise ValueError("threshold must be greater than 0")

    def met(self, update: IssueUpdate) -> bool:
        """Tell whether the count crosses the threshold inside the batch, or did while the issue was ignored."""
        return self.threshold < update.count and (update.count_before <= self.threshold or update.returned)

    def message(self, update: IssueUpdate) -> str:
        """Return what the alert says."""
        return f"More than {self.threshold:,} events ({update.count:,}): {update.title}"
