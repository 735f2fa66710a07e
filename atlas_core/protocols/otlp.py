"""OpenTelemetry over HTTP: which log records and span events are errors, and the events that they become.

Source: opentelemetry-proto and the semantic conventions on exceptions, read 2026-11; and what exporters really send.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from atlas_core import limits
from atlas_core.events import Event, ExceptionValue, Level
from atlas_core.protocols.otlp_ids import Ids
from atlas_core.protocols.otlp_reports import EXCEPTION, LOGS, TRACES, Report, Reports, is_error, level_of
from atlas_core.protocols.repair import Repairs
from atlas_core.protocols.storable import as_text, storable
from atlas_core.stack_traces import near_crash_bytes

SOURCE: Final = "otlp"
_EXCEPTION: Final = f"{EXCEPTION}."
_TYPE: Final = "exception.type"
_MESSAGE: Final = "exception.message"
_LOGGED_AS: Final = "logged_as"
_NOBODY: Final = UUID(int=0)
_USER: Final = {"enduser.id": "id", "user.id": "id", "user.email": "email", "user.name": "username"}


def events_of(reports: Reports, project_id: UUID, received_at: datetime, ids: Ids) -> Iterator[Event]:
    """Yield the events among the reports: exceptions, and logs at error or worse. All else is no error."""
    for report in reports.found:
        level = Level.ERROR if reports.signal == TRACES else level_of(report.severity, report.severity_text)
        kind, message = _title(report)
        if kind is not None:
            event_id = ids.of(report, kind, message)
        elif reports.signal == LOGS and is_error(level):
            event_id = ids.plain()
        else:
            continue
        event = _event(report, kind, message, received_at)
        event.project_id, event.event_id, event.level = project_id, event_id, level or Level.ERROR
        yield event


def _event(report: Report, kind: str | None, reported: str, received_at: datetime) -> Event:
    """Return the event of a report; whose it is, its id and level are for the caller to say."""
    repairs = Repairs(received_at)
    resource, attributes = report.resource, report.attributes
    message, digest = repairs.message("message", reported)
    rest = {name: value for name, value in attributes.items() if not name.startswith(_EXCEPTION)}
    if kind is not None and report.body not in (None, ""):
        rest[_LOGGED_AS] = as_text(report.body)
    event = Event(
        project_id=_NOBODY,
        event_id=_NOBODY,
        source=SOURCE,
        level=Level.ERROR,
        message=message,
        timestamp=repairs.time("timestamp", report.at_ns or None),
        received_at=received_at,
        type=repairs.text("type", kind, limits.TYPE_CHARACTERS),
        stack_trace=near_crash_bytes(storable(_text(attributes.get("exception.stacktrace"))), limits.STACK_TRACE_BYTES),
        tags=repairs.tags({"service.name": resource.get("service.name"), **_scalars(rest)}),
        reported_sha256=digest,
        **repairs.mappings(_objects(report, rest), ("contexts", "extra", "user", "sdk")),
        **repairs.texts(_short(report)),
    )
    if kind is not None:
        escaped = attributes.get("exception.escaped")
        handled = not escaped if isinstance(escaped, bool) else None
        event.exceptions = [ExceptionValue(event.type, message, handled=handled)]
    event.repairs = repairs.names
    return event


def _title(report: Report) -> tuple[str | None, str]:
    """Return type and message; a log line with an exception is that exception."""
    kind, said = (report.attributes.get(name) for name in (_TYPE, _MESSAGE))
    if not (kind or said):
        return None, _text(report.body) or report.name or "(no message)"
    kind = _text(kind) or "Error"
    return kind, _text(said) or kind


def _short(report: Report) -> dict[str, Any]:
    resource = report.resource
    found = {
        "release": resource.get("service.version"),
        "environment": resource.get("deployment.environment.name") or resource.get("deployment.environment"),
        "server_name": resource.get("host.name"),
        "platform": resource.get("telemetry.sdk.language"),
        "logger": report.scope or resource.get("service.name"),
        "transaction": report.transaction,
    }
    return {name: value for name, value in found.items() if value}


def _objects(report: Report, rest: dict[str, Any]) -> dict[str, Any]:
    resource = report.resource
    trace = {"trace_id": report.trace_id, "span_id": report.span_id} if report.trace_id else None
    sdk = {"name": resource.get("telemetry.sdk.name"), "version": resource.get("telemetry.sdk.version")}
    return {
        "contexts": {name: value for name, value in (("trace", trace), ("resource", resource)) if value},
        "extra": {name: value for name, value in rest.items() if isinstance(value, dict | list) or name == _LOGGED_AS},
        "user": {name: report.attributes[key] for key, name in _USER.items() if key in report.attributes},
        "sdk": sdk if sdk["name"] else None,
    }


def _scalars(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not isinstance(value, dict | list) and key != _LOGGED_AS}


def _text(value: Any) -> str:
    return "" if value is None else as_text(value)
