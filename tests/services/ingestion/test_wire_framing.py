"""Envelopes as SDKs frame them, and as they should not."""

import json

import pytest

from atlas_core import limits
from tests.services.ingestion.cases import AUTH, EVENT_ID, Case, check, envelope, event_item, item
from tests.services.ingestion.door import Door, Request, Response

BOOM = {"message": "boom"}
ONE = [{"message": "boom"}]
PAYLOAD = json.dumps(BOOM).encode()
OTHER_ID = "11111111222233334444555566667777"
UNKNOWN = ("session", "sessions", "attachment", "client_report", "user_report", "feedback", "check_in", "log",
           "trace_metric", "span", "profile", "profile_chunk", "replay_event", "replay_recording", "replay_video",
           "statsd", "metric_buckets", "otel_log", "transaction", "nel", "raw_security", "form_data", "whatever")  # fmt: skip


def raw(body: bytes) -> Request:
    return Request("/api/1/envelope/", body, dict(AUTH))


def answered(expected: object) -> object:
    def look(response: Response) -> None:
        assert response.json() == expected

    return look


HEADER = json.dumps({"event_id": EVENT_ID}).encode() + b"\n"
LONG = b'{"type":"event","x":"' + b"y" * (limits.HEADER_LINE_BYTES - 23) + b'"}'
CASES = [
    Case("with its length", envelope(BOOM), 200, ONE, answered({"id": EVENT_ID})),
    Case("with its length and a newline at the end", envelope(BOOM, tail=b"\n"), 200, ONE),
    Case("without its length", envelope(item("event", PAYLOAD)), 200, ONE),
    Case("without its length, with a newline at the end", envelope(item("event", PAYLOAD), tail=b"\n"), 200, ONE),
    Case("a length of null", envelope(item("event", PAYLOAD, length=None)), 200, ONE),
    Case("a length that is text", envelope(item("event", PAYLOAD, length="x")), 200, ONE),
    Case("a negative length", envelope(item("event", PAYLOAD, length=-1)), 200, ONE),
    Case("a length of true", envelope(item("event", PAYLOAD, length=True)), 200, ONE),
    Case("a length in bytes, not characters", envelope({"message": "caf\u00e9"}), 200, [{"message": "caf\u00e9"}]),
    Case("lines ended by CR LF", raw(HEADER + b'{"type":"event"}\r\n' + PAYLOAD + b"\r\n"), 200, ONE),
    Case("blank lines between", envelope(b"", b"", BOOM, b"", b"", tail=b"\n\n\n"), 200, ONE),
    Case("a blank line at the start", raw(b"\n" + HEADER + event_item(BOOM)), 200, ONE),
    Case("a payload over several lines", envelope(event_item(b'{\n"message":\n"boom"\n}')), 200, ONE),
    Case("an empty attachment before", envelope(item("attachment", b"", length=0), BOOM), 200, ONE),
    Case("an empty attachment behind", envelope(BOOM, item("attachment", b"", length=0)), 200, ONE),
    Case("an empty attachment at the very end", envelope(BOOM, b'{"type":"attachment","length":0}'), 200, ONE),
    Case("an attachment that looks like items", envelope(item("attachment", event_item({"message": "no"}), length=len(event_item({"message": "no"}))), BOOM), 200, ONE),
    Case("a header with all it may hold", envelope(BOOM, header={"event_id": EVENT_ID, "sent_at": "2026-11-24T12:00:00Z", "sdk": {"name": "x"}, "trace": {"a": 1}, "more": None}), 200, ONE),
    Case("an empty header", envelope(BOOM, header={}), 200, ONE),
    Case("a header with a byte order mark", raw(b"\xef\xbb\xbf{}\n" + event_item(BOOM)), 200, ONE),
    Case("a dashed id in capitals", envelope(BOOM, header={"event_id": "FC6D8C0C-43FC-4630-AD85-0EE518F1B9D0"}), 200, ONE, answered({"id": EVENT_ID})),
    Case("the header's id before the payload's", envelope({**BOOM, "event_id": OTHER_ID}), 200, ONE, answered({"id": EVENT_ID})),
    Case("the payload's id alone", envelope({**BOOM, "event_id": OTHER_ID}, header={}), 200, ONE, answered({"id": OTHER_ID})),
    Case("garbage for the header's id", envelope({**BOOM, "event_id": OTHER_ID}, header={"event_id": "x"}), 200, ONE, answered({"id": OTHER_ID})),
    Case("a number for the header's id", envelope({**BOOM, "event_id": OTHER_ID}, header={"event_id": 7}), 200, ONE, answered({"id": OTHER_ID})),
    Case("two events", envelope(BOOM, {"message": "second"}), 200, [{"message": "boom"}, {"message": "second"}], answered({"id": EVENT_ID})),
    Case("an item of another kind's id", envelope(item("session", b"{}")), 200, [], answered({"id": EVENT_ID})),
    Case("no item", envelope(header={}), 200, [], answered({})),
    Case("no item, no newline", raw(b"{}"), 200, [], answered({})),
    *(Case(f"an item {kind!r} before and behind", envelope(item(kind, b'{"a":1}'), BOOM, item(kind, b"x", length=1)), 200, ONE) for kind in UNKNOWN),
    Case("an item without a type", envelope(b'{"length":2}\n{}', BOOM), 200, ONE),
    Case("an item whose type is a number", envelope(b'{"type":7}\n{}', BOOM), 200, ONE),
    Case("unknown members of an item's header", envelope(event_item(BOOM, filename="x", item_count=3, platform="y")), 200, ONE),
    Case("an event that is not JSON before a good one", envelope(event_item(b"{nonsense"), BOOM), 200, ONE),
    Case("an event that is not JSON behind a good one", envelope(BOOM, event_item(b"{nonsense")), 200, ONE),
    Case("an event that is a list before a good one", envelope(event_item(b"[]"), BOOM), 200, ONE),
    Case("an empty event before a good one", envelope(item("event", b"", length=0), BOOM), 200, ONE),
    Case("an event that is not JSON alone", envelope(event_item(b"{nonsense")), 400, []),
    Case("an event that is not JSON beside a session", envelope(event_item(b"{nonsense"), item("session", b"{}")), 200, []),
    Case("a length too short, behind a good event", envelope(BOOM, item("event", PAYLOAD, length=3)), 200, ONE),
    Case("a length too long, behind a good event", envelope(BOOM, item("event", PAYLOAD, length=999)), 200, ONE),
    Case("a length too long alone", envelope(item("event", PAYLOAD, length=999)), 400, []),
    Case("a length without end", envelope(BOOM, item("event", PAYLOAD, length=10**30)), 200, ONE),
    Case("an item's header that is not JSON, behind a good event", envelope(BOOM, b"nonsense\n{}"), 200, ONE),
    Case("an item's header that is not JSON alone", envelope(b"nonsense\n{}"), 400, []),
    Case("an item's header that is a list", envelope(BOOM, b"[]\n{}", {"message": "lost"}), 200, ONE),
    Case("an item's header of the longest size", envelope(LONG + b"\n" + PAYLOAD), 200, ONE),
    Case("an item's header too long", envelope(BOOM, LONG + b" \n" + PAYLOAD), 200, ONE),
    Case("a header too long", raw(b'{"a":"' + b"x" * limits.HEADER_LINE_BYTES + b'"}\n' + event_item(BOOM)), 400, []),
    Case("an item cut off behind its header", envelope(BOOM, b'{"type":"event","length":5}'), 200, ONE),
    Case("nothing at all", raw(b""), 400, []),
    Case("blanks", raw(b"\n\n \n"), 400, []),
    Case("a list for a header", raw(b"[]\n" + event_item(BOOM)), 400, []),
    Case("a header that is not JSON", raw(b"nonsense\n" + event_item(BOOM)), 400, []),
    Case("noise", raw(bytes(range(256)) * 9), 400, []),
    Case("a header of 3,000 brackets", raw(b"[" * 3_000), 400, []),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_envelope_gives_what_can_be_had_of_it(door: Door, case: Case):
    check(door, case)


def test_an_envelope_sent_twice_has_the_same_ids_even_for_events_without_one(door: Door):
    request = envelope(BOOM, BOOM, BOOM)
    assert door.send(request).json() == door.send(request).json() == {"id": EVENT_ID}
    ids = [event.event_id for event in door.take()]
    assert ids[:3] == ids[3:]
    assert len(set(ids)) == 3


def test_an_envelope_holds_a_bounded_number_of_events(door: Door):
    response = door.send(envelope(*[BOOM] * (limits.ENVELOPE_EVENTS + 5)))
    assert (response.status, len(door.take())) == (200, limits.ENVELOPE_EVENTS)
