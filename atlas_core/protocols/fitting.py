"""An event cut until it fits a message: control characters take six times their bytes in JSON."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import msgspec

from atlas_core import limits
from atlas_core.events import Event, ExceptionValue, Frame
from atlas_core.stack_traces import near_crash_bytes

T = TypeVar("T")

# What is left of a message's bytes is enough for all else, which is bounded field by field.
_STACK_TRACE_BYTES: Final = limits.MESSAGE_BYTES // 8
_TAGS_BYTES: Final = limits.MESSAGE_BYTES // 8
_EXCEPTIONS_BYTES: Final = limits.MESSAGE_BYTES // 4
_BREADCRUMBS_BYTES: Final = limits.MESSAGE_BYTES // 4
_CHARACTER_BYTES: Final = 6


def fitted_event(event: Event) -> Event:
    """Return an event whose longest parts are cut, and marked as mended, so that it fits `limits.MESSAGE_BYTES`.

    One that fits already is for the caller to leave alone.

    The frames at both ends, the newest breadcrumbs and the first tags stay; lines around a frame's own go first.
    """
    cuts: tuple[tuple[str, str, Callable[[Any], Any], int], ...] = (
        ("exceptions", "exception.frames", _exceptions, _EXCEPTIONS_BYTES),
        ("breadcrumbs", "breadcrumbs", _breadcrumbs, _BREADCRUMBS_BYTES),
        ("stack_trace", "stack_trace", _stack_trace, _STACK_TRACE_BYTES),
        ("tags", "tags", _tags, _TAGS_BYTES),
    )
    changes: dict[str, Any] = {"repairs": list(event.repairs)}
    for field, name, cut, most_bytes in cuts:
        value = getattr(event, field)
        if _size(value) > most_bytes:
            changes[field] = cut(value)
            changes["repairs"] += [] if name in event.repairs else [name]
    return msgspec.structs.replace(event, **changes)


def _exceptions(values: list[ExceptionValue]) -> list[ExceptionValue]:
    kept = [_with_frames(value, [_bare(frame) for frame in value.frames]) for value in values]
    most = max(len(value.frames) for value in kept)
    while _size(kept) > _EXCEPTIONS_BYTES and most > 1:
        most //= 2
        kept = [_with_frames(value, _ends(value.frames, most)) for value in kept]
    while _size(kept) > _EXCEPTIONS_BYTES:
        kept = kept[len(kept) // 2 :]
    return kept


def _with_frames(value: ExceptionValue, frames: list[Frame]) -> ExceptionValue:
    return msgspec.structs.replace(value, frames=frames)


def _bare(frame: Frame) -> Frame:
    return msgspec.structs.replace(frame, pre_context=[], post_context=[], vars=None)


def _ends(frames: list[Frame], most: int) -> list[Frame]:
    """Return the first and last frames, the last one in any case."""
    return frames if len(frames) <= most else frames[: most // 2] + frames[-(most - most // 2) :]


def _breadcrumbs(crumbs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(_first(reversed(crumbs), _BREADCRUMBS_BYTES))[::-1]


def _stack_trace(text: str) -> str:
    return near_crash_bytes(text, _STACK_TRACE_BYTES // _CHARACTER_BYTES)


def _tags(tags: dict[str, str]) -> dict[str, str]:
    return dict(_first(tags.items(), _TAGS_BYTES))


def _first(items: Iterable[T], most_bytes: int) -> list[T]:
    kept: list[T] = []
    for item in items:
        most_bytes -= _size(item) + 1
        if most_bytes < 0:
            break
        kept.append(item)
    return kept


def _size(value: object) -> int:
    return len(msgspec.json.encode(value))
