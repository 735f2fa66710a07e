"""What one client sends never keeps the others waiting."""

import asyncio
import gzip
import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from atlas_core import limits
from services.ingestion import requests
from services.ingestion.requests import Call, Room
from tests.services.ingestion.door import Door

MIB = 1024 * 1024


def test_blanks_without_a_header_and_a_key_are_refused_before_they_are_all_sent(door: Door):
    with door.connection() as connection:
        connection.write(b"POST /api/1/envelope/ HTTP/1.1\r\nHost: atlas\r\nContent-Length: 9000000\r\n\r\n")
        connection.write(b"\n" * (limits.HEADER_LINE_BYTES + 1))
        assert connection.read().status == 401


def test_others_get_their_turn_by_time_not_by_bytes(monkeypatch: pytest.MonkeyPatch):
    now_ms = itertools.count()
    monkeypatch.setattr(requests, "time", SimpleNamespace(monotonic=lambda: next(now_ms) / 1_000))
    packed = gzip.compress(b" " * MIB)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": packed, "more_body": False}

    async def read() -> tuple[int, int]:
        turns = itertools.count()

        async def take_turns() -> None:
            for _ in turns:
                await asyncio.sleep(0)

        other = asyncio.get_running_loop().create_task(take_turns())
        call = Call({"type": "http", "headers": [(b"content-encoding", b"gzip")]}, receive, Room())
        pieces = [piece async for piece in call.pieces(MIB, 2 * MIB)]
        other.cancel()
        return len(pieces), next(turns)

    pieces, turns = asyncio.run(read())
    assert pieces >= 16
    assert turns >= pieces // 8
