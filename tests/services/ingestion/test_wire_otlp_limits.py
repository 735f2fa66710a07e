"""OpenTelemetry's requests in bounds: what is too much is rejected by number, what is odd is mended and marked."""

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from atlas_core import limits
from atlas_core.events import Level
from tests.services.ingestion.door import Door, Response
from tests.services.ingestion.otlp import (
    BOOM,
    JSON,
    PROTOBUF,
    attributes,
    exception,
    logs,
    request,
    span,
    span_exception,
    spans,
)

CALM = {"severityNumber": 9, "body": {"stringValue": "calm"}}
KINDS = pytest.mark.parametrize("kind", [JSON, PROTOBUF], ids=["json", "protobuf"])


def rejected(response: Response, signal: str = "logs") -> int:
    assert response.status == 200
    if response.headers["content-type"] == JSON:
        partial = response.json().get("partialSuccess", {})
        return int(partial.get("rejectedLogRecords" if signal == "logs" else "rejectedSpans", "0"))
    if signal == "logs":
        return ExportLogsServiceResponse.FromString(response.body).partial_success.rejected_log_records
    return ExportTraceServiceResponse.FromString(response.body).partial_success.rejected_spans


@KINDS
def test_records_past_the_limit_are_rejected_by_number(door: Door, kind: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "OTLP_RECORDS", 4)
    assert rejected(door.send(request("logs", logs(CALM, BOOM, CALM, BOOM), kind))) == 0
    assert len(door.take()) == 2
    assert rejected(door.send(request("logs", logs(CALM, BOOM, CALM, BOOM, BOOM, CALM), kind))) == 2
    assert len(door.take()) == 2
    assert rejected(door.send(request("logs", logs(*[CALM] * 40), kind))) == 36
    assert door.send(request("logs", logs(*[CALM] * 41), kind)).status == 413


@KINDS
def test_groups_past_the_limit_are_too_many(door: Door, kind: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "OTLP_RECORDS", 4)
    group = logs(BOOM)["resourceLogs"][0]
    assert door.send(request("logs", {"resourceLogs": [group] * 2}, kind)).status == 200
    assert door.send(request("logs", {"resourceLogs": [group] * 3}, kind)).status == 413
    assert len(door.take()) == 2


@KINDS
@pytest.mark.parametrize("limit", ["OTLP_EVENTS", "OTLP_EVENTS_BYTES"])
def test_errors_past_the_limit_are_rejected_and_others_are_not(
    door: Door, kind: str, limit: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, limit, 2 if limit == "OTLP_EVENTS" else 400)
    assert rejected(door.send(request("logs", logs(BOOM, CALM, BOOM, CALM, BOOM, BOOM, CALM), kind))) == 2
    assert len(door.take()) == 2


@KINDS
def test_exceptions_of_spans_past_the_limit_are_rejected(door: Door, kind: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "OTLP_EVENTS", 2)
    sent = spans(span(*[span_exception()] * 3, {"name": "retry"}), span(span_exception()))
    assert rejected(door.send(request("traces", sent, kind)), "traces") == 2
    assert len(door.take()) == 2


def test_as_many_errors_as_a_batch_may_hold_are_taken():
    assert limits.OTLP_EVENTS == limits.BATCH_EVENTS


def test_a_record_in_protobuf_that_is_huge_or_broken_costs_itself(door: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "OTLP_RECORD_BYTES", 1_000)
    huge = {**BOOM, "attributes": attributes(a="x" * 1_000)}
    assert rejected(door.send(request("logs", logs(BOOM, huge, BOOM), PROTOBUF))) == 1
    assert len(door.take()) == 2
    body = request("logs", logs(BOOM, {"severityNumber": 17, "body": {"stringValue": "boon"}}), PROTOBUF).body
    assert rejected(door.send(request("logs", body.replace(b"boon", b"bo\xff\xff"), PROTOBUF))) == 1
    assert [event.message for event in door.take()] == ["boom"]


@pytest.mark.parametrize("field", [b"\x18\x00", b"\x1a\x00", b"\x1d....", b"\x19........"])
def test_fields_that_nobody_knows_are_passed_over_up_to_a_number(
    door: Door, field: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "OTLP_RECORDS", 3)
    good = request("logs", logs(BOOM), PROTOBUF).body
    assert door.send(request("logs", field * 50 + good, PROTOBUF)).status == 200
    assert door.send(request("logs", good + field * 61, PROTOBUF)).status == 413
    assert len(door.take()) == 1


@pytest.mark.parametrize(
    "end", [b"\0\0", b"\x0a\x05", b"\x0b\x0c", b"\x0f", b"\x0a", b"\x08" + b"\xff" * 11, b"\x1d..."]
)
def test_a_request_whose_end_is_no_protobuf_is_refused_as_a_whole(door: Door, end: bytes):
    good = request("logs", logs(BOOM), PROTOBUF).body
    assert door.send(request("logs", good + end, PROTOBUF)).status == 400
    assert door.take() == []


def test_a_request_of_too_many_values_is_bounded(door: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "OTLP_VALUES", 5)
    many = {"severityNumber": 17, "attributes": [*exception(), *attributes(**{f"a{n}": n for n in range(9)})]}
    assert rejected(door.send(request("logs", logs(many, many), PROTOBUF))) == 1
    assert [len(event.tags) for event in door.take()] == [3]
    monkeypatch.setattr(limits, "OTLP_JSON_COMMAS", 20)
    assert door.send(request("logs", logs(many, many))).status == 413


def test_a_resource_and_a_scope_may_stand_behind_their_records_or_be_broken(door: Door):
    def one(name: str) -> bytes:
        return request("logs", logs(BOOM, resource={"service__name": name}, scope=""), PROTOBUF).body

    whole = ExportLogsServiceRequest.FromString(one("shop"))
    group = whole.resource_logs[0]
    resource, rest = group.resource.SerializeToString(), group.scope_logs[0].SerializeToString()
    inside = b"\x12" + bytes([len(rest)]) + rest + b"\x0a" + bytes([len(resource)]) + resource
    assert rejected(door.send(request("logs", b"\x0a" + bytes([len(inside)]) + inside, PROTOBUF))) == 0
    assert rejected(door.send(request("logs", one("shop").replace(b"shop", b"\xff\xff\xff\xff"), PROTOBUF))) == 0
    assert [event.tags for event in door.take()] == [{"service.name": "shop"}, {}]


VALUES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("a whole number as 42.0", {"attributes": [{"key": "n", "value": {"intValue": 42.0}}]}, {"tags": {"n": "42"}}),
    ("a number that is none", {"attributes": [{"key": "n", "value": {"intValue": "x"}}]}, {"tags": {"n": "x"}}),
    ("severity as 21.0", {"severityNumber": 21.0}, {"level": Level.CRITICAL}),
    ("severity by its name", {"severityNumber": "SEVERITY_NUMBER_FATAL"}, {"level": Level.CRITICAL}),
    ("a time that is none", {"timeUnixNano": "soon"}, {"repairs": ["timestamp"]}),
    ("no time", {"timeUnixNano": None}, {"repairs": []}),
]


@pytest.mark.parametrize(("more", "expected"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES])
def test_odd_values_in_json_are_read_or_marked(door: Door, more: dict[str, Any], expected: dict[str, Any]):
    assert door.send(request("logs", logs({**BOOM, **more}))).body == b"{}"
    (event,) = door.take()
    assert {name: getattr(event, name) for name in expected} == expected


@pytest.mark.parametrize("times", [{"timeUnixNano": 1764e15}, {"timeUnixNano": "x", "observedTimeUnixNano": 1764e15}])
def test_a_time_may_be_a_float_and_the_observed_one_stands_in_for_a_bad_one(
    door: Door, times: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "CLOCK_PAST_S", 10**10)
    door.send(request("logs", json.dumps(logs({**BOOM, **times})).encode()))
    (event,) = door.take()
    assert event.timestamp.timestamp() == 1_764_000_000
