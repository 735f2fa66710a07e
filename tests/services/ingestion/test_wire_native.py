"""Atlas's own API on the wire: one event, and batches."""

import gzip
import json
from typing import Any
from uuid import UUID

import pytest

from atlas_core import limits
from atlas_core.events import Level
from tests.services.ingestion.cases import EVENT_ID, Case, check, native
from tests.services.ingestion.door import KEY, OTHER_KEY, OTHER_PROJECT, PROJECT, Door, Request

BOOM = {"message": "boom"}
RICH = {
    "event_id": EVENT_ID, "level": "fatal", "message": "boom", "type": "E", "stack_trace": "at x", "tags": {"a": 1},
    "user": {"id": "7"}, "release": "1", "environment": "prod", "dist": "d", "server_name": "s", "logger": "l",
    "transaction": "t", "platform": "python", "contexts": {"os": {"name": "x"}}, "extra": {"k": [1]},
    "request": {"url": "/"}, "breadcrumbs": [{"message": "a"}], "fingerprint": ["x"], "sdk": {"name": "n"},
}  # fmt: skip
CASES = [
    Case("the original's body", native({"level": "error", "message": "boom", "stack_trace": "at x", "timestamp": "2026-11-25T10:00:00Z"}), 202, [{"level": Level.ERROR, "message": "boom", "stack_trace": "at x", "source": "api", "project_id": PROJECT}]),
    Case("all that an event may say", native(RICH), 202, [{"event_id": UUID(EVENT_ID), "level": Level.CRITICAL, "type": "E", "stack_trace": "at x", "tags": {"a": "1"}, "user": {"id": "7"}, "release": "1", "environment": "prod", "dist": "d", "server_name": "s", "logger": "l", "transaction": "t", "platform": "python", "contexts": {"os": {"name": "x"}}, "extra": {"k": [1]}, "request": {"url": "/"}, "breadcrumbs": [{"message": "a"}], "fingerprint": ["x"], "sdk": {"name": "n"}, "raw": None}]),
    Case("an exception alone", native({"exception": {"values": [{"type": "E", "value": "v", "stacktrace": {"frames": [{"function": "f"}]}}]}}), 202, [{"type": "E", "message": "v", "exceptions.0.frames.0.function": "f"}]),
    Case("an exception as an object", native({"exception": {"type": "E", "value": ""}}), 202, [{"type": "E", "message": "E"}]),
    Case("a message beside an exception", native({"message": "said", "exception": [{"type": "E", "value": "v"}]}), 202, [{"type": "E", "message": "said"}]),
    Case("a member unknown", native({**BOOM, "what": [1]}), 202, [{"raw": {"what": [1]}}]),
    Case("a stack trace that is an object", native({**BOOM, "stack_trace": {"a": 1}}), 202, [{"stack_trace": '{"a":1}'}]),
    Case("a message with a token", native({"message": "GET /?token=abc123 failed"}), 202, [{"message": "GET /?token=[Filtered] failed"}]),
    Case("not JSON", native(b"not json"), 400, []),
    Case("nothing", native(b""), 400, []),
    Case("half of it", native(b'{"message":"boo'), 400, []),
    Case("a list", native([BOOM]), 400, []),
    Case("a number", native(7), 400, []),
    Case("null", native(None), 400, []),
    Case("an empty object", native({}), 400, []),
    Case("no message", native({"level": "error"}), 400, []),
    Case("an empty message", native({"message": ""}), 400, []),
    Case("a message of null", native({"message": None}), 400, []),
    Case("a number for a message", native({"message": 5}), 400, []),
    Case("a list for a message", native({"message": ["x"]}), 400, []),
    Case("exceptions of nothing", native({"exception": {"values": [None]}}), 400, []),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_event_is_kept_or_refused_precisely(door: Door, case: Case):
    check(door, case)


def batch(body: Any, **headers: str) -> Request:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("/api/ingest/events/batch", content, {"X-API-Key": KEY, **headers})


def lines(*items: Any) -> bytes:
    return b"\n".join(item if isinstance(item, bytes) else json.dumps(item).encode() for item in items)


NDJSON = {"Content-Type": "application/x-ndjson"}
BATCHES: list[tuple[str, Request, int, int, list[int]]] = [
    ("an array", batch([BOOM, BOOM]), 202, 2, []),
    ("an array behind a byte order mark", batch(b'\xef\xbb\xbf[{"message":"boom"}]'), 202, 1, []),
    ("lines behind a byte order mark", batch(b"\xef\xbb\xbf" + lines(BOOM, BOOM)), 202, 2, []),
    ("an empty array", batch([]), 202, 0, []),
    ("lines", batch(lines(BOOM, BOOM, BOOM), **NDJSON), 202, 3, []),
    ("lines without a type", batch(lines(BOOM, BOOM)), 202, 2, []),
    ("lines with blanks and a newline at the end", batch(lines(b"", BOOM, b"  ", BOOM, b"")), 202, 2, []),
    ("lines ended by CR LF", batch(b"\r\n".join([lines(BOOM)] * 2)), 202, 2, []),
    ("one object", batch(BOOM), 202, 1, []),
    ("nothing", batch(b""), 202, 0, []),
    ("gzipped lines", batch(gzip.compress(lines(BOOM, BOOM)), **NDJSON, **{"Content-Encoding": "gzip"}), 202, 2, []),
    ("bad items between", batch([BOOM, 7, {"level": "x"}, BOOM, None, []]), 202, 2, [1, 2, 4, 5]),
    ("bad lines between", batch(lines(BOOM, b"nonsense", b"[]", BOOM, b"{")), 202, 2, [1, 2, 4]),
    ("an array among lines", batch(lines([BOOM], BOOM), **NDJSON), 202, 1, [0]),
    ("only bad items", batch([7, None]), 422, 0, [0, 1]),
    ("the largest number", batch([BOOM] * limits.BATCH_EVENTS), 202, limits.BATCH_EVENTS, []),
]


@pytest.mark.parametrize(
    ("request_", "status", "kept", "rejected"), [row[1:] for row in BATCHES], ids=[row[0] for row in BATCHES]
)
def test_a_batch_keeps_its_good_items_and_names_the_others(
    door: Door, request_: Request, status: int, kept: int, rejected: list[int]
):
    response = door.send(request_)
    assert response.status == status
    assert len(door.take()) == response.json()["accepted"] == len(response.json()["event_ids"]) == kept
    assert [problem["index"] for problem in response.json()["rejected"]] == rejected


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"[1", 400), (b"[{]", 400), ([BOOM] * (limits.BATCH_EVENTS + 1), 422), (b" " * (limits.BATCH_WIRE_BYTES + 1), 413)],
    ids=["half an array", "a broken array", "too many", "too large"],
)  # fmt: skip
def test_a_batch_that_cannot_be_read_is_refused_whole(door: Door, body: Any, status: int):
    check(door, Case("", batch(body), status, []))


def test_a_batch_too_large_once_inflated_is_refused(door: Door):
    packed = gzip.compress(b" " * (limits.BATCH_INFLATED_BYTES + 1))
    check(door, Case("", batch(packed, **{"Content-Encoding": "gzip"}), 413, []))


def test_an_answer_names_the_ids_in_order(door: Door):
    ids = [str(UUID(int=n + 1)) for n in range(3)]
    response = door.send(batch([{**BOOM, "event_id": known} for known in ids]))
    assert response.json()["event_ids"] == ids == [str(event.event_id) for event in door.take()]


def test_an_event_goes_to_the_project_of_its_key(door: Door):
    door.send(Request(body=b'{"message":"boom"}', headers={"X-API-Key": OTHER_KEY}))
    assert [event.project_id for event in door.take()] == [OTHER_PROJECT]


def test_the_answer_to_one_event_is_the_originals_and_its_id(door: Door):
    response = door.send(native({**BOOM, "event_id": EVENT_ID}))
    assert response.json() == {"status": "Queued message", "event_id": str(UUID(EVENT_ID))}


def test_no_refusal_repeats_what_was_sent(door: Door):
    marker = "MARKER" * 50
    requests = [native(marker.encode()), native({marker: 1}), batch([marker, {marker: marker}]),
                Request(f"/api/ingest/{marker}"), Request("/api/1/envelope/", marker.encode(), {"X-API-Key": KEY}),
                Request(f"/api/1/store/?sentry_key={marker}"), native({}, method=marker[:20])]  # fmt: skip
    for request in requests:
        response = door.send(request)
        assert response.status >= 400
        assert b"MARKER" not in response.body
        assert "MARKER" not in str(response.headers)
