"""How a body arrives: encodings, chunks, sizes, pace."""

import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
import zstandard

from atlas_core import limits
from services.ingestion import requests
from tests.services.ingestion.cases import AUTH, Case, check, envelope, event_item, native, store
from tests.services.ingestion.door import KEY, Door, Request

ONE = [{"message": "boom"}]
EVENT = {"message": "boom"}
BODY = envelope(EVENT).body
MIB = 1024 * 1024


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def encoded(encoding: str, body: bytes, status: int = 200, name: str = "") -> Case:
    request = Request("/api/1/envelope/", body, {**AUTH, "Content-Encoding": encoding})
    return Case(name or f"{encoding!r}", request, status, ONE if status == 200 else [])


def typed(content_type: str) -> Case:
    return Case(f"typed {content_type!r}", envelope(EVENT, headers={**AUTH, "Content-Type": content_type}), 200, ONE)


def sized(size: int) -> dict[str, object]:
    """Return an event of exactly `size` bytes of JSON."""
    empty = json.dumps({"message": "boom", "x": ""})
    return {"message": "boom", "x": "y" * (size - len(empty))}


def bomb(packer: Any, compress: str, flush: str) -> bytes:
    """Return 110 MiB of nothing, packed."""
    pieces = [b"{}\n", *[b"\0" * MIB] * 110]
    return b"".join(getattr(packer, compress)(piece) for piece in pieces) + getattr(packer, flush)()


def split(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


MEMBERS = gzip.compress(BODY[:20]) + gzip.compress(BODY[20:60]) + gzip.compress(BODY[60:])
CASES = [
    encoded("gzip", gzip.compress(BODY)),
    encoded("GZIP", gzip.compress(BODY)),
    encoded("x-gzip", gzip.compress(BODY)),
    encoded("gzip", MEMBERS, name="gzip of several members"),
    encoded("gzip", gzip.compress(BODY) + b"\0" * 64, name="gzip with zeros behind"),
    encoded("deflate", zlib.compress(BODY), name="deflate as zlib"),
    encoded("deflate", raw_deflate(BODY), name="deflate, raw"),
    encoded("br", brotli.compress(BODY)),
    encoded("zstd", zstandard.compress(BODY)),
    encoded("zstd", zstandard.compress(BODY[:30]) + zstandard.compress(BODY[30:]), name="zstd of two frames"),
    encoded("", BODY, name="an empty encoding"),
    encoded("identity", BODY),
    encoded("utf-8", BODY),
    encoded("UTF-8", BODY),
    encoded("compress", BODY, 415),
    encoded("gzip, br", BODY, 415, "two encodings"),
    encoded("\u00e9", BODY, 415, "an encoding beyond ASCII"),
    *(
        encoded(name, data, 400, f"{what} for {name}")
        for name, whole in (
            ("gzip", gzip.compress(BODY)),
            ("deflate", zlib.compress(BODY)),
            ("br", brotli.compress(BODY)),
            ("zstd", zstandard.compress(BODY)),
        )
        for what, data in (("half of it", whole[: len(whole) // 2]), ("nothing", b""), ("noise", b"\xff\x00noise" * 9))
    ),
    encoded("gzip", gzip.compress(BODY) + b"noise", 400, "gzip with noise behind"),
    typed("application/x-sentry-envelope"),
    typed("text/plain;charset=UTF-8"),
    typed("application/json"),
    typed("multipart/form-data; boundary=x"),
    typed("nonsense"),
    Case("chunked", envelope(EVENT, chunks=[BODY]), 200, ONE),
    Case("chunked byte by byte", envelope(EVENT, chunks=split(BODY, 1)), 200, ONE),
    Case(
        "chunked and gzipped byte by byte",
        envelope(EVENT, headers={**AUTH, "Content-Encoding": "gzip"}, chunks=split(gzip.compress(BODY), 1)),
        200,
        ONE,
    ),
    Case("chunked without a body", envelope(chunks=[]), 400, []),
    Case("native, chunked", native(EVENT, chunks=split(b'{"message":"boom"}', 4)), 202, ONE),
    Case("native, gzipped", Request(body=gzip.compress(b'{"message":"boom"}'), headers={"X-API-Key": KEY, "Content-Encoding": "gzip"}), 202, ONE),
    Case("native, compressed", Request(body=b"x", headers={"X-API-Key": KEY, "Content-Encoding": "compress"}), 415, []),
    Case("native, a broken gzip", Request(body=b"x", headers={"X-API-Key": KEY, "Content-Encoding": "gzip"}), 400, []),
    Case("native of the largest size", native(sized(limits.NATIVE_BODY_BYTES)), 202, ONE),
    Case("native, one byte more", native(sized(limits.NATIVE_BODY_BYTES + 1)), 413, []),
    Case("native, a bomb", Request(body=gzip.compress(b" " * 9 * MIB), headers={"X-API-Key": KEY, "Content-Encoding": "gzip"}), 413, []),
    Case("store of the largest size", store(sized(limits.EVENT_ITEM_BYTES)), 200, ONE),
    Case("store, one byte more", store(sized(limits.EVENT_ITEM_BYTES + 1)), 413, []),
    Case("an event of the largest size", envelope(sized(limits.EVENT_ITEM_BYTES)), 200, ONE),
    Case("an event of one byte more", envelope(sized(limits.EVENT_ITEM_BYTES + 1)), 413, []),
    Case("an event too large beside a good one", envelope(sized(limits.EVENT_ITEM_BYTES + 1), EVENT), 200, ONE),
    Case(
        "an envelope of the largest size on the wire",
        envelope(EVENT, b'{"type":"attachment","length":%d}\n' % (20 * MIB - 300) + b"\0" * (20 * MIB - 300)),
        200,
        ONE,
    ),
    Case("an envelope too large on the wire", Request("/api/1/envelope/", b"{}\n" + b" " * 20 * MIB, AUTH), 413, []),
    Case(
        "a chunked envelope too large on the wire",
        Request("/api/1/envelope/", headers=AUTH, chunks=[b"{}\n", *[b" " * MIB] * 21]),
        413,
        [],
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_body_is_read_however_it_arrives_and_never_further_than_it_may_go(door: Door, case: Case):
    check(door, case)


@pytest.mark.parametrize("declared", [b"Content-Length: 99999999999", b"Transfer-Encoding: chunked"])
def test_413_comes_while_the_client_still_sends_and_then_the_connection_closes(door: Door, declared: bytes):
    with door.connection() as connection:
        head = f"POST /api/ingest/events HTTP/1.1\r\nHost: atlas\r\nX-API-Key: {KEY}\r\n".encode() + declared
        connection.write(head + b"\r\n\r\n")
        if b"chunked" in declared:
            connection.write((b"10000\r\n" + b" " * 65_536 + b"\r\n") * 20)
        response = connection.read()
        assert response.status == 413
        assert response.headers["connection"] == "close"
        connection.socket.shutdown(1)
        assert connection.is_closed()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", lambda: bomb(zlib.compressobj(wbits=31), "compress", "flush")),
        ("deflate", lambda: bomb(zlib.compressobj(), "compress", "flush")),
        ("br", lambda: bomb(brotli.Compressor(quality=3), "process", "finish")),
        ("zstd", lambda: bomb(zstandard.ZstdCompressor().compressobj(), "compress", "flush")),
    ],
    ids=["gzip", "deflate", "br", "zstd"],
)
def test_a_bomb_is_answered_413_and_never_exists_in_memory(door: Door, encoding: str, packed: Callable[[], bytes]):
    request = Request("/api/1/envelope/", packed(), {**AUTH, "Content-Encoding": encoding})
    tracemalloc.start()
    try:
        assert door.send(request).status == 413
        assert tracemalloc.get_traced_memory()[1] < 24 * MIB
    finally:
        tracemalloc.stop()
    assert door.take() == []


def test_attachments_are_forgotten_while_they_are_read(door: Door):
    attachment = b'{"type":"attachment","length":%d}\n' % (90 * MIB)
    packer = zlib.compressobj(wbits=31)
    pieces = [BODY + b"\n" + attachment, *[b"\n{}" + b"\0" * (MIB - 3)] * 90, b"\n", event_item(EVENT)]
    body = b"".join(map(packer.compress, pieces)) + packer.flush()
    tracemalloc.start()
    try:
        response = door.send(Request("/api/1/envelope/", body, {**AUTH, "Content-Encoding": "gzip"}))
        assert tracemalloc.get_traced_memory()[1] < 24 * MIB
    finally:
        tracemalloc.stop()
    assert (response.status, [event.message for event in door.take()]) == (200, ["boom", "boom"])


def test_a_refusal_of_a_small_body_keeps_the_connection(door: Door):
    with door.connection() as connection:
        for request in (envelope(EVENT, headers={}), envelope(EVENT, headers={}, chunks=[BODY]), envelope(EVENT)):
            connection.write(request.head() + request.payload())
            response = connection.read()
            assert "connection" not in response.headers
        assert response.status == 200


def test_a_client_that_waits_for_leave_to_send_gets_its_413_at_once(door: Door):
    with door.connection() as connection:
        head = f"POST /api/ingest/events HTTP/1.1\r\nHost: atlas\r\nX-API-Key: {KEY}\r\n"
        connection.write((head + "Content-Length: 5000000\r\nExpect: 100-continue\r\n\r\n").encode())
        assert connection.read().status == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [({f"X-H{n}": "x" for n in range(90)}, 202), ({f"X-H{n}": "x" for n in range(120)}, 431),
     ({"X-H": "x" * 8_000}, 202), ({"X-H": "x" * 9_000}, 431), ({f"X-H{n}": "x" * 7_000 for n in range(5)}, 431),
     ({f"X-H{n}": "x" * 7_000 for n in range(4)}, 202)],
    ids=["90 headers", "120 headers", "a long one", "too long a one", "too long together", "long together"],
)  # fmt: skip
def test_headers_are_bounded(door: Door, headers: dict[str, str], status: int):
    request = native(EVENT)
    request.headers |= headers
    assert door.send(request).status == status


def test_headers_without_end_are_not_waited_for(door: Door):
    with door.connection() as connection:
        connection.write(b"POST /api/ingest/events HTTP/1.1\r\n" + b"X-H: y\r\n" * 12_000)
        assert connection.read().status == 431
        assert connection.is_closed()


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"", b"POST /api/ingest/events HTTP/1.1\r\nHost: at", b"whole head"])
def test_a_request_that_does_not_arrive_is_given_up(door: Door, sent: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "HEADERS_TIMEOUT_S", 0.5)
    monkeypatch.setattr(limits, "BODY_TIMEOUT_S", 0.5)
    if sent == b"whole head":
        sent = native(EVENT).head() + b"{"
    with door.connection() as connection:
        connection.write(sent)
        if sent:
            assert connection.read().status == 408
        assert connection.is_closed()
    assert door.take() == []


@pytest.mark.slow
def test_a_slow_body_that_keeps_its_pace_is_waited_for(door: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "BODY_TIMEOUT_S", 0.1)
    monkeypatch.setattr(limits, "SLOW_BODY_BYTES_PER_S", 10)
    request = native(EVENT)
    with door.connection() as connection:
        connection.write(request.head() + request.body[:-1])
        time.sleep(1.3)
        connection.write(request.body[-1:])
        assert connection.read().status == 202


def test_a_client_that_goes_away_leaves_nothing(door: Door):
    with door.connection() as connection:
        connection.write(native(EVENT).head() + b'{"message":')
    assert door.send(native(EVENT)).status == 202
    assert len(door.take()) == 1


def test_lingering_ends(door: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(requests, "_LINGER_S", 0.3)
    with door.connection() as connection:
        connection.write(b"POST /api/1/envelope/ HTTP/1.1\r\nHost: atlas\r\nContent-Length: 99999999\r\n\r\n{")
        assert connection.read().status == 413
        assert connection.is_closed()


@pytest.mark.parametrize(
    "data",
    [b"\r\n\r\n\r\n", b"nonsense\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00", b"POST /\xff HTTP/1.1\r\n\r\n",
     b"POST /api/ingest/events HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
     b"POST /api/ingest/events HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
)  # fmt: skip
def test_what_is_not_http_is_answered_400_or_not_at_all(door: Door, data: bytes):
    with door.connection() as connection:
        connection.write(data)
        connection.socket.shutdown(1)
        answer = connection.socket.recv(4096)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 "))


def test_a_request_without_any_header_is_answered(door: Door):
    with door.connection() as connection:
        connection.write(b"POST /api/ingest/events HTTP/1.0\r\n\r\n")
        assert connection.read().status == 401
