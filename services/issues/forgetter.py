"""Applies the projects' retention, again and again."""

import logging
import threading
from typing import Final

from atlas_core.errors import TransientError
from atlas_core.storage.retention import Retention

log = logging.getLogger(__name__)

FIRST_S: Final = 60.0
EVERY_S: Final = 1_800.0


class Forgetter:
    """Looks every half hour for events that are older than their project keeps them."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
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

    def _run(self) -> None:
        wait_s = FIRST_S
        while not self._stop.wait(wait_s):
            wait_s = EVERY_S
            try:
                done = self._retention.forget(self._stop.is_set)
            except TransientError as error:
                log.info("retention waits: %s", error)
            else:
                if done.events:
                    log.info("retention: forgot %d events, dropped %d days", done.events, done.days)
