"""Times in every form that clients send."""

from datetime import UTC, datetime
from typing import Any, Final

_NANOSECONDS: Final = 1e17
_MICROSECONDS: Final = 1e14
_MILLISECONDS: Final = 1e11
_LONGEST: Final = 64


def parsed_time(value: Any) -> datetime | None:
    """Return a time in UTC from RFC 3339 text (no zone is UTC), or a number; None for anything else.

    Numbers are seconds since 1970, or milli-, micro- or nanoseconds where seconds would be thousands of years ahead.
    """
    try:
        if isinstance(value, str):
            return _from_text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(_seconds(value), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _from_text(text: str) -> datetime:
    text = text.strip()[:_LONGEST].upper()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromtimestamp(_seconds(float(text)), UTC)
    if at.tzinfo is None and text.isdecimal():
        # 1764000000 is a number in quotes, not a date without separators.
        return datetime.fromtimestamp(_seconds(float(text)), UTC)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _seconds(value: float) -> float:
    if value > _NANOSECONDS:
        return value / 1e9
    if value > _MICROSECONDS:
        return value / 1e6
    return value / 1e3 if value > _MILLISECONDS else value
