"""An oracle outside Atlas: every event that was sent, and what was answered."""

import json
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.e2e.stack import QUIET_S, Stack, User, eventually

ALLOWED = {200, 202, 429, 503}
REFUSED_FOR_S = 120.0


class Ledger:
    """Sends events from concurrent clients; retries every refusal with the same id; writes down what was accepted."""

    def __init__(self, stack: Stack, key: str, path: Path) -> None:
        self._stack = stack
        self._key = key
        self._path = path
        self._lock = threading.Lock()
        self.accepted: dict[str, str] = {}
        self.unexpected: list[str] = []

    def send_many(
        self, count: int, *, clients: int, duplicates: float = 0.0, messages: int = 20, pause_s: float = 0.0
    ) -> None:
        """Send `count` requests over `clients` connections; a share of them repeats an event already sent."""
        with ThreadPoolExecutor(clients) as pool:
            shares = [count // clients + (n < count % clients) for n in range(clients)]
            for done in [
                pool.submit(self._client, n, share, duplicates, messages, pause_s) for n, share in enumerate(shares)
            ]:
                done.result()

    def _client(self, number: int, count: int, duplicates: float, messages: int, pause_s: float) -> None:
        own: list[tuple[str, str]] = []
        every = round(1 / duplicates) if duplicates else 0
        with httpx.Client(timeout=15) as http:
            for n in range(count):
                if every and own and n % every == 0:
                    event_id, message = own[n % len(own)]
                else:
                    event_id, message = uuid.uuid4().hex, f"message {(n * 7 + number) % messages}"
                    own.append((event_id, message))
                self._send(http, event_id, message)
                time.sleep(pause_s)

    def _send(self, http: httpx.Client, event_id: str, message: str) -> None:
        body = json.dumps({"event_id": event_id, "level": "warning", "message": message}).encode()
        url = self._stack.url("ingestion", "/api/ingest/events")
        deadline = time.monotonic() + REFUSED_FOR_S
        while time.monotonic() < deadline:
            try:
                answer = http.post(url, content=body, headers={"X-API-Key": self._key})
            except httpx.HTTPError:
                time.sleep(0.1)
                continue
            if answer.status_code in {200, 202}:
                with self._lock:
                    self.accepted[event_id] = message
                    with self._path.open("a") as file:
                        file.write(f"{event_id} {message}\n")
                return
            if answer.status_code not in ALLOWED:
                with self._lock:
                    self.unexpected.append(f"{answer.status_code} {answer.text[:200]}")
                return
            time.sleep(0.1)
        raise AssertionError(f"an event was refused for {REFUSED_FOR_S} s\n{self._stack.log()[-4000:]}")

    def check(self, user: User, project_id: str) -> None:
        """Fail unless every accepted event is counted exactly once, in the issue of its message."""
        assert not self.unexpected, self.unexpected[:5]
        wanted = Counter(self.accepted.values())

        def settled() -> bool:
            return user.counted(project_id) >= len(self.accepted)

        eventually(
            settled, within_s=QUIET_S * 2, what=lambda: f"{len(self.accepted)} events\n{self._stack.log()[-4000:]}"
        )
        time.sleep(1)
        counted = {issue["title"]: issue["count"] for issue in user.issues(project_id)}
        assert counted == dict(wanted)
