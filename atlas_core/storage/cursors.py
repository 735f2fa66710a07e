"""Where a page ended, as text that the next request brings back."""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime

from atlas_core import limits
from atlas_core.errors import RejectedError

_LARGEST = 2**63 - 1


def cursor_of(*parts: object) -> str:
    """Return a cursor that carries these parts; only the last may contain `|`."""
    written = (part.isoformat() if isinstance(part, datetime) else str(part) for part in parts)
    return base64.urlsafe_b64encode("|".join(written).encode()).decode()


def parts_of(cursor: str, *kinds: Callable[[str], object]) -> tuple[object, ...]:
    """Return what a cursor carries: text, read by `UUID`, `moment`, `whole`, `stored`, ... in turn.

    Raises:
        RejectedError: It does not carry that: it was not made here, or for another list.
    """
    try:
        parts = base64.urlsafe_b64decode(cursor.encode()).decode().split("|", len(kinds) - 1)
        return tuple(read(part) for part, read in zip(parts, kinds, strict=True))
    except (ValueError, binascii.Error) as error:
        raise RejectedError("the cursor is not one that this route gave") from error


def moment(text: str) -> datetime:
    """Return an aware time.

    Raises:
        ValueError: The text is none that a row of ours can have.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or at.year not in limits.YEARS:
        raise ValueError(text)
    return at


def whole(text: str) -> int:
    """Return a number that fits a `bigint` and is not negative.

    Raises:
        ValueError: The text is not one.
    """
    number = int(text)
    if not 0 <= number <= _LARGEST:
        raise ValueError(text)
    return number


def stored(text: str) -> str:
    """Return text that a column can hold.

    Raises:
        ValueError: It cannot be stored: it has a NUL.
    """
    if "\x00" in text:
        raise ValueError(text)
    return text
