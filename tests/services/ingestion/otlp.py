"""OTLP requests, in JSON and in protobuf, of the same records."""

import json
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.services.ingestion.door import KEY, Request

TRACE_ID = "5b8efff798038103d269b633813fc60c"
SPAN_ID = "eee19b7ec3c1b174"
JSON = "application/json"
PROTOBUF = "application/x-protobuf"
BOOM = {"severityNumber": 17, "body": {"stringValue": "boom"}}
REQUESTS = {"logs": ExportLogsServiceRequest, "traces": ExportTraceServiceRequest}


def attributes(**values: Any) -> list[dict[str, Any]]:
    """Attributes; `__` in a name stands for a dot."""
    return [{"key": name.replace("__", "."), "value": value_of(value)} for name, value in values.items()]


def value_of(value: Any) -> Any:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [value_of(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": attributes(**value)}}
    return {"stringValue": value}


def exception(kind: Any = "ValueError", message: Any = "boom", **more: Any) -> list[dict[str, Any]]:
    known = {"exception__type": kind, "exception__message": message}
    return attributes(**{name: value for name, value in known.items() if value is not None}, **more)


def logs(*records: Any, resource: Any = None, scope: str = "shop.cart") -> dict[str, Any]:
    scopes = [{"scope": {"name": scope}, "logRecords": list(records)}]
    return {"resourceLogs": [{"resource": {"attributes": attributes(**(resource or {}))}, "scopeLogs": scopes}]}


def spans(*spans_: Any, resource: Any = None) -> dict[str, Any]:
    scopes = [{"scope": {"name": "shop.cart"}, "spans": list(spans_)}]
    return {"resourceSpans": [{"resource": {"attributes": attributes(**(resource or {}))}, "scopeSpans": scopes}]}


def span(*events: Any, **more: Any) -> dict[str, Any]:
    return {"traceId": TRACE_ID, "spanId": SPAN_ID, "name": "GET /cart", "events": list(events), **more}


def span_exception(kind: Any = "ValueError", message: Any = "boom", **more: Any) -> dict[str, Any]:
    return {"name": "exception", "attributes": exception(kind, message), **more}


def request(signal: str, content: Any, kind: str = JSON, path: str = "", **headers: str) -> Request:
    """A request; `content` is JSON, an object that protobuf can hold too, or bytes."""
    if isinstance(content, bytes):
        body = content
    elif kind == JSON:
        body = json.dumps(content).encode()
    else:
        body = ParseDict(_ids_as_bytes(content), REQUESTS[signal]()).SerializeToString()
    return Request(path or f"/otlp/v1/{signal}", body, {"X-API-Key": KEY, "Content-Type": kind, **headers})


def _ids_as_bytes(value: Any) -> Any:
    """Return the same with ids in base64, as protobuf's own JSON has them."""
    import base64

    if isinstance(value, list):
        return [_ids_as_bytes(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64encode(bytes.fromhex(child)).decode() if name in ("traceId", "spanId") else _ids_as_bytes(child)
        for name, child in value.items()
    }
