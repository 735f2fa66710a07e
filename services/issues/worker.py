"""The digest: events in, issues counted, updates out."""

from collections.abc import Sequence

from atlas_core.events import Event
from atlas_core.ports import IssueStore, Message, Publisher
from atlas_core.topics import ISSUE_UPDATES, issue_key


class Digest:
    """Handles batches of events; handling one twice changes nothing.

    Args:
        store: Where events are counted.
        updates: Publishes to `issue-updates`.
    """

    def __init__(self, store: IssueStore, updates: Publisher) -> None:
        self._store = store
        self._updates = updates

    def handle(self, events: Sequence[Event]) -> None:
        """Store the events, then tell what they did to each issue.

        Raises:
            TransientError: The store or the log does not answer; handle the same events again.
        """
        updates = self._store.record(events)
        self._updates.publish([Message(issue_key(update.issue_id), ISSUE_UPDATES.encode(update)) for update in updates])
