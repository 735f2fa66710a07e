"""The thread that waits for the server, so that nothing else has to."""

import queue
import threading
from collections.abc import Callable, Sequence

from atlas_sdk.connection import Answer, Connection
from atlas_sdk.guard import attempt
from atlas_sdk.parcels import Parcel


class Courier:
    """Carries one load at a time to the server and tells `arrived` what it answered, in a daemon thread."""

    def __init__(self, connection: Connection, arrived: Callable[[Answer], None]) -> None:
        self._connection = connection
        self._arrived = arrived
        self._loads: queue.SimpleQueue[Sequence[Parcel] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; a second call does nothing.

        Raises:
            RuntimeError: The process has no thread to give.
        """
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="atlas-sdk-courier", daemon=True)
            thread.start()
            self._thread = thread

    def carry(self, parcels: Sequence[Parcel]) -> None:
        """Set out with `parcels`; returns at once."""
        self._loads.put(parcels)

    def close(self) -> None:
        """Let the thread end after the load it carries."""
        self._loads.put(None)

    def _run(self) -> None:
        while (parcels := self._loads.get()) is not None:
            self._arrived(attempt(lambda: self._connection.post(parcels), lambda: Answer(0)))
        self._connection.close()
