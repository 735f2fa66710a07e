"""Any value into a field of an event: what is only ugly is mended and marked, never refused."""

import hashlib
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec

from atlas_core import limits
from atlas_core.events import Event, ExceptionValue, Frame, Level, level_named

_LIBRARIES: Final = ("site-packages/", "dist-packages/", "node_modules/", "node:", "/lib/python", "<frozen")
_FRAME_TEXTS: Final = ("filename", "abs_path", "function", "module", "context_line")
_REVERSED: Final = frozenset(("javascript", "node", "java", "ruby", "php", "csharp"))
_NANOSECONDS: Final = 1e17
_MILLISECONDS: Final = 1e11


class Repairs:
    """Mends values for one event, and keeps the names of the fields that had to be mended."""

    def __init__(self, received_at: datetime) -> None:
        self._received_at = received_at
        self.names: list[str] = []

    def mark(self, field: str) -> None:
        """Note that `field` was mended."""
        if field not in self.names:
            self.names.append(field)

    def text(self, field: str, value: Any, most: int) -> str | None:
        """Return `value` as storable text of at most `most` characters, or None when it is nothing."""
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            value = value if isinstance(value, int | float) else msgspec.json.encode(value).decode()
            self.mark(field)
        clean = storable(str(value))
        if len(clean) > most:
            clean = clean[:most]
        if clean != value:
            self.mark(field)
        return clean

    def time(self, field: str, value: Any) -> datetime:
        """Return `value` as an aware time in UTC; the time of receipt when it is none or not believable."""
        if value is None:
            return self._received_at
        found = parsed_time(value)
        if found is None or not self._believable(found):
            self.mark(field)
            return self._received_at
        return found

    def event_id(self, value: Any) -> UUID:
        """Return the client's id, or a fresh one."""
        if value is None:
            return uuid4()
        try:
            return UUID(str(value)[:64].strip())
        except ValueError:
            self.mark("event_id")
            return uuid4()

    def level(self, value: Any) -> Level:
        """Return the level that the client means."""
        return level_named(value)

    def tags(self, value: Any) -> dict[str, str]:
        """Return tags from an object or a list of pairs."""
        found: dict[str, str] = {}
        for pair in pairs(value)[: limits.TAGS]:
            key = self.text("tags", pair[0], limits.TAG_KEY_CHARACTERS)
            shown = self.text("tags", pair[1], limits.TAG_VALUE_CHARACTERS)
            if key and shown is not None:
                found[key] = shown
        return found

    def mapping(self, field: str, value: Any) -> dict[str, Any] | None:
        """Return an object with storable texts, or None when it is no object or larger than its limit."""
        if not isinstance(value, dict) or not value:
            if value:
                self.mark(field)
            return None
        clean: dict[str, Any] = storable_tree(value)
        if len(msgspec.json.encode(clean)) > limits.CONTEXT_BYTES:
            self.mark(field)
            return None
        return clean

    def breadcrumbs(self, value: Any) -> list[dict[str, Any]]:
        """Return the newest breadcrumbs, oldest first."""
        crumbs = [crumb for crumb in values_of(value) if isinstance(crumb, dict)]
        kept = (self.mapping("breadcrumbs", crumb) for crumb in crumbs[-limits.BREADCRUMBS :])
        return [crumb for crumb in kept if crumb]

    def exceptions(self, value: Any) -> list[ExceptionValue]:
        """Return the chain of exceptions, the oldest cause first."""
        return [self._exception(item) for item in values_of(value) if isinstance(item, dict)]

    def _exception(self, item: dict[str, Any]) -> ExceptionValue:
        mechanism = item.get("mechanism")
        mechanism = self.mapping("mechanism", mechanism) if isinstance(mechanism, dict) else None
        handled = mechanism.get("handled") if mechanism else None
        return ExceptionValue(
            type=self.text("exception.type", item.get("type"), limits.TYPE_CHARACTERS),
            value=self.text("exception.value", item.get("value"), limits.MESSAGE_CHARACTERS),
            module=self.text("exception.module", item.get("module"), limits.SHORT_TEXT_CHARACTERS),
            handled=handled if isinstance(handled, bool) else None,
            mechanism=mechanism,
            frames=self._frames(item.get("stacktrace")),
        )

    def _frames(self, stacktrace: Any) -> list[Frame]:
        frames = stacktrace.get("frames") if isinstance(stacktrace, dict) else None
        if not isinstance(frames, list):
            return []
        known = [frame for frame in frames if isinstance(frame, dict)]
        if len(known) > limits.FRAMES:
            # Recursion fills the middle; the ends say who called and where it broke.
            half = limits.FRAMES // 2
            known = known[:half] + known[-half:]
            self.mark("frames")
        return [self._frame(frame) for frame in known]

    def _frame(self, frame: dict[str, Any]) -> Frame:
        texts = {name: self.text(name, frame.get(name), limits.FRAME_LINE_CHARACTERS) for name in _FRAME_TEXTS}
        variables = frame.get("vars")
        return Frame(
            **texts,
            lineno=_line(frame.get("lineno")),
            colno=_line(frame.get("colno")),
            in_app=_in_app(frame.get("in_app"), texts),
            pre_context=self._lines(frame.get("pre_context")),
            post_context=self._lines(frame.get("post_context")),
            vars=self.mapping("vars", variables) if isinstance(variables, dict) else None,
        )

    def _lines(self, value: Any) -> list[str]:
        lines = value if isinstance(value, list) else []
        return [self.text("context", line, limits.FRAME_LINE_CHARACTERS) or "" for line in lines[:10]]

    def _believable(self, at: datetime) -> bool:
        age_s = (self._received_at - at).total_seconds()
        return -limits.CLOCK_FUTURE_S <= age_s <= limits.CLOCK_PAST_S


def message_of(event_repairs: Repairs, reported: str) -> tuple[str, str | None]:
    """Return the message as it can be stored, and the hex SHA-256 of the reported one when they differ."""
    clean = storable(reported)[: limits.MESSAGE_CHARACTERS]
    if clean == reported:
        return clean, None
    event_repairs.mark("message")
    return clean, hashlib.sha256(reported.encode("utf-8", "surrogatepass")).hexdigest()


def rendered(exceptions: Iterable[ExceptionValue], platform: str | None) -> str:
    """Return a chain of exceptions as the text that people of its language are used to."""
    newest_first = platform in _REVERSED
    parts = [_rendered_js(value) if newest_first else _rendered_python(value) for value in exceptions]
    joined = "\n\n".join(reversed(parts) if newest_first else parts)
    return cut_bytes(joined, limits.STACK_TRACE_BYTES)


def cut_bytes(text: str, most: int) -> str:
    """Return `text`, its end cut off where it is longer than `most` bytes of UTF-8."""
    if len(text) * 4 <= most:
        return text
    return text.encode()[:most].decode("utf-8", "ignore")


def finish(event: Event, repairs: Repairs) -> Event:
    """Return the event with the names of its mended fields."""
    event.repairs = repairs.names
    return event


def storable(text: str) -> str:
    """Return text that PostgreSQL can hold: no NUL character, no half surrogate."""
    if text.isascii():
        return text.replace("\x00", "\ufffd") if "\x00" in text else text
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def storable_tree(value: Any) -> Any:
    """Return a JSON value whose texts are storable and whose numbers are finite."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key))[: limits.TAG_KEY_CHARACTERS]: storable_tree(child) for key, child in value.items()}
    if isinstance(value, list):
        return [storable_tree(child) for child in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def values_of(value: Any) -> list[Any]:
    """Return the items of `{"values": [...]}`, of a list, or of a single object."""
    inner = value.get("values", value) if isinstance(value, dict) else value
    if isinstance(inner, list):
        return inner
    return [inner] if isinstance(inner, dict) and inner else []


def pairs(value: Any) -> list[tuple[Any, Any]]:
    """Return the pairs of an object or of a list of pairs."""
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list):
        return [(item[0], item[1]) for item in value if isinstance(item, list) and len(item) == 2]  # noqa: PLR2004
    return []


def _rendered_python(value: ExceptionValue) -> str:
    lines = ["Traceback (most recent call last):"] if value.frames else []
    for frame in value.frames:
        lines.append(f'  File "{_path(frame)}", line {frame.lineno or "?"}, in {frame.function or "?"}')
        if frame.context_line and frame.context_line.strip():
            lines.append(f"    {frame.context_line.strip()}")
    return "\n".join([*lines, _headline(value)])


def _rendered_js(value: ExceptionValue) -> str:
    lines = [
        f"    at {frame.function or '?'} ({_path(frame)}:{frame.lineno or '?'}:{frame.colno or '?'})"
        for frame in reversed(value.frames)
    ]
    return "\n".join([_headline(value), *lines])


def _path(frame: Frame) -> str:
    return frame.filename or frame.abs_path or "?"


def _headline(value: ExceptionValue) -> str:
    kind = value.type or "Error"
    return f"{kind}: {value.value}" if value.value else kind


def parsed_time(value: Any) -> datetime | None:
    """Return a time in any form that clients send (text, seconds, milli- or nanoseconds), in UTC; None for garbage."""
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            seconds = value / 1e9 if value > _NANOSECONDS else value / 1e3 if value > _MILLISECONDS else value
            return datetime.fromtimestamp(seconds, UTC)
        if isinstance(value, str):
            return _parsed_text_time(value.strip())
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _parsed_text_time(text: str) -> datetime | None:
    if text.replace(".", "", 1).isdecimal() and len(text) < 24:  # noqa: PLR2004 - a number in quotes
        return parsed_time(float(text))
    at = datetime.fromisoformat(text[:64])
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _line(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _in_app(value: Any, texts: dict[str, str | None]) -> bool | None:
    if isinstance(value, bool):
        return value
    path = texts["abs_path"] or texts["filename"] or ""
    return not any(part in path for part in _LIBRARIES) if path else None
