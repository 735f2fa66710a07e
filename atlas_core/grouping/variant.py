"""Which events no stateless grouping can tell apart."""

import hashlib
from typing import Final

import msgspec

from atlas_core.events import Event, ExceptionValue

_ENCODE: Final = msgspec.msgpack.Encoder().encode


def variant(event: Event) -> int:
    """Return a signed 64-bit hash of all that a strategy or rule may see of an event, but its tags.

    Events with one variant have one fingerprint under any strategy, and under any rules that do not look at tags: so
    trying a grouping on history costs one event of each variant.
    """
    seen = (
        event.type,
        event.reported_sha256 or event.message,
        event.level.value,
        event.logger,
        event.transaction,
        event.release,
        event.environment,
        event.fingerprint,
        [_shape(value) for value in event.exceptions],
        event.stack_trace if event.stack_trace and not event.exceptions else None,
    )
    return int.from_bytes(hashlib.blake2b(_ENCODE(seen), digest_size=8).digest(), "big", signed=True)


def _shape(value: ExceptionValue) -> tuple[object, ...]:
    frames = [
        (frame.module, frame.function, frame.filename, frame.abs_path, frame.in_app, frame.context_line)
        for frame in value.frames
    ]
    return value.type, value.module, value.mechanism, frames
