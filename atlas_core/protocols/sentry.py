"""The Sentry protocol: envelopes and store bodies of real SDKs, read leniently.

Source: Sentry's developer documentation on envelopes and event payloads, read 2026-11; and what SDKs really send.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from atlas_core import limits
from atlas_core.errors import RejectedError
from atlas_core.events import Event, ExceptionValue
from atlas_core.protocols.decoding import inflate, read_json
from atlas_core.protocols.native import fingerprint_of
from atlas_core.protocols.repair import Repairs, finish, message_of, parsed_time, rendered, values_of

SOURCE: Final = "sentry"
_DRIFT_S: Final = 55 * 60
_AUTH_PAIR: Final = re.compile(r"sentry_key\s*=\s*\"?([^\s,\"]+)")
_SHORT: Final = ("platform", "environment", "release", "server_name", "logger", "transaction")
_MAPPINGS: Final = ("user", "request", "sdk")


class Parsed(msgspec.Struct):
    """What a body held: its events, the id to answer with, and what was not kept, by item type."""

    events: list[Event]
    event_id: str | None = None
    dropped: dict[str, int] = {}


def parse_auth(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """Return the key in any of the forms that SDKs send, or None.

    Args:
        headers: Lower-case names.
        query: The query string's values.
    """
    for name in ("x-sentry-auth", "authorization"):
        value = headers.get(name, "")
        if found := _AUTH_PAIR.search(value):
            return found[1]
        scheme, _, rest = value.partition(" ")
        if scheme.lower() == "bearer":
            return rest.strip()
        if scheme.lower() == "basic":
            return _basic(rest)
    return query.get("sentry_key") or None


def envelope_key(body: bytes) -> str | None:
    """Return the key in the `dsn` of an envelope's header, or None."""
    header = _object(body.split(b"\n", 1)[0][: limits.HEADER_LINE_BYTES])
    dsn = header.get("dsn") if header else None
    try:
        return urlsplit(dsn).username if isinstance(dsn, str) else None
    except ValueError:
        return None


def parse_envelope(body: bytes, project_id: UUID, received_at: datetime) -> Parsed:
    """Return the events of an envelope; a bad item costs itself, what comes before broken framing is kept.

    Raises:
        RejectedError: The first line is not a JSON object.
    """
    first, _, rest = body.partition(b"\n")
    header = _object(first) if len(first) <= limits.HEADER_LINE_BYTES else None
    if header is None:
        raise RejectedError("the envelope's first line is not a JSON object")
    parsed = Parsed([], _hex_id(header.get("event_id")))
    for item, payload in _items(rest):
        kind = str(item.get("type"))
        if kind != "event" or len(payload) > limits.EVENT_ITEM_BYTES:
            parsed.dropped[kind] = parsed.dropped.get(kind, 0) + 1
            continue
        try:
            event = event_of(read_json(payload), project_id, received_at, header)
        except RejectedError:
            parsed.dropped["broken event"] = parsed.dropped.get("broken event", 0) + 1
            continue
        parsed.events.append(event)
        parsed.event_id = event.event_id.hex
        header = {**header, "event_id": None}
    return parsed


def parse_store(body: bytes, project_id: UUID, received_at: datetime) -> Parsed:
    """Return the event of a `/store/` body: JSON, or base64 of zlib of JSON.

    Raises:
        RejectedError: It is neither.
    """
    if not body.lstrip().startswith(b"{"):
        try:
            body = inflate(base64.b64decode(body), "deflate", limits.EVENT_ITEM_BYTES)
        except binascii.Error as error:
            raise RejectedError("the body is neither JSON nor base64 of deflated JSON") from error
    payload = read_json(body)
    if isinstance(payload, dict) and payload.get("type") == "transaction":
        return Parsed([], _hex_id(payload.get("event_id")), {"transaction": 1})
    event = event_of(payload, project_id, received_at, {})
    return Parsed([event], event.event_id.hex)


def parse_security(body: bytes, project_id: UUID, received_at: datetime) -> Parsed:
    """Return the events of a browser's Content-Security-Policy reports.

    Raises:
        RejectedError: The body is not a report.
    """
    value = read_json(body)
    reports = [item.get("body") for item in value if isinstance(item, dict)] if isinstance(value, list) else None
    if reports is None:
        reports = [value.get("csp-report")] if isinstance(value, dict) else []
    events = [_csp_event(report, project_id, received_at) for report in reports if isinstance(report, dict)]
    if not events:
        raise RejectedError("the body is not a Content-Security-Policy report")
    return Parsed(events)


def event_of(value: Any, project_id: UUID, received_at: datetime, header: Mapping[str, Any]) -> Event:
    """Return the event of a Sentry payload; odd fields are mended or dropped one by one.

    Raises:
        RejectedError: It is not a JSON object.
    """
    if not isinstance(value, dict):
        raise RejectedError("an event is a JSON object")
    repairs = Repairs(received_at)
    exceptions = repairs.exceptions(value.get("exception", value.get("sentry.interfaces.Exception")))
    kind, reported, template = _title(value, exceptions)
    message, digest = message_of(repairs, reported)
    short: dict[str, Any] = {name: repairs.text(name, value.get(name), limits.SHORT_TEXT_CHARACTERS) for name in _SHORT}
    mappings: dict[str, Any] = {name: repairs.mapping(name, value.get(name)) for name in _MAPPINGS}
    event = Event(
        project_id=project_id,
        event_id=repairs.event_id(header.get("event_id") or value.get("event_id")),
        source=SOURCE,
        level=repairs.level(value.get("level")),
        message=message,
        timestamp=_time(repairs, value.get("timestamp"), header.get("sent_at"), received_at),
        received_at=received_at,
        type=kind,
        stack_trace=rendered(exceptions or _threads(repairs, value), short["platform"]),
        exceptions=exceptions,
        template=template,
        tags=repairs.tags(value.get("tags")),
        contexts=repairs.mapping("contexts", value.get("contexts")) or {},
        extra=repairs.mapping("extra", value.get("extra")) or {},
        breadcrumbs=repairs.breadcrumbs(value.get("breadcrumbs")),
        fingerprint=fingerprint_of(repairs, value.get("fingerprint")),
        reported_sha256=digest,
        **short,
        **mappings,
    )
    return finish(event, repairs)


def _title(value: Mapping[str, Any], exceptions: list[ExceptionValue]) -> tuple[str | None, str, str | None]:
    """Return type, message and template; an exception without a type beside a message is a message (JavaScript)."""
    message, template = _message(value)
    caught = exceptions[-1] if exceptions else None
    if caught and (caught.type or not message):
        return caught.type, caught.value or message or caught.type or "(no message)", None
    return None, message or "(no message)", template


def _message(value: Mapping[str, Any]) -> tuple[str, str | None]:
    for name in ("logentry", "sentry.interfaces.Message", "message"):
        entry = value.get(name)
        if isinstance(entry, str) and entry:
            return entry, None
        if isinstance(entry, dict):
            template = entry.get("message")
            shown = entry.get("formatted") or _interpolated(template, entry.get("params")) or template
            if isinstance(shown, str) and shown:
                return shown, template if isinstance(template, str) else None
    return "", None


def _interpolated(template: Any, params: Any) -> str | None:
    if not isinstance(template, str) or not params:
        return None
    try:
        return template % (tuple(params) if isinstance(params, list) else params)
    except (TypeError, ValueError, KeyError, OverflowError, MemoryError):
        return None


def _time(repairs: Repairs, value: Any, sent_at: Any, received_at: datetime) -> datetime:
    """Return the client's time, corrected when its clock is off by about an hour or more."""
    sent = parsed_time(sent_at) if sent_at else None
    at = parsed_time(value) if value else None
    drift = received_at - sent if sent else timedelta(0)
    if at is None or abs(drift.total_seconds()) < _DRIFT_S:
        return repairs.time("timestamp", value)
    repairs.mark("timestamp")
    return repairs.time("timestamp", (at + drift).isoformat())


def _threads(repairs: Repairs, value: Mapping[str, Any]) -> list[ExceptionValue]:
    threads = [item for item in values_of(value.get("threads")) if isinstance(item, dict)]
    current = next((item for item in threads if item.get("crashed") or item.get("current")), None)
    if current is None:
        return []
    return repairs.exceptions(
        [{"type": "Thread", "value": current.get("name"), "stacktrace": current.get("stacktrace")}]
    )


def _items(rest: bytes) -> list[tuple[dict[str, Any], bytes]]:
    found: list[tuple[dict[str, Any], bytes]] = []
    at = 0
    while at < len(rest):
        end = rest.find(b"\n", at)
        end = len(rest) if end < 0 else end
        line = rest[at:end]
        at = end + 1
        if not line.strip():
            continue
        item = _object(line) if len(line) <= limits.HEADER_LINE_BYTES else None
        if item is None:
            break
        length = item.get("length")
        if isinstance(length, int) and not isinstance(length, bool) and length >= 0:
            stop = at + length
            if stop > len(rest):
                break
        else:
            stop = rest.find(b"\n", at)
            stop = len(rest) if stop < 0 else stop
        found.append((item, rest[at:stop]))
        at = stop + (rest[stop : stop + 1] == b"\n")
    return found


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = read_json(line)
    except RejectedError:
        return None
    return value if isinstance(value, dict) else None


def _hex_id(value: Any) -> str | None:
    try:
        return UUID(str(value)).hex if value else None
    except ValueError:
        return None


def _basic(credentials: str) -> str | None:
    try:
        return base64.b64decode(credentials).decode().partition(":")[0] or None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _csp_event(report: Mapping[str, Any], project_id: UUID, received_at: datetime) -> Event:
    directive = str(report.get("effective-directive") or report.get("effectiveDirective") or "a directive")[:100]
    blocked = str(report.get("blocked-uri") or report.get("blockedURL") or "something")[:500]
    payload = {"message": f"Blocked {directive!r} from {blocked!r}", "level": "warning", "logger": "csp",
               "extra": {str(key): child for key, child in report.items()}}  # fmt: skip
    return event_of(payload, project_id, received_at, {})
