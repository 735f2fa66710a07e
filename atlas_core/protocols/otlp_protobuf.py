"""OTLP in protobuf."""

import base64
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from atlas_core.errors import RejectedError
from atlas_core.protocols.otlp_reports import EXCEPTION, LOGS, SPAN_DIGITS, TRACE_DIGITS, Report, Reports, valid_id


def from_protobuf(signal: str, body: bytes) -> Reports:
    """Return the reports of an `Export...ServiceRequest`.

    Raises:
        RejectedError: The bytes are none.
    """
    try:
        if signal == LOGS:
            return Reports(signal, _protobuf_logs(ExportLogsServiceRequest.FromString(body)))
        return Reports(signal, _protobuf_spans(ExportTraceServiceRequest.FromString(body)))
    except DecodeError as error:
        raise RejectedError(f"the body is not an OTLP request of {signal} in protobuf") from error


def _protobuf_logs(request: ExportLogsServiceRequest) -> Iterator[Report]:
    for group in request.resource_logs:
        resource = _attributes(group.resource.attributes)
        for scope in group.scope_logs:
            for record in scope.log_records:
                yield Report(
                    resource, scope.scope.name, _attributes(record.attributes),
                    record.time_unix_nano or record.observed_time_unix_nano,
                    valid_id(record.trace_id.hex(), TRACE_DIGITS), valid_id(record.span_id.hex(), SPAN_DIGITS),
                    record.event_name, _value(record.body), record.severity_number, record.severity_text,
                )  # fmt: skip


def _protobuf_spans(request: ExportTraceServiceRequest) -> Iterator[Report]:
    for group in request.resource_spans:
        resource = _attributes(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                trace_id = valid_id(span.trace_id.hex(), TRACE_DIGITS)
                span_id = valid_id(span.span_id.hex(), SPAN_DIGITS)
                for event in span.events:
                    if event.name == EXCEPTION:
                        yield Report(
                            resource, scope.scope.name, _attributes(event.attributes), event.time_unix_nano, trace_id,
                            span_id, event.name, transaction=span.name,
                        )  # fmt: skip


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)
