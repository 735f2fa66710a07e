"""Events that grow: none is refused for what its message becomes, and none costs the others."""

import json
from typing import Any

import pytest

from atlas_core import limits
from atlas_core.events import Event
from atlas_core.topics import ATLAS_EVENTS
from tests.services.ingestion.cases import EVENT_ID, envelope, event_item, native, store
from tests.services.ingestion.door import KEY, Door, Request

GOOD = {"message": "good"}


def frames(count: int, text: str) -> list[dict[str, Any]]:
    frame = {"filename": "f.py", "context_line": text, "pre_context": [text] * 5, "post_context": [text] * 5}
    return [{**frame, "lineno": number} for number in range(count)]


def fat(count: int, text: str = "\x01" * 500, exceptions: int = 1) -> bytes:
    """An event whose message is six times as long: control characters as they are, as no JSON writer sends them."""
    values = [{"type": "T", "value": "fat", "stacktrace": {"frames": frames(count, text)}}] * exceptions
    return json.dumps({"exception": {"values": values}}).replace("\\u0001", "\x01").encode()


def crumbs() -> bytes:
    crumb = {"message": "\x01" * 9_000}
    return json.dumps({"message": "fat", "breadcrumbs": [crumb] * 90}).replace("\\u0001", "\x01").encode()


def tags() -> bytes:
    found = {f"k{n}" + "\x01" * 190: "\x01" * 1_000 for n in range(200)}
    body = {"message": "fat", "tags": found, "stack_trace": "\x01" * 262_144, "exception": [{"frames": frames(60, "\x01" * 500)}]}  # fmt: skip
    return json.dumps(body).replace("\\u0001", "\x01").encode()


def kept(door: Door) -> list[Event]:
    events = door.take()
    assert all(len(ATLAS_EVENTS.encode(event)) <= limits.MESSAGE_BYTES for event in events)
    return events


@pytest.mark.parametrize("payload", [fat(160), crumbs(), tags()])
def test_an_event_within_its_limit_is_kept_whatever_its_message_becomes(door: Door, payload: bytes):
    assert len(payload) < limits.EVENT_ITEM_BYTES
    assert door.send(store(payload)).status == 200
    assert door.send(native(payload)).status == 202
    assert [event.message for event in kept(door)] == ["fat", "fat"]


def test_what_is_cut_is_marked_and_the_innermost_frame_stays(door: Door):
    door.send(store(fat(160)))
    (event,) = kept(door)
    assert "exception.frames" in event.repairs
    assert [frame.lineno for frame in event.exceptions[0].frames] == list(range(160))
    assert event.exceptions[0].frames[0].context_line == "\x01" * 500


def test_the_frames_at_both_ends_stay_where_not_all_can(door: Door):
    texts = dict.fromkeys(("filename", "abs_path", "function", "module", "context_line"), "\x01" * 512)
    body = {"exception": [{"type": "T", "value": "fat", "frames": [{**texts, "lineno": n} for n in range(250)]}]}
    door.send(store(json.dumps(body).replace("\\u0001", "\x01").encode()))
    (event,) = kept(door)
    numbers = [frame.lineno for frame in event.exceptions[0].frames]
    assert (numbers[0], numbers[-1], 20 < len(numbers) < 250) == (0, 249, True)


def test_the_newest_breadcrumbs_and_the_first_tags_stay(door: Door):
    body = json.loads(crumbs().replace(b"\x01", b"\\u0001"))
    body["breadcrumbs"] = [{**crumb, "n": n} for n, crumb in enumerate(body["breadcrumbs"])]
    door.send(store(json.dumps(body).replace("\\u0001", "\x01").encode()))
    door.send(native(tags()))
    with_crumbs, with_tags = kept(door)
    assert (with_crumbs.breadcrumbs[-1]["n"], "breadcrumbs" in with_crumbs.repairs) == (89, True)
    assert [name[:3] for name in list(with_tags.tags)[:2]] == ["k0\x01", "k1\x01"]
    assert {"tags", "stack_trace"} <= set(with_tags.repairs)


def test_a_fat_event_costs_no_good_one_of_its_envelope(door: Door):
    response = door.send(envelope(GOOD, event_item(fat(160))))
    assert (response.status, response.json()) == (200, {"id": EVENT_ID})
    assert [event.message for event in kept(door)] == ["good", "fat"]


@pytest.mark.parametrize("lines", [True, False], ids=["NDJSON", "array"])
def test_an_item_of_a_batch_past_the_limit_of_one_event_is_told_by_its_place(door: Door, lines: bool):
    items = [json.dumps(GOOD).encode(), fat(250, "x" * 512, 4), b'["' + b"y" * limits.NATIVE_BODY_BYTES + b'"]']
    items.append(fat(160) if lines else b'{"message":"fat"}')
    body = b"\n".join(items) if lines else b"[" + b",".join(items) + b"]"
    response = door.send(Request("/api/ingest/events/batch", body, {"X-API-Key": KEY}))
    assert response.status == 202
    assert [problem["index"] for problem in response.json()["rejected"]] == [1, 2]
    assert "larger than 1,048,576 bytes" in response.json()["rejected"][0]["error"]
    assert [event.message for event in kept(door)] == ["good", "fat"]
