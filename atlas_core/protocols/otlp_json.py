"""OTLP in JSON: ids in hex, 64-bit numbers as text or numbers, members unknown to us ignored."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from atlas_core import limits
from atlas_core.errors import RejectedError
from atlas_core.protocols.decoding import read_json
from atlas_core.protocols.otlp_reports import EXCEPTION, LOGS, SPAN_DIGITS, TRACE_DIGITS, Report, Reports, valid_id
from atlas_core.protocols.storable import storable_tree

Json = dict[str, Any]


def from_json(signal: str, body: bytes) -> Reports:
    """Return the reports of an OTLP request in JSON; a record that is no object costs itself.

    Raises:
        RejectedError: The body is not JSON of an OTLP request.
    """
    request = _json_request(signal, body)
    reports = Reports(signal, iter(()))
    reports.found = _found(request, reports)
    return reports


def _found(request: "_Request", reports: Reports) -> Iterator[Report]:
    is_logs = reports.signal == LOGS
    read = _json_log if is_logs else _json_span
    for group in (request.resource_logs if is_logs else request.resource_spans) or ():
        resource = _json_attributes((group.resource or {}).get("attributes"))
        for scope in (group.scope_logs if is_logs else group.scope_spans) or ():
            name = _text((scope.scope or {}).get("name"))
            for raw in (scope.log_records if is_logs else scope.spans) or ():
                record = _json_record(raw)
                if record is None:
                    reports.rejected += 1
                else:
                    yield from read(record, resource, name)


class _Scope(msgspec.Struct, rename="camel"):
    scope: Json | None = None
    log_records: list[msgspec.Raw] | None = None
    spans: list[msgspec.Raw] | None = None


class _Group(msgspec.Struct, rename="camel"):
    resource: Json | None = None
    scope_logs: list[_Scope] | None = None
    scope_spans: list[_Scope] | None = None


class _Request(msgspec.Struct, rename="camel"):
    resource_logs: list[_Group] | None = None
    resource_spans: list[_Group] | None = None


def _json_request(signal: str, body: bytes) -> _Request:
    try:
        return msgspec.json.decode(body, type=_Request)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        tidy = msgspec.json.encode(storable_tree(read_json(body)))
    try:
        return msgspec.json.decode(tidy, type=_Request)
    except msgspec.ValidationError as error:
        raise RejectedError(f"the body is not an OTLP request of {signal} in JSON") from error


def _json_record(raw: msgspec.Raw) -> Json | None:
    try:
        record = read_json(bytes(raw))
    except RejectedError:
        return None
    return record if isinstance(record, dict) else None


def _json_log(record: Json, resource: Json, scope: str) -> list[Report]:
    report = _report(record, resource, scope)
    report.at_ns = report.at_ns or _integer(record.get("observedTimeUnixNano"))
    report.name = _text(record.get("eventName"))
    report.body = _json_value(record.get("body"))
    report.severity = _integer(record.get("severityNumber"))
    report.severity_text = _text(record.get("severityText"))
    return [report]


def _json_span(span: Json, resource: Json, scope: str) -> list[Report]:
    events = span.get("events")
    known = [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []
    found = [_report(event, resource, scope) for event in known if event.get("name") == EXCEPTION]
    for report in found:
        report.trace_id = valid_id(span.get("traceId"), TRACE_DIGITS)
        report.span_id = valid_id(span.get("spanId"), SPAN_DIGITS)
        report.transaction = _text(span.get("name"))
    return found


def _report(record: Json, resource: Json, scope: str) -> Report:
    """Return what log records and span events have in common."""
    return Report(
        resource,
        scope,
        _json_attributes(record.get("attributes")),
        _integer(record.get("timeUnixNano")),
        valid_id(record.get("traceId"), TRACE_DIGITS),
        valid_id(record.get("spanId"), SPAN_DIGITS),
    )


def _json_attributes(pairs: Any, depth: int = limits.JSON_DEPTH) -> Json:
    if not isinstance(pairs, list):
        return {}
    known = (pair for pair in pairs if isinstance(pair, dict) and isinstance(pair.get("key"), str))
    return {pair["key"]: _json_value(pair.get("value"), depth) for pair in known}


def _json_value(value: Any, depth: int = limits.JSON_DEPTH) -> Any:
    if not isinstance(value, dict) or depth <= 0:
        return None
    for kind, read in _JSON_KINDS.items():
        if (held := value.get(kind)) is not None:
            return read(held, depth - 1)
    return None


def _json_values(held: Any, depth: int) -> list[Any]:
    values = held.get("values") if isinstance(held, dict) else None
    return [_json_value(item, depth) for item in values] if isinstance(values, list) else []


_JSON_KINDS: Final[dict[str, Callable[[Any, int], Any]]] = {
    "stringValue": lambda held, _: held,
    "boolValue": lambda held, _: held,
    "intValue": lambda held, _: _integer(held),
    "doubleValue": lambda held, _: held,
    "bytesValue": lambda held, _: held,
    "arrayValue": _json_values,
    "kvlistValue": lambda held, depth: _json_attributes(held.get("values") if isinstance(held, dict) else None, depth),
}


def _integer(value: Any) -> int:
    """Return a 64-bit number, which JSON may hold as text; 0 for anything else."""
    try:
        return int(value) if isinstance(value, int | str) and len(str(value)) <= limits.JSON_DIGITS else 0
    except ValueError:
        return 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
