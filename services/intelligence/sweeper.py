"""Rings again for insights that nobody works on, so that a lost job loses nothing; forgets those of deleted issues."""

import logging
import threading
import time
from typing import Final

from atlas_core.errors import TransientError
from atlas_core.storage.insights import PostgresInsightStore
from services.intelligence.dispatcher import Dispatcher

log = logging.getLogger(__name__)

EVERY_S: Final = 5.0
FORGET_EVERY_S: Final = 60.0
AT_ONCE: Final = 100


class Sweeper:
    """Looks every few seconds for pending insights whose lease or waiting time is over."""

    def __init__(self, store: PostgresInsightStore, dispatcher: Dispatcher) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._forget_at = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="insight sweeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end."""
        self._stop.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        self._thread.join(timeout)

    def sweep(self) -> None:
        """Look once.

        Raises:
            TransientError: The store or the queue does not answer.
        """
        self._dispatcher.ring(self._store.due(AT_ONCE))
        if time.monotonic() >= self._forget_at:
            self._store.forget_deleted()
            self._forget_at = time.monotonic() + FORGET_EVERY_S

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.sweep()
            except TransientError as error:
                log.info("the sweep waits: %s", error)
