"""Applies the projects' retention and finishes deletes that were cut off, again and again."""

import logging
import threading
import time
from typing import Final

from atlas_core.errors import TransientError
from atlas_core.storage.issue_removal import IssueRemoval
from atlas_core.storage.retention import Retention

log = logging.getLogger(__name__)

SWEEP_EVERY_S: Final = 60.0
FORGET_EVERY_S: Final = 1_800.0


class Forgetter:
    """Looks every minute for what deletes left, every half hour for events that are older than their project keeps."""

    def __init__(self, retention: Retention, removal: IssueRemoval) -> None:
        self._retention = retention
        self._removal = removal
        self._forget_at = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end after the batch that it deletes."""
        self._stop.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        self._thread.join(timeout)

    def look(self) -> None:
        """Look once.

        Raises:
            TransientError: The database does not answer, or not in time.
        """
        if swept := self._removal.sweep(self._stop.is_set):
            log.info("swept what was left of %d deleted issues", swept)
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + FORGET_EVERY_S
            done = self._retention.forget(self._stop.is_set)
            if done.events:
                log.info("retention: forgot %d events, dropped %d days", done.events, done.days)

    def _run(self) -> None:
        while not self._stop.wait(SWEEP_EVERY_S):
            try:
                self.look()
            except TransientError as error:
                log.info("retention waits: %s", error)
