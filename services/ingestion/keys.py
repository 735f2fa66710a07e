"""Which project a key writes to, without asking the database for every event."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from atlas_core.errors import TransientError
from atlas_core.projects import KeyOwner, is_api_key, key_hash

FRESH_S = 4.0
REFRESH_S = 2.0
STALE_S = 300.0
CACHED_KEYS = 50_000
ASKED_AT_ONCE = 500


class KeyFinder(Protocol):
    """Where keys are kept."""

    def find(self, key_hash: bytes) -> KeyOwner | None:
        """Return the project of a live key, or None; raises TransientError when the store does not answer."""


class KeyCache:
    """Answers at most `FRESH_S` old, so that a revoked key is out within five seconds in every process.

    A key in use is asked for again before its answer is too old, so that no request waits for it. While the database
    is away a known key stays good for `STALE_S`: it cannot be revoked meanwhile either.
    """

    def __init__(self, finder: KeyFinder, clock: Callable[[], float] = time.monotonic) -> None:
        self._finder = finder
        self._clock = clock
        self._known: dict[bytes, tuple[float, KeyOwner | None]] = {}
        self._asked: dict[bytes, asyncio.Future[KeyOwner | None]] = {}
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="key-lookup")

    async def owner(self, api_key: str) -> KeyOwner | None:
        """Return the project of a live key, or None when there is no such key.

        Raises:
            TransientError: The database does not answer and the key was not seen lately.
        """
        if not is_api_key(api_key):
            return None
        digest = key_hash(api_key)
        known = self._known.get(digest)
        age_s = self._clock() - known[0] if known else STALE_S
        if known and age_s < FRESH_S:
            if age_s > REFRESH_S and known[1] and len(self._asked) < ASKED_AT_ONCE:
                self._ask(digest)
            return known[1]
        try:
            return await self._answer(digest)
        except TransientError:
            if known and known[1] and age_s < STALE_S:
                return known[1]
            raise

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, digest: bytes) -> KeyOwner | None:
        if digest not in self._asked and len(self._asked) >= ASKED_AT_ONCE:
            raise TransientError("too many unknown keys are asked for at once")
        try:
            async with asyncio.timeout(1.8):
                return await asyncio.shield(self._ask(digest))
        except TimeoutError as error:
            raise TransientError("the key store does not answer") from error

    def _ask(self, digest: bytes) -> asyncio.Future[KeyOwner | None]:
        if digest not in self._asked:
            asked_at = self._clock()
            asked = asyncio.get_running_loop().run_in_executor(self._threads, self._finder.find, digest)
            asked.add_done_callback(lambda done: self._learn(digest, asked_at, done))
            self._asked[digest] = asked
        return self._asked[digest]

    def _learn(self, digest: bytes, asked_at: float, asked: asyncio.Future[KeyOwner | None]) -> None:
        del self._asked[digest]
        if asked.cancelled() or asked.exception() is not None:
            return
        if len(self._known) >= CACHED_KEYS:
            self._known.clear()
        self._known[digest] = (asked_at, asked.result())
