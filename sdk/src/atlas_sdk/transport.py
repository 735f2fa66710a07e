"""The background thread: a bounded queue, sent in order, again while Atlas is away."""

import contextlib
import http.client
import json
import logging
import random
import threading
import time
from collections import Counter, deque
from typing import Any, Final
from urllib.parse import urlsplit

log = logging.getLogger("atlas_sdk")

TIMEOUT_S: Final = 5.0
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 30.0
LONGEST_RETRY_AFTER_S: Final = 120
BODY_BYTES: Final = 900_000
_OK: Final = (200, 202)
_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = 500


class Transport:
    """Sends events one after another, each with its id until it is accepted or can never be.

    Args:
        api_key: The project's key.
        base_url: Where ingestion is.
        max_queue: How many events may wait.
    """

    def __init__(self, api_key: str, base_url: str, max_queue: int) -> None:
        address = urlsplit(base_url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise ValueError(f"base_url must be http://host[:port] or https://..., not {base_url!r}")
        self._secure = address.scheme == "https"
        self._host, self._port = address.hostname, address.port
        self._path = f"{address.path.rstrip('/')}/api/ingest/events"
        self._headers = {"X-API-Key": api_key, "Content-Type": "application/json"}
        self._max_queue = max_queue
        self._counts: Counter[str] = Counter()
        self._fresh()

    def put(self, event: dict[str, Any]) -> None:
        """Queue an event; drop and count it when the queue is full."""
        with self._changed:
            if self._closed or len(self._waiting) >= self._max_queue:
                self._counts["closed" if self._closed else "queue full"] += 1
                return
            self._waiting.append(event)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="atlas-sdk", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drop(self, reason: str) -> None:
        """Count an event that is not sent."""
        with self._changed:
            self._counts[reason] += 1

    def flush(self, timeout_s: float) -> bool:
        """Wait until nothing waits; return whether that came within `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout_s)

    def stats(self) -> dict[str, int]:
        """Return the counts of sent and dropped events, and how many are queued."""
        with self._changed:
            return {"sent": 0, **self._counts, "queued": len(self._waiting)}

    def close(self, timeout_s: float) -> None:
        """Send what waits, for at most `timeout_s`; count what is left as dropped."""
        if self._closed:
            return
        self.flush(timeout_s)
        with self._changed:
            self._closed = True
            self._counts["closed"] += len(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()

    def after_fork(self) -> None:
        """Begin anew in a child process: the parent sends what the parent queued."""
        self._fresh()

    def _fresh(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[dict[str, Any]] = deque()
        self._thread: threading.Thread | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._closed = False

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                event = self._waiting[0]
            outcome = self._deliver(event)
            with self._changed:
                self._counts[outcome] += 1
                if self._waiting and self._waiting[0] is event:
                    self._waiting.popleft()
                self._changed.notify_all()

    def _deliver(self, event: dict[str, Any]) -> str:
        try:
            body = json.dumps(event, default=str).encode()
        except (TypeError, ValueError, RecursionError):
            return "not JSON"
        if len(body) > BODY_BYTES:
            body = json.dumps({**event, "exception": None, "breadcrumbs": []}, default=str).encode()
        pause_s = FIRST_PAUSE_S
        while not self._closed:
            status, retry_after_s = self._post(body)
            if status in _OK:
                return "sent"
            if status and status != _TOO_MANY and status < _SERVER_ERRORS:
                log.debug("Atlas refused an event with %d", status)
                return f"refused with {status}"
            wait_s = max(retry_after_s, pause_s * random.uniform(0.7, 1.3))  # noqa: S311 - jitter
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            self._sleep(wait_s)
        return "closed"

    def _sleep(self, wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        with self._changed:
            self._changed.wait_for(lambda: self._closed, max(0.0, deadline - time.monotonic()))

    def _post(self, body: bytes) -> tuple[int, float]:
        """Return the answer's status (0: none came) and how long it asks to wait, in seconds."""
        try:
            if self._connection is None:
                kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
                self._connection = kind(self._host, self._port, timeout=TIMEOUT_S)
            self._connection.request("POST", self._path, body, self._headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._disconnect()
            return 0, 0.0
        if answer.will_close:
            self._disconnect()
        asked = answer.headers.get("Retry-After", "")
        return answer.status, min(int(asked), LONGEST_RETRY_AFTER_S) if asked.isdecimal() else 0.0

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None
