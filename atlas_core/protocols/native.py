"""Atlas's own API: one event, or many as a JSON array or NDJSON."""

import re
from datetime import datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

import msgspec

from atlas_core import limits
from atlas_core.errors import RejectedError, TooLargeError, WrongShapeError
from atlas_core.events import Event
from atlas_core.protocols.decoding import read_json, without_mark
from atlas_core.protocols.exceptions import exceptions_of, items_of, rendered
from atlas_core.protocols.repair import Repairs
from atlas_core.protocols.storable import as_text, storable
from atlas_core.stack_traces import near_crash_bytes

SOURCE: Final = "api"
# Blank lines are passed over in C: a small gzip holds millions.
_LINE: Final = re.compile(rb"\S[^\n]*")
_OBJECTS: Final = ("user", "contexts", "extra", "request", "sdk")
_KNOWN: Final = frozenset(
    ("event_id", "level", "message", "stack_trace", "timestamp", "type", "exception", "tags", "breadcrumbs",
     "fingerprint", *limits.SHORT_TEXTS, *_OBJECTS)
)  # fmt: skip


def parse(body: bytes, project_id: UUID, received_at: datetime) -> Event:
    """Return the event in the body of `POST /api/ingest/events`.

    Raises:
        RejectedError: It is not JSON.
        WrongShapeError: It is not an object, or says neither a message nor an exception.
    """
    return event_of(read_json(body), project_id, received_at)


def parse_batch(body: bytes, content_type: str, project_id: UUID, received_at: datetime) -> list[Event | RejectedError]:
    """Return the events of a batch in order; an item that is none costs itself and is its error.

    Raises:
        RejectedError: It is neither a JSON array nor NDJSON.
        WrongShapeError: It holds more than `limits.BATCH_EVENTS` items.
    """
    body = without_mark(body)
    if "ndjson" in content_type.lower() or not body.lstrip().startswith(b"["):
        lines = [found[0] for found in islice(_LINE.finditer(body), limits.BATCH_EVENTS + 1)]
        _check_count(len(lines))
        return [_attempt(line, project_id, received_at) for line in lines]
    items = _array(body)
    _check_count(len(items))
    return [_attempt(item, project_id, received_at) for item in items]


def _array(body: bytes) -> list[Any]:
    """Return the items of a JSON array as bytes; as values where it is only nearly JSON."""
    try:
        return list(map(bytes, msgspec.json.decode(body, type=list[msgspec.Raw])))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        items = read_json(body)
    if not isinstance(items, list):
        raise WrongShapeError("a batch is a JSON array of events, or one event a line (NDJSON)")
    return items


def event_of(value: Any, project_id: UUID, received_at: datetime) -> Event:
    """Return the event that a JSON value reports.

    Raises:
        WrongShapeError: It is not an object, or says neither a message nor an exception.
    """
    if not isinstance(value, dict):
        raise WrongShapeError("an event is a JSON object")
    repairs = Repairs(received_at)
    exceptions = exceptions_of(repairs, "exception", value["exception"]) if value.get("exception") else []
    message, digest = repairs.message("message", _reported(value))
    short = repairs.texts(value)
    kind = repairs.text("type", value.get("type"), limits.TYPE_CHARACTERS)
    event = Event(
        project_id=project_id,
        event_id=repairs.event_id(value.get("event_id")),
        source=SOURCE,
        level=repairs.level(value.get("level")),
        message=message,
        timestamp=repairs.time("timestamp", value.get("timestamp")),
        received_at=received_at,
        type=kind or (exceptions[-1].type if exceptions else None),
        stack_trace=_stack_trace(repairs, value.get("stack_trace")) or rendered(exceptions, short.get("platform")),
        exceptions=exceptions,
        tags=repairs.tags(value.get("tags")),
        breadcrumbs=repairs.breadcrumbs(value.get("breadcrumbs")),
        fingerprint=repairs.fingerprint(value.get("fingerprint")),
        reported_sha256=digest,
        **short,
        **repairs.mappings(value, _OBJECTS),
    )
    event.raw = repairs.raw(value, _KNOWN)
    event.repairs = repairs.names
    return event


def _reported(value: dict[str, Any]) -> str:
    message = value.get("message")
    if message is None or message == "":
        items = items_of(value.get("exception"))
        said = (items[-1].get("value") or items[-1].get("type")) if items else None
        message = None if said is None else as_text(said)
    if not isinstance(message, str) or not message:
        raise WrongShapeError("message is missing or not text")
    return message


def _stack_trace(repairs: Repairs, value: Any) -> str:
    if not value:
        return ""
    clean = near_crash_bytes(storable(as_text(value)), limits.STACK_TRACE_BYTES)
    if clean != value:
        repairs.mark("stack_trace")
    return clean


def _attempt(item: Any, project_id: UUID, received_at: datetime) -> Event | RejectedError:
    try:
        if not isinstance(item, bytes):
            return event_of(item, project_id, received_at)
        if len(item) > limits.NATIVE_BODY_BYTES:
            return TooLargeError(f"the event is larger than {limits.NATIVE_BODY_BYTES:,} bytes")
        return parse(item, project_id, received_at)
    except RejectedError as error:
        return error


def _check_count(count: int) -> None:
    if count > limits.BATCH_EVENTS:
        raise WrongShapeError(f"a batch holds at most {limits.BATCH_EVENTS:,} events")
