"""An exception as data: its chain, its frames, its text."""

import linecache
import traceback
from types import FrameType, TracebackType
from typing import Any, Final

FRAMES: Final = 100
CHAIN: Final = 20
CONTEXT_LINES: Final = 5
TEXT_CHARACTERS: Final = 8_192
STACK_CHARACTERS: Final = 128 * 1024
VARIABLES: Final = 50
VARIABLE_CHARACTERS: Final = 200
_LIBRARIES: Final = ("site-packages", "dist-packages", "/lib/python", "<frozen")

Json = dict[str, Any]


def described(error: BaseException, *, include_local_variables: bool, handled: bool) -> Json:
    """Return an exception's part of an event: message, type, stack trace, and its chain, the oldest cause first."""
    values = []
    for number, link in enumerate(_chain(error)):
        value = _value(link, include_local_variables=include_local_variables)
        value["mechanism"] = {"type": "generic", "handled": handled, "exception_id": number}
        values.append(value)
    text = safe_text(error) or type(error).__name__
    return {
        "message": text,
        "type": type(error).__name__,
        "stack_trace": _formatted(error),
        "exception": {"values": list(reversed(values))},
    }


def safe_text(value: object, most: int = TEXT_CHARACTERS) -> str:
    """Return `str(value)`, cut; never raises, whatever `__str__` does."""
    try:
        return str(value)[:most]
    except Exception:  # noqa: BLE001 - the host's __str__ may do anything
        return f"<{type(value).__name__} whose text cannot be had>"


def _chain(error: BaseException) -> list[BaseException]:
    """Return the exception and what led to it, newest first; members of a group come after it."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(found) < CHAIN:
        link = waiting.pop(0)
        if link is None or any(link is known for known in found):
            continue
        found.append(link)
        if isinstance(link, BaseExceptionGroup):
            waiting.extend(link.exceptions)
        waiting.append(link.__cause__ or (None if link.__suppress_context__ else link.__context__))
    return found


def _value(error: BaseException, *, include_local_variables: bool) -> Json:
    frames = [
        _frame(frame, line, include_local_variables=include_local_variables)
        for frame, line in _walked(error.__traceback__)
    ]
    return {
        "type": type(error).__name__,
        "value": safe_text(error),
        "module": type(error).__module__,
        "stacktrace": {"frames": frames},
    }


def _walked(trace: TracebackType | None) -> list[tuple[FrameType, int]]:
    found = list(traceback.walk_tb(trace))
    # Recursion fills the middle; the ends say who called and where it broke.
    return found if len(found) <= FRAMES else found[: FRAMES // 2] + found[-FRAMES // 2 :]


def _frame(frame: FrameType, line: int, *, include_local_variables: bool) -> Json:
    path = frame.f_code.co_filename
    lines = linecache.getlines(path, frame.f_globals)
    first = max(0, line - 1 - CONTEXT_LINES)
    shown: Json = {
        "filename": path.rsplit("/", 3)[-1] if path.count("/") < 3 else "/".join(path.rsplit("/", 3)[-3:]),  # noqa: PLR2004
        "abs_path": path,
        "function": frame.f_code.co_qualname,
        "module": frame.f_globals.get("__name__"),
        "lineno": line,
        "in_app": not any(part in path for part in _LIBRARIES),
        "pre_context": [text.rstrip("\n") for text in lines[first : line - 1]],
        "context_line": lines[line - 1].rstrip("\n") if 0 < line <= len(lines) else None,
        "post_context": [text.rstrip("\n") for text in lines[line : line + CONTEXT_LINES]],
    }
    if include_local_variables:
        names = list(frame.f_locals.items())[:VARIABLES]
        shown["vars"] = {name: _safe_repr(value) for name, value in names}
    return shown


def _safe_repr(value: object) -> str:
    try:
        return repr(value)[:VARIABLE_CHARACTERS]
    except Exception:  # noqa: BLE001 - the host's __repr__ may do anything
        return f"<{type(value).__name__}>"


def _formatted(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error, limit=FRAMES))[-STACK_CHARACTERS:]
    except Exception:  # noqa: BLE001 - the host's __str__ may do anything
        return "".join(traceback.format_tb(error.__traceback__, limit=FRAMES))[-STACK_CHARACTERS:]
