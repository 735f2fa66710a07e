"""The Sentry protocol: the payloads of real SDKs, old and new, read leniently.

Source: Sentry's developer documentation on event payloads, read 2026-11; and what SDKs really send.
"""

import base64
import binascii
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from atlas_core import limits
from atlas_core.errors import RejectedError, TooLargeError
from atlas_core.events import Event, ExceptionValue
from atlas_core.protocols.decoding import read_json, without_mark
from atlas_core.protocols.envelope import INVALID, NOT_AN_EVENT, TOO_LARGE, EnvelopeReader
from atlas_core.protocols.exceptions import exceptions_of, items_of, rendered
from atlas_core.protocols.inflating import inflate
from atlas_core.protocols.interpolation import interpolated
from atlas_core.protocols.repair import Repairs, parsed_id, values_of
from atlas_core.protocols.storable import as_text
from atlas_core.protocols.times import parsed_time

SOURCE: Final = "sentry"
_DRIFT_S: Final = 55 * 60
_OBJECTS: Final = ("user", "request", "contexts", "extra", "sdk")
_KNOWN: Final = frozenset(
    ("event_id", "timestamp", "level", "message", "logentry", "exception", "stacktrace", "tags", "breadcrumbs",
     "fingerprint", "type", "culprit", "project", "_meta", *limits.SHORT_TEXTS, *_OBJECTS)
)  # fmt: skip
# What raven and its like called the members.
_OLD_NAMES: Final = {
    "sentry.interfaces.Exception": "exception",
    "sentry.interfaces.Message": "logentry",
    "sentry.interfaces.Stacktrace": "stacktrace",
    "sentry.interfaces.Http": "request",
    "sentry.interfaces.User": "user",
    "sentry.interfaces.Breadcrumbs": "breadcrumbs",
    "culprit": "transaction",
}
_AUTO: Final = "{{auto}}"


class Sender(msgspec.Struct, frozen=True):
    """What a payload does not say of itself: when the client says it sent it, and from where it came."""

    sent_at: Any = None
    client_ip: str | None = None


class Parsed(msgspec.Struct):
    """What a body held: its events, the id to answer with, and what was not kept, by reason."""

    events: list[Event]
    event_id: str | None = None
    dropped: Counter[str] = msgspec.field(default_factory=Counter)


_UNKNOWN: Final = Sender()


def parse_envelope(reader: EnvelopeReader, project_id: UUID, received_at: datetime, client_ip: str | None) -> Parsed:
    """Return the events of an envelope that was read to its end; a bad item never costs the others.

    Raises:
        RejectedError: The first line is not a JSON object, or nothing in it could be kept and something was broken.
        TooLargeError: Nothing could be kept, and an event was too large.
    """
    if reader.header is None:
        raise RejectedError("the envelope's first line is not a JSON object")
    header_id = parsed_id(reader.header.get("event_id"))
    sender = Sender(reader.header.get("sent_at"), client_ip)
    parsed = Parsed([], header_id.hex if header_id else None, reader.dropped)
    for payload in reader.events:
        try:
            value = read_json(payload)
            known_id = _id_of(value, header_id, len(parsed.events))
            parsed.events.append(event_of(value, project_id, received_at, known_id, sender))
        except RejectedError:
            parsed.dropped[INVALID] += 1
    if parsed.events:
        parsed.event_id = parsed.events[0].event_id.hex
    elif parsed.dropped[TOO_LARGE] > reader.full:
        raise TooLargeError(f"an event is larger than {limits.EVENT_ITEM_BYTES:,} bytes")
    elif not parsed.dropped[NOT_AN_EVENT] and (reader.broken or parsed.dropped[INVALID]):
        raise RejectedError(
            "the envelope's item is not framed as it says" if reader.broken else "the event is not JSON"
        )
    return parsed


def parse_store(body: bytes, project_id: UUID, received_at: datetime, client_ip: str | None) -> Parsed:
    """Return the event of a `/store/` body: JSON, or base64 of zlib of JSON.

    Raises:
        RejectedError: It is neither.
        TooLargeError: The event is too large.
    """
    if not without_mark(body).lstrip().startswith(b"{"):
        try:
            body = inflate(base64.b64decode(body), "deflate", limits.EVENT_ITEM_BYTES)
        except binascii.Error as error:
            raise RejectedError("the body is neither JSON nor base64 of deflated JSON") from error
    if len(body) > limits.EVENT_ITEM_BYTES:
        raise TooLargeError(f"the event is larger than {limits.EVENT_ITEM_BYTES:,} bytes")
    payload = read_json(body)
    if isinstance(payload, dict) and payload.get("type") == "transaction":
        known_id = parsed_id(payload.get("event_id"))
        return Parsed([], known_id.hex if known_id else None, Counter({NOT_AN_EVENT: 1}))
    event = event_of(payload, project_id, received_at, sender=Sender(client_ip=client_ip))
    return Parsed([event], event.event_id.hex)


def event_of(
    value: Any, project_id: UUID, received_at: datetime, known_id: UUID | None = None, sender: Sender = _UNKNOWN
) -> Event:
    """Return the event of a Sentry payload; odd members are mended or dropped one by one.

    Args:
        value: The payload.
        project_id: Whose it is.
        received_at: When it came.
        known_id: The id, where the envelope gives it.
        sender: Its `sent_at` tells what the client's clock lacks, its address what `{{auto}}` means.

    Raises:
        RejectedError: It is not a JSON object.
    """
    if not isinstance(value, dict):
        raise RejectedError("an event is a JSON object")
    for old, new in _OLD_NAMES.items():
        if old in value and new not in value:
            value[new] = value.pop(old)
    repairs = Repairs(received_at, _drift(sender.sent_at, received_at))
    exceptions = exceptions_of(repairs, "exception", value.get("exception"))
    kind, reported, template = _title(value, exceptions)
    message, digest = repairs.message("exception" if kind else "message", reported)
    short = repairs.texts(value)
    platform = short.pop("platform", None) or "other"
    shown = _shown_stack(repairs, value, exceptions, is_message=kind is None)
    event = Event(
        project_id=project_id,
        event_id=known_id or repairs.event_id(value.get("event_id")),
        source=SOURCE,
        level=repairs.level(value.get("level")),
        message=message,
        timestamp=repairs.time("timestamp", value.get("timestamp")),
        received_at=received_at,
        type=kind,
        stack_trace=rendered(shown, platform),
        exceptions=exceptions or shown,
        platform=platform,
        template=repairs.text("logentry", template, limits.MESSAGE_CHARACTERS),
        tags=repairs.tags(value.get("tags")),
        breadcrumbs=repairs.breadcrumbs(value.get("breadcrumbs")),
        fingerprint=repairs.fingerprint(value.get("fingerprint")),
        reported_sha256=digest,
        **short,
        **repairs.mappings(value, _OBJECTS),
    )
    event.raw = repairs.raw(value, _KNOWN)
    event.repairs = repairs.names
    if event.user and event.user.get("ip_address") == _AUTO:
        event.user["ip_address"] = sender.client_ip
    return event


def _id_of(value: Any, header_id: UUID | None, index: int) -> UUID | None:
    """Return the id that an envelope gives to its event number `index`: the header's, once."""
    if header_id is None or index == 0:
        return header_id
    own = parsed_id(value.get("event_id")) if isinstance(value, dict) else None
    # A further event without an id of its own has the same one when the envelope is sent again.
    return own or uuid5(header_id, str(index))


def _drift(sent_at: Any, received_at: datetime) -> timedelta:
    """Return what to add to the client's times: something when its clock is off by about an hour or more."""
    sent = parsed_time(sent_at) if sent_at else None
    drift = received_at - sent if sent else timedelta(0)
    return drift if abs(drift.total_seconds()) >= _DRIFT_S else timedelta(0)


def _title(value: Mapping[str, Any], exceptions: list[ExceptionValue]) -> tuple[str | None, str, str | None]:
    """Return type, message and template; an exception without a type beside a message is a message (JavaScript)."""
    message, template = _message(value)
    if not exceptions or (exceptions[-1].type is None and message):
        return None, message or "(no message)", template
    caught = items_of(value.get("exception"))[-1]
    said = caught.get("value")
    reported = as_text(said) if said is not None and said != "" else exceptions[-1].type
    return exceptions[-1].type, reported or "(no message)", template


def _message(value: Mapping[str, Any]) -> tuple[str, str | None]:
    for name in ("logentry", "message"):
        entry = value.get(name)
        if isinstance(entry, dict):
            template = entry.get("message")
            shown = entry.get("formatted") or interpolated(template, entry.get("params")) or template
            if shown:
                return as_text(shown), template if isinstance(template, str) else None
        elif entry:
            return as_text(entry), None
    return "", None


def _shown_stack(
    repairs: Repairs, value: Mapping[str, Any], exceptions: list[ExceptionValue], *, is_message: bool
) -> list[ExceptionValue]:
    """Return what the stack trace shows: the exceptions, or a message's own stack, or that of the crashed thread."""
    if exceptions and (not is_message or any(item.frames for item in exceptions)):
        return exceptions
    bare: Any = value.get("stacktrace")
    field = "stacktrace"
    if not bare:
        threads = [item for item in values_of(value.get("threads")) if isinstance(item, dict)]
        field, bare = (
            "threads",
            next((t.get("stacktrace") for t in threads if t.get("crashed") or t.get("current")), None),
        )
    found = exceptions_of(repairs, field, [{"stacktrace": bare}]) if bare else []
    return [item for item in found if item.frames]
