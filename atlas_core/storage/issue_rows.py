"""The rows that an event becomes, in the order of their COPY statements."""

import hashlib
from typing import Any, Final

from atlas_core.events import Event
from atlas_core.grouping.variant import content_and_variant
from atlas_core.storage.fingerprints import Target

Row = tuple[Any, ...]

COPY_EVENTS: Final = """
COPY issues.events (project_id, event_id, fingerprint, strategy, type, message, level, timestamp, received_at, release,
                    environment, body) FROM STDIN (FORMAT BINARY)
"""
EVENT_TYPES: Final = (
    "uuid", "uuid", "bytea", "text", "text", "text", "text", "timestamptz", "timestamptz", "text", "text", "bytea",
)  # fmt: skip
COPY_IDS: Final = """
COPY issues.event_ids (project_id, event_id, issue_id, fingerprint_id, content, variant, sequence, user_hash,
                       received_at) FROM STDIN (FORMAT BINARY)
"""
ID_TYPES: Final = ("uuid", "uuid", "uuid", "int8", "int8", "int8", "int8", "int8", "timestamptz")
_USER_FIELDS: Final = ("id", "email", "username", "ip_address")


def event_row(event: Event, target: Target, body: bytes) -> Row:
    """Return the row of `events`."""
    return (
        event.project_id, event.event_id, target.fingerprint, target.strategy, event.type, event.message,
        event.level.value, event.timestamp, event.received_at, event.release, event.environment, body,
    )  # fmt: skip


def id_row(event: Event, target: Target, sequence: int) -> Row:
    """Return the row of `event_ids`; its first two columns are its key."""
    return (
        event.project_id, event.event_id, target.issue_id, target.fingerprint_id, *content_and_variant(event),
        sequence, user_hash(event), event.received_at,
    )  # fmt: skip


def user_hash(event: Event) -> int | None:
    """Return a signed 64-bit hash of who was affected, or None when the event does not say."""
    for field in _USER_FIELDS:
        value = event.user.get(field) if event.user else None
        if value is not None and value != "":
            digest = hashlib.blake2b(f"{field}:{value}".encode("utf-8", "replace"), digest_size=8).digest()
            return int.from_bytes(digest, "big", signed=True)
    return None
