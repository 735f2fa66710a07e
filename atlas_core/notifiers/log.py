"""Says alerts in the service's own log: the notifier that is always there."""

import logging

from atlas_core.alerts import Firing

log = logging.getLogger(__name__)


class LogNotifier:
    """Writes one INFO line for each alert."""

    def notify(self, firing: Firing, idempotency_key: str) -> None:
        """Write the line; a repeat carries the same key."""
        log.info(
            "alert %s project=%s issue=%s: %s", idempotency_key, firing.project_id, firing.issue_id, firing.message
        )
