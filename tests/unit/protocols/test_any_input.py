"""Whatever arrives: an event, or an error raised on purpose; and every event can travel and be stored."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas_core import limits
from atlas_core.errors import RejectedError
from atlas_core.events import Event
from atlas_core.protocols import native, sentry
from atlas_core.protocols.credentials import keys_of
from atlas_core.protocols.decoding import read_json, without_depths
from atlas_core.protocols.envelope import EnvelopeReader
from atlas_core.protocols.inflating import inflate
from atlas_core.protocols.interpolation import interpolated
from atlas_core.protocols.otlp import events_of
from atlas_core.protocols.otlp_ids import Ids, Ordinals
from atlas_core.protocols.otlp_json import from_json
from atlas_core.protocols.otlp_protobuf import from_protobuf
from atlas_core.protocols.security import parse_security
from atlas_core.protocols.storable import fitted, storable_tree
from atlas_core.protocols.times import parsed_time
from atlas_core.scrubbing import scrub
from atlas_core.topics import ATLAS_EVENTS

# A loaded machine must not fail a test; a wider search is one number away.
searched = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PROJECT = UUID(int=1)

texts = st.text(st.characters(), max_size=20)  # half surrogates and NUL too
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
MEMBERS = (
    "event_id", "timestamp", "level", "message", "logentry", "exception", "stacktrace", "stack_trace", "platform",
    "fingerprint", "tags", "breadcrumbs", "contexts", "user", "extra", "request", "modules", "sdk", "threads",
    "release", "environment", "server_name", "transaction", "logger", "dist", "type", "value", "values", "frames",
    "mechanism", "handled", "filename", "abs_path", "function", "lineno", "in_app", "vars", "pre_context", "params",
    "formatted", "data", "category", "ip_address", "sentry.interfaces.Message", "culprit", "csp-report", "body",
)  # fmt: skip
# Objects whose members are those that the readers look at, filled with anything.
payloads = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=6),
    max_leaves=25,
)


OTLP_MEMBERS = (
    "resourceLogs", "resourceSpans", "resource", "scopeLogs", "scopeSpans", "scope", "logRecords", "spans", "events",
    "name", "attributes", "key", "value", "stringValue", "intValue", "doubleValue", "arrayValue", "kvlistValue",
    "values", "body", "severityNumber", "severityText", "timeUnixNano", "traceId", "spanId", "eventName",
)  # fmt: skip
otlp_values = st.recursive(
    scalars | st.sampled_from(["exception", "exception.type", "exception.message", "0" * 31 + "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(OTLP_MEMBERS), inner, max_size=5),
    max_leaves=20,
)
attributes = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["exception.type", "exception.message", "exception.stacktrace", "x"]),
            "value": otlp_values,
        }
    ),
    max_size=4,
)
records = st.lists(
    st.dictionaries(st.sampled_from(OTLP_MEMBERS), otlp_values | attributes, max_size=6) | scalars, max_size=3
)


def encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=True).encode("utf-8", "surrogatepass")


def assert_travels(event: Event) -> None:
    body = ATLAS_EVENTS.encode(scrub(event))
    assert ATLAS_EVENTS.decode(body) == event
    assert b"\x00" not in body
    texts = [event.message, event.stack_trace, event.type or "", *event.tags.values(), event.release or ""]
    assert not any("\x00" in text for text in texts)
    assert len(event.message) <= limits.MESSAGE_CHARACTERS
    assert event.message
    assert -limits.CLOCK_FUTURE_S <= (event.received_at - event.timestamp).total_seconds() <= limits.CLOCK_PAST_S


@searched
@given(payloads)
def test_any_json_is_a_native_event_or_rejected(value):
    for read in (lambda: native.event_of(value, PROJECT, NOW), lambda: native.parse(encoded(value), PROJECT, NOW)):
        try:
            assert_travels(read())
        except RejectedError:
            continue


@searched
@given(payloads, values)
def test_any_json_is_a_sentry_event_or_rejected(value, sent_at):
    sender = sentry.Sender(sent_at, "10.0.0.1")
    try:
        assert_travels(sentry.event_of(read_json(encoded(value)), PROJECT, NOW, None, sender))
    except RejectedError:
        assert not isinstance(value, dict)


@searched
@given(st.lists(payloads, max_size=4), st.sampled_from(["", "application/x-ndjson"]))
def test_any_batch_has_an_event_or_an_error_for_every_item(items, kind):
    body = b"\n".join(map(encoded, items)) if kind else encoded(items)
    assert len(native.parse_batch(body, kind, PROJECT, NOW)) == len(items)


@searched
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_rejected(body):
    readers = [
        lambda: read_json(body),
        lambda: native.parse(body, PROJECT, NOW),
        lambda: native.parse_batch(body, "", PROJECT, NOW),
        lambda: sentry.parse_store(body, PROJECT, NOW, None),
        lambda: sentry.parse_store(base64.b64encode(body), PROJECT, NOW, None),
        lambda: parse_security(body, PROJECT, NOW, {}),
        *(lambda name=name: inflate(body, name, 1_000) for name in ("gzip", "deflate", "br", "zstd", "")),
    ]
    for read in readers:
        try:
            read()
        except RejectedError:
            continue


@searched
@given(st.lists(st.binary(max_size=60), max_size=8), st.lists(st.integers(0, 80), max_size=4))
def test_an_envelope_reads_the_same_in_one_piece_and_in_many(lines, cuts):
    body = b"\n".join(lines)
    whole, pieces = EnvelopeReader(), EnvelopeReader()
    whole.feed(body)
    at = 0
    for cut in cuts:
        pieces.feed(body[at : at + cut])
        at += cut
    pieces.feed(body[at:])
    for reader in (whole, pieces):
        reader.finish()
    state = [(r.header, r.events, r.dropped, r.broken) for r in (whole, pieces)]
    assert state[0] == state[1]


@searched
@given(payloads, st.lists(payloads, max_size=3), st.sampled_from(["event", "session", 7]), st.booleans())
def test_an_envelope_of_anything_is_read_or_rejected(header, items, kind, sized):
    reader = EnvelopeReader()
    reader.feed(encoded(header))
    for item in items:
        content = encoded(item)
        about = {"type": kind, "length": len(content)} if sized else {"type": kind}
        reader.feed(b"\n" + encoded(about) + b"\n" + content)
    reader.finish()
    try:
        for event in sentry.parse_envelope(reader, PROJECT, NOW, None).events:
            assert_travels(event)
    except RejectedError:
        return


@searched
@given(values)
def test_a_value_is_storable_whatever_it_holds(value):
    clean = storable_tree(value)
    text = msgspec.json.encode(clean)
    assert b"\\u0000" not in text
    assert storable_tree(clean) == clean


@searched
@given(st.dictionaries(texts, values, max_size=8), st.integers(60, 400))
def test_an_object_is_cut_to_its_size(value, size):
    clean = storable_tree(value)
    assert len(msgspec.json.encode(fitted(clean, size))) <= size + 24


@searched
@given(st.integers() | st.floats() | st.text() | st.datetimes().map(str) | values)
def test_any_value_is_a_time_or_none(value):
    at = parsed_time(value)
    assert at is None or at.utcoffset() == timedelta(0)


@searched
@given(st.text(), values)
def test_any_template_is_filled_without_an_error(template, params):
    shown = interpolated(template, params)
    assert shown is None or len(shown) <= 9 * limits.MESSAGE_CHARACTERS


@searched
@given(
    st.lists(st.tuples(st.sampled_from([b"x-sentry-auth", b"authorization", b"x-api-key"]), st.binary())), st.binary()
)
def test_any_headers_name_keys_or_none(headers, query):
    assert all(keys_of(headers, query))


@searched
@given(values, st.integers(1, 6))
def test_cutting_depths_off_leaves_json(value, depth):
    def deepest(item: Any) -> int:
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else None
        return 0 if children is None else 1 + max(map(deepest, children), default=0)

    body = msgspec.json.encode(storable_tree(value))
    cut = msgspec.json.decode(without_depths(body, depth))
    assert deepest(cut) <= depth
    if deepest(value) <= depth:
        assert without_depths(body, depth) == body


def otlp_request(signal: str, found: list[Any]) -> dict[str, Any]:
    if signal == "logs":
        return {"resourceLogs": [{"scopeLogs": [{"logRecords": found}]}]}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{"events": found}]}]}]}


@searched
@given(st.sampled_from(["logs", "traces"]), otlp_values, records, st.binary(max_size=80))
def test_any_otlp_is_events_or_rejected(signal, value, found, noise):
    ordinals = Ordinals()
    reads = [
        lambda: from_json(signal, encoded(value)),
        lambda: from_json(signal, encoded(otlp_request(signal, found))),
        lambda: from_json(signal, noise),
        lambda: from_protobuf(signal, noise),
    ]
    for read in reads:
        try:
            for event in events_of(read(), PROJECT, NOW, Ids(PROJECT, signal, b"x", ordinals)):
                assert_travels(event)
        except RejectedError:
            continue


def test_ordinals_are_bounded_and_stay_told_apart():
    ordinals = Ordinals()
    places = [ordinals.of(b"key", n.to_bytes(8, "big")) for n in range(3_000)]
    assert len(set(places)) == 3_000
    assert [ordinals.of(b"key", n.to_bytes(8, "big")) for n in range(3_000)] == places
    for n in range(20_001):
        ordinals.of(n.to_bytes(4, "big"), b"x")
    assert ordinals.of(b"key", b"another") == 0, "the oldest span is forgotten first"
