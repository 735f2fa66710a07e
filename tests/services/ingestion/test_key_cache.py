"""The cache of keys: no lookup for every event, no revoked key after five seconds."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import pytest

from atlas_core.errors import TransientError
from atlas_core.projects import KeyOwner, key_hash
from services.ingestion.keys import ASKED_AT_ONCE, KeyCache

KEY = "atlas_" + "a1" * 32
OWNER = KeyOwner(UUID(int=1), 1)


class Finder:
    """Keeps one key; may be slow, or away."""

    def __init__(self) -> None:
        self.owners = {key_hash(KEY): OWNER}
        self.asked = 0
        self.away = False
        self.gate = threading.Event()
        self.gate.set()

    def find(self, digest: bytes) -> KeyOwner | None:
        self.asked += 1
        self.gate.wait(10)
        if self.away:
            raise TransientError("away")
        return self.owners.get(digest)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def run(story: Callable[[KeyCache, Finder, Clock], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        finder, clock = Finder(), Clock()
        cache = KeyCache(finder, clock)
        try:
            await story(cache, finder, clock)
        finally:
            cache.close()

    asyncio.run(told())


async def settled() -> None:
    """Let the lookups that are under way end."""
    for _ in range(20):
        await asyncio.sleep(0.005)


def test_a_key_is_looked_up_once_for_many_events():
    async def story(cache: KeyCache, finder: Finder, _clock: Clock) -> None:
        owners = await asyncio.gather(*(cache.owner(KEY) for _ in range(100)))
        for _ in range(100):
            owners.append(await cache.owner(KEY))
        assert owners == [OWNER] * 200
        assert finder.asked == 1

    run(story)


def test_a_revoked_key_is_out_within_five_seconds_of_continuous_use():
    async def story(cache: KeyCache, finder: Finder, clock: Clock) -> None:
        for revoked_after in (0, 13, 27):
            finder.owners = {key_hash(KEY): OWNER}
            clock.seconds += 100
            start = clock.seconds
            last_good = 0.0
            for tick in range(150):
                clock.seconds = start + tick / 10
                if tick == revoked_after:
                    finder.owners = {}
                if await cache.owner(KEY):
                    last_good = clock.seconds
                await asyncio.sleep(0.001)
            assert last_good - (start + revoked_after / 10) < 5

    run(story)


def test_a_new_key_that_was_refused_before_it_was_made_is_good_within_five_seconds():
    async def story(cache: KeyCache, finder: Finder, clock: Clock) -> None:
        finder.owners = {}
        assert await cache.owner(KEY) is None
        finder.owners = {key_hash(KEY): OWNER}
        clock.seconds += 4.5
        assert await cache.owner(KEY) == OWNER

    run(story)


def test_a_key_in_use_is_asked_for_again_before_anybody_has_to_wait():
    async def story(cache: KeyCache, finder: Finder, clock: Clock) -> None:
        await cache.owner(KEY)
        clock.seconds += 2.5
        finder.gate.clear()
        async with asyncio.timeout(1):
            assert await cache.owner(KEY) == OWNER
        finder.gate.set()
        await settled()
        clock.seconds += 3
        async with asyncio.timeout(1):
            assert await cache.owner(KEY) == OWNER
        assert finder.asked >= 2

    run(story)


def test_a_known_key_stays_good_while_the_database_is_away_and_an_unknown_one_is_503():
    async def story(cache: KeyCache, finder: Finder, clock: Clock) -> None:
        await cache.owner(KEY)
        finder.away = True
        for seconds in (1, 3, 60, 290):
            clock.seconds = seconds
            assert await cache.owner(KEY) == OWNER
            await settled()
        with pytest.raises(TransientError):
            await cache.owner("atlas_" + "0" * 64)
        clock.seconds = 310
        with pytest.raises(TransientError):
            await cache.owner(KEY)

    run(story)


def test_a_flood_of_unknown_keys_is_bounded_and_leaves_a_known_one_alone():
    async def story(cache: KeyCache, finder: Finder, clock: Clock) -> None:
        await cache.owner(KEY)
        finder.gate.clear()
        keys = [f"atlas_{n:064x}" for n in range(ASKED_AT_ONCE + 100)]
        asked = [asyncio.create_task(cache.owner(key)) for key in keys]
        await settled()
        refused = [task for task in asked if task.done()]
        assert len(refused) == 100
        assert all(isinstance(task.exception(), TransientError) for task in refused)
        clock.seconds += 3
        assert await cache.owner(KEY) == OWNER
        finder.gate.set()
        await asyncio.gather(*asked, return_exceptions=True)

    run(story)


@pytest.mark.parametrize("key", ["", "x", KEY.upper(), KEY + "0", KEY[:-1], "atlas_" + "\u00e9" * 64])
def test_what_is_no_key_is_never_looked_up(key):
    async def story(cache: KeyCache, finder: Finder, _clock: Clock) -> None:
        assert await cache.owner(key) is None
        assert finder.asked == 0

    run(story)
