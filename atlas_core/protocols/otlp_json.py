"""OTLP in JSON: ids in hex, 64-bit numbers as text or numbers, members unknown to us ignored."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Any, Final, TypeVar

import msgspec

from atlas_core import limits
from atlas_core.errors import RejectedError, TooLargeError
from atlas_core.protocols.decoding import read_json
from atlas_core.protocols.otlp_reports import (
    EXCEPTION,
    LOGS,
    SPAN_DIGITS,
    TRACE_DIGITS,
    Report,
    Reports,
    is_error,
    level_of,
    valid_id,
)
from atlas_core.protocols.storable import storable_tree

T = TypeVar("T")
Json = dict[str, Any]
_NULL: Final = msgspec.Raw(b"null")
_PREFIX: Final = f"{EXCEPTION}."
_SEVERITY: Final = re.compile(r"SEVERITY_NUMBER_(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)([2-4]?)")
_SEVERITIES: Final = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}


def from_json(signal: str, body: bytes) -> Reports:
    """Return the reports of an OTLP request in JSON; a group or record that is none costs itself.

    Raises:
        RejectedError: The body is not JSON of an OTLP request.
        TooLargeError: It holds far too many values; of records it may be raised while the reports are read.
    """
    if body.count(b",") > limits.OTLP_JSON_COMMAS:
        raise TooLargeError("the request holds too many values")
    request = _json_request(signal, body)
    reports = Reports(signal, iter(()))
    groups = request.resource_logs if signal == LOGS else request.resource_spans
    reports.found = _found(groups or [], reports)
    return reports


class _Scope(msgspec.Struct, rename="camel"):
    scope: msgspec.Raw = _NULL
    log_records: list[msgspec.Raw] | None = None
    spans: list[msgspec.Raw] | None = None


class _Group(msgspec.Struct, rename="camel"):
    resource: msgspec.Raw = _NULL
    scope_logs: list[msgspec.Raw] | None = None
    scope_spans: list[msgspec.Raw] | None = None


class _Request(msgspec.Struct, rename="camel"):
    resource_logs: list[msgspec.Raw] | None = None
    resource_spans: list[msgspec.Raw] | None = None


def _found(groups: Iterable[msgspec.Raw], reports: Reports) -> Iterator[Report]:
    is_logs = reports.signal == LOGS
    read = _json_log if is_logs else _json_span
    for group in _those_of(_Group, groups, reports):
        resource = cache(partial(_resource, group.resource))
        for scope in _those_of(_Scope, (group.scope_logs if is_logs else group.scope_spans) or (), reports):
            name = cache(partial(_scope_name, scope.scope))
            for raw in (scope.log_records if is_logs else scope.spans) or ():
                if not reports.look():
                    reports.surplus += 1
                elif (record := _json_record(bytes(raw))) is None:
                    reports.rejected += 1
                else:
                    yield from read(reports, record, resource, name)


def _those_of(kind: type[T], raws: Iterable[msgspec.Raw], reports: Reports) -> Iterator[T]:
    """Yield the groups of this kind; others count as a record that is none."""
    for raw in raws:
        reports.look_at_group()
        try:
            yield msgspec.json.decode(raw, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            reports.rejected += 1


def _resource(raw: msgspec.Raw) -> Json:
    return _json_attributes((_json_record(bytes(raw)) or {}).get("attributes"))


def _scope_name(raw: msgspec.Raw) -> str:
    return _text((_json_record(bytes(raw)) or {}).get("name"))


def _json_request(signal: str, body: bytes) -> _Request:
    try:
        return msgspec.json.decode(body, type=_Request)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        tidy = msgspec.json.encode(storable_tree(read_json(body)))
    try:
        return msgspec.json.decode(tidy, type=_Request)
    except msgspec.ValidationError as error:
        raise RejectedError(f"the body is not an OTLP request of {signal} in JSON") from error


def _json_record(raw: bytes) -> Json | None:
    try:
        record = read_json(raw)
    except RejectedError:
        return None
    return record if isinstance(record, dict) else None


def _json_log(
    reports: Reports, record: Json, resource: Callable[[], Json], scope: Callable[[], str]
) -> Iterator[Report]:
    severity, severity_text = _severity(record.get("severityNumber")), _text(record.get("severityText"))
    if not (is_error(level_of(severity, severity_text)) or _names_exception(record.get("attributes"))):
        return

    def build() -> Report:
        report = _report(record, resource(), scope())
        observed_ns = _time_ns(record.get("observedTimeUnixNano"))
        report.at_ns = observed_ns if report.at_ns <= 0 < observed_ns else report.at_ns
        report.name = _text(record.get("eventName"))
        report.body = _json_value(record.get("body"))
        report.severity, report.severity_text = severity, severity_text
        return report

    yield from reports.take(build)


def _json_span(
    reports: Reports, span: Json, resource: Callable[[], Json], scope: Callable[[], str]
) -> Iterator[Report]:
    def build(event: Json) -> Report:
        report = _report(event, resource(), scope())
        report.trace_id = valid_id(span.get("traceId"), TRACE_DIGITS)
        report.span_id = valid_id(span.get("spanId"), SPAN_DIGITS)
        report.transaction = _text(span.get("name"))
        return report

    events = span.get("events")
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict) and event.get("name") == EXCEPTION:
            yield from reports.take(partial(build, event))


def _names_exception(pairs: Any) -> bool:
    known = pairs if isinstance(pairs, list) else ()
    return any(str(pair.get("key")).startswith(_PREFIX) for pair in known if isinstance(pair, dict))


def _report(record: Json, resource: Json, scope: str) -> Report:
    """Return what log records and span events have in common."""
    return Report(
        resource,
        scope,
        _json_attributes(record.get("attributes")),
        _time_ns(record.get("timeUnixNano")),
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
    "intValue": lambda held, _: _integer(held, held),
    "doubleValue": lambda held, _: held,
    "bytesValue": lambda held, _: held,
    "arrayValue": _json_values,
    "kvlistValue": lambda held, depth: _json_attributes(held.get("values") if isinstance(held, dict) else None, depth),
}


def _integer(value: Any, otherwise: Any = 0) -> Any:
    """Return a 64-bit number, which JSON may hold as text or as 7.0; `otherwise` for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    try:
        return int(value) if isinstance(value, int | str) and len(str(value)) <= limits.JSON_DIGITS else otherwise
    except ValueError:
        return otherwise


def _severity(value: Any) -> int:
    """Return the number of a severity, which some writers of JSON say by its name."""
    named = _SEVERITY.fullmatch(value) if isinstance(value, str) else None
    if named is None:
        return int(_integer(value))
    return _SEVERITIES[named[1]] + int(named[2] or 1) - 1


def _time_ns(value: Any) -> int:
    """Return a time since 1970, 0 where there is none, -1 where it is no time."""
    return 0 if value is None else int(_integer(value, -1))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
