"""Exceptions, their frames, and the text that people read."""

from collections.abc import Iterable
from typing import Any, Final

from atlas_core import limits
from atlas_core.events import ExceptionValue, Frame
from atlas_core.protocols.repair import Repairs, values_of
from atlas_core.stack_traces import near_crash_bytes

_LIBRARIES: Final = ("site-packages/", "dist-packages/", "node_modules/", "node:", "/lib/python", "<frozen")
_FRAME_TEXTS: Final = ("filename", "abs_path", "function", "module", "context_line")
_FRAME_KEYS: Final = frozenset((*_FRAME_TEXTS, "lineno", "colno", "in_app", "pre_context", "post_context", "vars"))
_VALUE_KEYS: Final = frozenset(("type", "value", "module", "mechanism", "stacktrace", "frames", "handled"))
_REVERSED: Final = frozenset(("javascript", "node", "java", "kotlin", "ruby", "php", "csharp", "dart"))
_CONTEXT_LINES: Final = 10


def exceptions_of(repairs: Repairs, field: str, value: Any) -> list[ExceptionValue]:
    """Return the chain of exceptions in a payload's member, the oldest cause first."""
    return [exception_of(repairs, field, item) for item in items_of(value)]


def items_of(value: Any) -> list[dict[str, Any]]:
    """Return the objects of `{"values": [...]}`, a list or a single object: the last ones, which were caught."""
    return [item for item in values_of(value) if isinstance(item, dict)][-limits.EXCEPTIONS :]


def exception_of(repairs: Repairs, field: str, item: dict[str, Any]) -> ExceptionValue:
    """Return one exception."""
    mechanism = repairs.mapping(field, item.get("mechanism"))
    handled = mechanism.get("handled") if mechanism else item.get("handled")
    if not item.keys() <= _VALUE_KEYS:
        repairs.unheld.add(field)
    return ExceptionValue(
        type=repairs.text(field, item.get("type"), limits.TYPE_CHARACTERS),
        value=repairs.text(field, item.get("value"), limits.MESSAGE_CHARACTERS),
        module=repairs.text(field, item.get("module"), limits.SHORT_TEXT_CHARACTERS),
        handled=handled if isinstance(handled, bool) else None,
        mechanism=mechanism,
        frames=frames_of(repairs, field, item.get("stacktrace") or item.get("frames")),
    )


def frames_of(repairs: Repairs, field: str, stacktrace: Any) -> list[Frame]:
    """Return the frames of `{"frames": [...]}` or of a list, the outermost caller first."""
    frames = stacktrace.get("frames") if isinstance(stacktrace, dict) else stacktrace
    if not isinstance(frames, list):
        return []
    known = [frame for frame in frames if isinstance(frame, dict)]
    if len(known) > limits.FRAMES:
        # Recursion fills the middle; the ends say who called and where it broke.
        half = limits.FRAMES // 2
        known = known[:half] + known[-half:]
        repairs.mark(f"{field}.frames")
    return [_frame(repairs, field, frame) for frame in known]


def rendered(exceptions: Iterable[ExceptionValue], platform: str | None) -> str:
    """Return a chain of exceptions as the text that people of its language are used to."""
    newest_first = platform in _REVERSED
    parts = [_newest_first(value) if newest_first else _oldest_first(value) for value in exceptions]
    joined = "\n\n".join(reversed(parts) if newest_first else parts)
    return near_crash_bytes(joined, limits.STACK_TRACE_BYTES)


def _frame(repairs: Repairs, field: str, frame: dict[str, Any]) -> Frame:
    found = Frame(lineno=_line(frame.get("lineno")), colno=_line(frame.get("colno")))
    for name in _FRAME_TEXTS:
        if (value := frame.get(name)) is not None:
            setattr(found, name, repairs.text(field, value, limits.FRAME_LINE_CHARACTERS))
    if "pre_context" in frame or "post_context" in frame:
        found.pre_context = _lines(repairs, field, frame.get("pre_context"))
        found.post_context = _lines(repairs, field, frame.get("post_context"))
    if "vars" in frame:
        found.vars = repairs.mapping(field, frame["vars"])
    found.in_app = _in_app(frame.get("in_app"), found)
    if not frame.keys() <= _FRAME_KEYS:
        repairs.unheld.add(field)
    return found


def _lines(repairs: Repairs, field: str, value: Any) -> list[str]:
    lines = value if isinstance(value, list) else []
    return [repairs.text(field, line, limits.FRAME_LINE_CHARACTERS) or "" for line in lines[:_CONTEXT_LINES]]


def _line(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) <= limits.JSON_DIGITS:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _in_app(value: Any, frame: Frame) -> bool | None:
    if isinstance(value, bool):
        return value
    path = frame.abs_path or frame.filename
    return not any(part in path for part in _LIBRARIES) if path else None


def _oldest_first(value: ExceptionValue) -> str:
    lines = ["Traceback (most recent call last):"] if value.frames else []
    for frame in value.frames:
        lines.append(f'  File "{_path(frame)}", line {_shown(frame.lineno)}, in {frame.function or "?"}')
        if frame.context_line and (line := frame.context_line.strip()):
            lines.append(f"    {line}")
    return "\n".join([*lines, *_headline(value)])


def _newest_first(value: ExceptionValue) -> str:
    lines = [
        f"    at {frame.function or '?'} ({_path(frame)}:{_shown(frame.lineno)}:{_shown(frame.colno)})"
        for frame in reversed(value.frames)
    ]
    return "\n".join([*_headline(value), *lines])


def _shown(number: int | None) -> str:
    return "?" if number is None else str(number)


def _path(frame: Frame) -> str:
    return frame.filename or frame.abs_path or frame.module or "?"


def _headline(value: ExceptionValue) -> list[str]:
    """Return the line that names the exception; none for a bare stack."""
    parts = [part for part in (value.type, value.value) if part]
    return [": ".join(parts)] if parts else []
