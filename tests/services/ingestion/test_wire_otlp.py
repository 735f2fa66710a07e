"""OpenTelemetry on the wire: what is an error, and what it becomes."""

import gzip
import json
import time
import zlib
from typing import Any

import brotli
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from atlas_core import limits
from atlas_core.events import Level
from tests.services.ingestion.cases import shown
from tests.services.ingestion.door import KEY, UNKNOWN_KEY, Door, Request
from tests.services.ingestion.otlp import (
    BOOM,
    JSON,
    PROTOBUF,
    SPAN_ID,
    TRACE_ID,
    attributes,
    exception,
    logs,
    request,
    span,
    span_exception,
    spans,
)  # fmt: skip

CAUGHT = {"type": "ValueError", "message": "boom", "level": Level.ERROR, "source": "otlp"}
RESOURCE = {"service__name": "shop", "service__version": "1.2", "deployment__environment__name": "prod", "host__name": "web-1",
            "telemetry__sdk__language": "python", "telemetry__sdk__name": "opentelemetry", "telemetry__sdk__version": "1.45"}  # fmt: skip
ABOUT = {"release": "1.2", "environment": "prod", "server_name": "web-1", "platform": "python", "logger": "shop.cart",
         "tags": {"service.name": "shop"}, "sdk": {"name": "opentelemetry", "version": "1.45"}}  # fmt: skip
NOW_NS = int(time.time()) * 10**9


def log(**more: Any) -> dict[str, Any]:
    return logs({**BOOM, **more})


def level(number: int, text: str = "") -> dict[str, Any]:
    return logs(
        {"severityNumber": number, "severityText": text, "body": {"stringValue": "x"}, "attributes": exception()}
    )


RECORDS: list[tuple[str, str, Any, list[dict[str, Any]]]] = [
    ("a log at error", "logs", log(), [{"type": None, "message": "boom", "level": Level.ERROR, "stack_trace": ""}]),
    *(
        (
            f"a log of severity {n}",
            "logs",
            logs({"severityNumber": n, "body": {"stringValue": "x"}}),
            [{"level": Level.CRITICAL if n > 20 else Level.ERROR}] if n >= 17 else [],
        )
        for n in (1, 8, 9, 12, 13, 16, 17, 20, 21, 24)
    ),
    ("a log without severity", "logs", logs({"body": {"stringValue": "x"}}), []),
    *(
        (
            f"a log of severity text {text!r}",
            "logs",
            logs({"severityText": text, "body": {"stringValue": "x"}}),
            [{"level": found}] if found else [],
        )
        for text, found in (
            ("ERROR", Level.ERROR),
            ("error", Level.ERROR),
            ("ERROR3", Level.ERROR),
            ("FATAL", Level.CRITICAL),
            ("CRITICAL", Level.CRITICAL),
            ("WARN", None),
            ("INFO", None),
            ("strange", None),
        )
    ),
    (
        "a log with an exception",
        "logs",
        logs({"severityNumber": 17, "attributes": exception(exception__stacktrace="Traceback\n  x")}),
        [{**CAUGHT, "stack_trace": "Traceback\n  x", "exceptions.0.value": "boom"}],
    ),
    *(
        (f"an exception of severity {n}", "logs", level(n), [{**CAUGHT, "level": found}])
        for n, found in (
            (0, Level.ERROR),
            (1, Level.DEBUG),
            (8, Level.DEBUG),
            (9, Level.INFO),
            (13, Level.WARNING),
            (17, Level.ERROR),
            (21, Level.CRITICAL),
        )
    ),
    ("an exception of severity text", "logs", level(0, "warn"), [{"level": Level.WARNING}]),
    (
        "an exception and a log line",
        "logs",
        logs({"body": {"stringValue": "payment failed"}, "attributes": exception()}),
        [{**CAUGHT, "extra.logged_as": "payment failed"}],
    ),
    (
        "an exception of a type alone",
        "logs",
        logs({"attributes": exception(message=None)}),
        [{"type": "ValueError", "message": "ValueError"}],
    ),
    (
        "an exception of a message alone",
        "logs",
        logs({"attributes": exception(kind=None)}),
        [{"type": "Error", "message": "boom"}],
    ),
    (
        "an exception that escaped",
        "logs",
        logs({"attributes": exception(exception__escaped=bool(1))}),
        [{"exceptions.0.handled": False}],
    ),
    ("a body that is a number", "logs", log(body={"intValue": "7"}), [{"message": "7"}]),
    (
        "a body that is an object",
        "logs",
        log(body={"kvlistValue": {"values": attributes(a="b", n=1)}}),
        [{"message": '{"a":"b","n":1}'}],
    ),
    (
        "a body that is a list",
        "logs",
        log(body={"arrayValue": {"values": [{"stringValue": "a"}, {"boolValue": True}]}}),
        [{"message": '["a",true]'}],
    ),
    ("no body", "logs", logs({"severityNumber": 17}), [{"message": "(no message)"}]),
    (
        "no body but a name",
        "logs",
        logs({"severityNumber": 17, "eventName": "checkout.exception"}),
        [{"message": "checkout.exception"}],
    ),
    ("what the resource says", "logs", logs(BOOM, resource=RESOURCE), [ABOUT]),
    (
        "the older name of the environment",
        "logs",
        logs(BOOM, resource={"deployment__environment": "old"}),
        [{"environment": "old"}],
    ),
    ("no scope", "logs", logs(BOOM, resource={"service__name": "shop"}, scope=""), [{"logger": "shop"}]),
    (
        "attributes",
        "logs",
        log(
            attributes=attributes(
                http__route="/cart", n=1, f=1.5, t=True, many=["a", 1], deep={"a": {"b": 1}}, enduser__id="7"
            )
        ),
        [
            {
                "tags": {"http.route": "/cart", "n": "1", "f": "1.5", "t": "true", "enduser.id": "7"},
                "extra": {"many": ["a", 1], "deep": {"a": {"b": 1}}},
                "user": {"id": "7"},
            }
        ],
    ),
    (
        "ids",
        "logs",
        log(traceId=TRACE_ID, spanId=SPAN_ID),
        [{"contexts.trace": {"trace_id": TRACE_ID, "span_id": SPAN_ID}}],
    ),
    ("a message with NUL", "logs", log(body={"stringValue": "a\x00b"}), [{"message": "a\ufffdb"}]),
    (
        "a secret",
        "logs",
        log(body={"stringValue": "x"}, attributes=attributes(api_key="abc")),
        [{"tags": {"api_key": "[Filtered]"}}],
    ),
    ("a span without events", "traces", spans(span()), []),
    (
        "a span's exception",
        "traces",
        spans(span(span_exception())),
        [{**CAUGHT, "transaction": "GET /cart", "contexts.trace.trace_id": TRACE_ID}],
    ),
    (
        "a span's other events",
        "traces",
        spans(span({"name": "retry"}, span_exception(), {"name": "message"})),
        [CAUGHT],
    ),
    ("a span's exception of nothing", "traces", spans(span({"name": "exception"})), []),
    (
        "two exceptions of a span",
        "traces",
        spans(span(span_exception(), span_exception("KeyError", "k"))),
        [CAUGHT, {"type": "KeyError", "message": "k"}],
    ),
    ("what a span's resource says", "traces", spans(span(span_exception()), resource=RESOURCE), [ABOUT]),
    ("an empty request of logs", "logs", {}, []),
    ("an empty request of spans", "traces", {}, []),
    ("resources of nothing", "logs", {"resourceLogs": [{}]}, []),
    ("scopes of nothing", "logs", {"resourceLogs": [{"scopeLogs": [{}]}]}, []),
]


@pytest.mark.parametrize("kind", [JSON, PROTOBUF], ids=["json", "protobuf"])
@pytest.mark.parametrize(("signal", "content", "kept"), [row[1:] for row in RECORDS], ids=[row[0] for row in RECORDS])
def test_an_error_is_kept_and_all_else_is_accepted_and_dropped(
    door: Door, signal: str, content: Any, kept: list[dict[str, Any]], kind: str
):
    response = door.send(request(signal, content, kind))
    events = door.take()
    assert response.status == 200
    assert response.headers["content-type"] == kind
    assert response.body == (b"{}" if kind == JSON else b"")
    assert [shown(event, expected) for event, expected in zip(events, kept, strict=True)] == kept


@pytest.mark.parametrize("kind", [JSON, PROTOBUF], ids=["json", "protobuf"])
@pytest.mark.parametrize(
    ("times", "kept_ns"),
    [({"timeUnixNano": str(NOW_NS)}, NOW_NS), ({"observedTimeUnixNano": str(NOW_NS)}, NOW_NS),
     ({"timeUnixNano": "0", "observedTimeUnixNano": str(NOW_NS)}, NOW_NS), ({"timeUnixNano": "1"}, None),
     ({"timeUnixNano": str(2**64 - 1)}, None), ({}, None)],
    ids=["time", "observed", "observed for 0", "1970", "2554", "none"],
)  # fmt: skip
def test_a_record_has_its_time_or_that_of_its_receipt(
    door: Door, times: dict[str, str], kept_ns: int | None, kind: str
):
    door.send(request("logs", log(**times), kind))
    (event,) = door.take()
    if kept_ns is None:
        assert event.timestamp == event.received_at
    else:
        assert event.timestamp.timestamp() * 1e9 == kept_ns


#        name, what is sent as JSON, how many are kept, how many rejected
ODD_JSON: list[tuple[str, Any, int, int]] = [
    ("numbers that are no text", log(timeUnixNano=NOW_NS, attributes=[{"key": "n", "value": {"intValue": 42}}]), 1, 0),
    ("members unknown", {**log(), "what": 1, "resourceMetrics": []}, 1, 0),
    ("members unknown inside", log(what=[1], droppedAttributesCount=3), 1, 0),
    ("nulls", {"resourceLogs": [{"resource": None, "scopeLogs": [{"scope": None, "logRecords": None}]}]}, 0, 0),
    ("a null for the resources", {"resourceLogs": None}, 0, 0),
    ("ids in capitals", log(traceId=TRACE_ID.upper(), spanId=SPAN_ID.upper()), 1, 0),
    ("ids that are none", log(traceId="xyz", spanId=7), 1, 0),
    ("a record that is text", logs("x", BOOM), 1, 1),
    ("records that are none", logs(7, None, [], BOOM, 1.5), 1, 4),
    ("attributes that are none", log(attributes="x"), 1, 0),
    ("attributes with odd members", log(attributes=[7, {}, {"key": 5}, {"key": "a"}, {"key": "b", "value": 7}]), 1, 0),
    ("severity as text", log(severityNumber="17"), 1, 0),
    ("severity as 17.0", log(severityNumber=17.0), 1, 0),
    ("severity by its name", log(severityNumber="SEVERITY_NUMBER_ERROR"), 1, 0),
    ("a worse severity by its name", log(severityNumber="SEVERITY_NUMBER_FATAL4"), 1, 0),
    ("a mild severity by its name", log(severityNumber="SEVERITY_NUMBER_WARN4"), 0, 0),
    ("a severity by no name", log(severityNumber="SEVERITY_NUMBER_"), 0, 0),
    ("a group that is none", {"resourceLogs": [*log()["resourceLogs"], 5]}, 1, 1),
    ("a resource that is none", {"resourceLogs": [{**log()["resourceLogs"][0], "resource": 5}]}, 1, 0),
    ("scopes that are none", {"resourceLogs": [{"scopeLogs": "x"}, *log()["resourceLogs"]]}, 1, 1),
    ("a scope that is none", {"resourceLogs": [{"scopeLogs": [7, *log()["resourceLogs"][0]["scopeLogs"]]}]}, 1, 1),
    ("a name of a scope that is none", {"resourceLogs": [{"scopeLogs": [{"scope": 5, "logRecords": [BOOM]}]}]}, 1, 0),
    ("records of the wrong type", {"resourceLogs": [{"scopeLogs": [{"logRecords": "x"}]}]}, 0, 1),
    ("severity of the wrong type", log(severityNumber={"a": 1}), 0, 0),
    ("a body of two kinds", log(body={"stringValue": "boom", "intValue": "1"}), 1, 0),
    ("a body of an unknown kind", log(body={"whatValue": "boom"}), 1, 0),
    ("a body that is text", log(body="boom"), 1, 0),
    ("a time that is none", log(timeUnixNano="soon"), 1, 0),
    ("a time of 300 digits", log(timeUnixNano="9" * 300), 1, 0),
    ("events that are none", spans(span(7, None, span_exception()), {"events": "x"}), 1, 0),
]


@pytest.mark.parametrize(
    ("content", "kept", "rejected"), [row[1:] for row in ODD_JSON], ids=[row[0] for row in ODD_JSON]
)
def test_json_is_read_leniently_and_what_is_no_record_is_named(door: Door, content: Any, kept: int, rejected: int):
    signal = "traces" if "resourceSpans" in content else "logs"
    response = door.send(request(signal, content))
    assert (response.status, len(door.take())) == (200, kept)
    partial = response.json().get("partialSuccess", {})
    assert int(partial.get("rejectedLogRecords", "0")) == rejected
    assert bool(partial.get("errorMessage")) is bool(rejected)


@pytest.mark.parametrize(
    ("text", "kept"),
    [('{"severityNumber":17,"body":{"stringValue":"a\\ud800"}}', 1), ('{"severityNumber":17,"body":{"doubleValue":NaN}}', 1),
     ('{"severityNumber":17,"body":' + '{"arrayValue":{"values":[' * 900 + "1" + "]}}" * 900 + "}", 1),
     ('{"severityNumber":17,"body":' + '{"a":' * 5_000 + "1" + "}" * 5_001, 1)],
    ids=["half a character", "NaN", "900 lists", "5,000 objects"],
)  # fmt: skip
def test_json_beyond_the_standard_costs_no_good_record(door: Door, text: str, kept: int):
    body = json.dumps(logs(BOOM, "HERE")).replace('"HERE"', text).encode()
    response = door.send(request("logs", body))
    assert (response.status, len(door.take())) == (200, kept + 1)


REFUSED: list[tuple[str, Request, int]] = [
    ("no key", Request("/otlp/v1/logs", b"{}", {"Content-Type": JSON}), 401),
    ("a wrong key", request("logs", {}, **{"X-API-Key": UNKNOWN_KEY}), 401),
    ("a key of another project on Sentry's path", request("logs", {}, path="/api/2/integration/otlp/v1/logs"), 403),
    ("no content type", Request("/otlp/v1/logs", b"{}", {"X-API-Key": KEY}), 415),
    ("another content type", request("logs", b"{}", "text/plain"), 415),
    ("another encoding", request("logs", b"{}", **{"Content-Encoding": "compress"}), 415),
    ("not JSON", request("logs", b"nonsense"), 400),
    ("nothing as JSON", request("logs", b""), 400),
    ("a list", request("logs", b"[]"), 400),
    ("resources of the wrong type", request("logs", {"resourceLogs": 7}), 400),
    ("not protobuf", request("logs", b"\xff\xff\xff", PROTOBUF), 400),
    ("JSON said to be protobuf", request("traces", b'{"resourceSpans":[]}', PROTOBUF), 400),
    ("broken gzip", request("logs", b"x", PROTOBUF, **{"Content-Encoding": "gzip"}), 400),
    ("too large", request("logs", b" " * (limits.OTLP_BODY_BYTES + 1)), 413),
    (
        "too large once inflated",
        request("logs", gzip.compress(b" " * (limits.OTLP_BODY_BYTES + 1), 1), **{"Content-Encoding": "gzip"}),
        413,
    ),
]


@pytest.mark.parametrize(("refused", "status"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_refusal_is_a_status_in_the_encoding_of_the_request(door: Door, refused: Request, status: int):
    response = door.send(refused)
    assert (response.status, door.take()) == (status, [])
    if refused.headers.get("Content-Type") == PROTOBUF:
        assert response.headers["content-type"] == PROTOBUF
        said = Status.FromString(response.body)
        assert (said.code > 0, bool(said.message)) == (True, True)
    else:
        assert set(response.json()) == {"code", "message"}
    assert len(response.body) < 1_000


@pytest.mark.parametrize(
    ("path", "headers"),
    [("", {}), ("/otlp/v1/logs/", {}), ("/prefix/otlp/v1/logs", {}), ("/api/1/integration/otlp/v1/logs", {}),
     ("/api/1/otlp/v1/logs", {}), ("", {"x-api-key": KEY}), ("", {"X-API-Key": "", "Authorization": f"Bearer {KEY}"}),
     ("/api/1/integration/otlp/v1/logs", {"X-API-Key": "", "x-sentry-auth": f"sentry sentry_key={KEY}"}),
     ("", {"Content-Type": "Application/JSON; charset=utf-8"})],
)  # fmt: skip
def test_a_request_is_taken_on_every_path_and_with_every_form_of_key(door: Door, path: str, headers: dict[str, str]):
    assert door.send(request("logs", log(), path=path, **headers)).status == 200
    assert len(door.take()) == 1


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress), ("identity", bytes)],
)
@pytest.mark.parametrize("kind", [JSON, PROTOBUF], ids=["json", "protobuf"])
def test_a_request_may_be_packed_and_chunked(door: Door, encoding: str, pack: Any, kind: str):
    sent = request("logs", log(), kind, **{"Content-Encoding": encoding})
    packed = pack(sent.body)
    sent.chunks = [packed[:7], packed[7:]]
    assert door.send(sent).status == 200
    assert len(door.take()) == 1


def test_partly_bad_protobuf_cannot_be_but_too_many_errors_can(door: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "OTLP_EVENTS", 3)
    response = door.send(request("logs", logs(*[BOOM] * 5), PROTOBUF))
    partial = ExportLogsServiceResponse.FromString(response.body).partial_success
    assert (response.status, partial.rejected_log_records, len(door.take())) == (200, 2, 3)
    assert partial.error_message
    response = door.send(request("traces", spans(span(*[span_exception()] * 5)), PROTOBUF))
    spans_partial = ExportTraceServiceResponse.FromString(response.body).partial_success
    assert (spans_partial.rejected_spans, len(door.take())) == (2, 3)
