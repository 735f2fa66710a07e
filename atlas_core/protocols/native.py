"""Atlas's own API: one event, or many as a JSON array or NDJSON."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from atlas_core import limits
from atlas_core.errors import RejectedError, WrongShapeError
from atlas_core.events import Event
from atlas_core.protocols.decoding import read_json
from atlas_core.protocols.repair import Repairs, cut_bytes, finish, message_of, rendered, storable

SOURCE: Final = "api"
BATCH_EVENTS: Final = 5_000
_SHORT: Final = ("platform", "environment", "release", "server_name", "logger", "transaction")


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
        WrongShapeError: It holds more than `BATCH_EVENTS` items.
    """
    if "ndjson" in content_type.lower() or not body.lstrip().startswith(b"["):
        lines = [line for line in body.split(b"\n") if line.strip()]
        _check_count(len(lines))
        return [_attempt(line, project_id, received_at) for line in lines]
    items = read_json(body)
    if not isinstance(items, list):
        raise WrongShapeError("a batch is a JSON array of events, or one event a line (NDJSON)")
    _check_count(len(items))
    return [_attempt(item, project_id, received_at) for item in items]


def event_of(value: Any, project_id: UUID, received_at: datetime) -> Event:
    """Return the event that a JSON value reports.

    Raises:
        WrongShapeError: It is not an object, or says neither a message nor an exception.
    """
    if not isinstance(value, dict):
        raise WrongShapeError("an event is a JSON object")
    repairs = Repairs(received_at)
    exceptions = repairs.exceptions(value.get("exception"))
    caught = exceptions[-1] if exceptions else None
    reported = value.get("message")
    if reported is None or reported == "":
        reported = (caught.value or caught.type) if caught else None
    if not isinstance(reported, str) or not reported:
        raise WrongShapeError("message is missing or not text")
    message, digest = message_of(repairs, reported)
    kind = repairs.text("type", value.get("type"), limits.TYPE_CHARACTERS) or (caught.type if caught else None)
    trace = value.get("stack_trace")
    short: dict[str, Any] = {name: repairs.text(name, value.get(name), limits.SHORT_TEXT_CHARACTERS) for name in _SHORT}
    event = Event(
        project_id=project_id,
        event_id=repairs.event_id(value.get("event_id")),
        source=SOURCE,
        level=repairs.level(value.get("level")),
        message=message,
        timestamp=repairs.time("timestamp", value.get("timestamp")),
        received_at=received_at,
        type=kind,
        stack_trace=_stack_trace(repairs, trace) if trace else rendered(exceptions, short["platform"]),
        exceptions=exceptions,
        user=repairs.mapping("user", value.get("user")),
        tags=repairs.tags(value.get("tags")),
        contexts=repairs.mapping("contexts", value.get("contexts")) or {},
        extra=repairs.mapping("extra", value.get("extra")) or {},
        breadcrumbs=repairs.breadcrumbs(value.get("breadcrumbs")),
        fingerprint=fingerprint_of(repairs, value.get("fingerprint")),
        sdk=repairs.mapping("sdk", value.get("sdk")),
        reported_sha256=digest,
        **short,
    )
    return finish(event, repairs)


def fingerprint_of(repairs: Repairs, value: Any) -> list[str]:
    """Return the parts of a client's fingerprint."""
    parts = value if isinstance(value, list) else []
    texts = (repairs.text("fingerprint", part, limits.SHORT_TEXT_CHARACTERS) for part in parts[:20])
    return [text for text in texts if text]


def _stack_trace(repairs: Repairs, value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    clean = cut_bytes(storable(text), limits.STACK_TRACE_BYTES)
    if clean != value:
        repairs.mark("stack_trace")
    return clean


def _attempt(item: Any, project_id: UUID, received_at: datetime) -> Event | RejectedError:
    try:
        return (
            parse(item, project_id, received_at) if isinstance(item, bytes) else event_of(item, project_id, received_at)
        )
    except RejectedError as error:
        return error


def _check_count(count: int) -> None:
    if count > BATCH_EVENTS:
        raise WrongShapeError(f"a batch holds at most {BATCH_EVENTS:,} events")
