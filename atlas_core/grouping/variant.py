"""Which events no stateless grouping can tell apart: so trying one on history costs one event of each kind."""

import hashlib
import operator
from typing import Any, Final

import msgspec

from atlas_core.events import Event, ExceptionValue

BESIDE_CONTENT: Final = ("level", "logger", "transaction", "release", "environment")
"""Of one error they often differ, and strategies do not look at them."""

_beside_content: Final = operator.attrgetter(*BESIDE_CONTENT)
_ENCODE: Final = msgspec.msgpack.Encoder().encode


def content_and_variant(event: Event) -> tuple[int, int]:
    """Return two signed 64-bit hashes of what a grouping may see of an event, the tags aside.

    Events of one content have one fingerprint under every strategy, and under rules that do not look at any field
    `BESIDE_CONTENT`; those of one variant, under all rules. Where the SDK sent a fingerprint, whose placeholders may
    ask for anything, the two are the same.
    """
    content = _hash(
        event.type,
        event.reported_sha256 or event.message,
        event.fingerprint,
        [_shape(value) for value in event.exceptions],
        event.stack_trace if event.stack_trace and not event.exceptions else None,
    )
    variant = _hash(content, _beside_content(event))
    return (variant if event.fingerprint else content), variant


def _shape(value: ExceptionValue) -> tuple[object, ...]:
    frames = [
        (frame.module, frame.function, frame.filename, frame.abs_path, frame.in_app, frame.context_line)
        for frame in value.frames
    ]
    return value.type, value.module, value.mechanism, frames


def _hash(*seen: Any) -> int:
    return int.from_bytes(hashlib.blake2b(_ENCODE(seen), digest_size=8).digest(), "big", signed=True)
