"""Type and message without what varies: numbers, addresses, paths, names of hosts and people. Frozen as version 1."""

import hashlib
from functools import lru_cache
from typing import Final

from atlas_core.events import Event
from atlas_core.grouping import people, phrases
from atlas_core.grouping.vocabulary import SHOWN, SLOT

NAME: Final = "normalized"

_LINES: Final = 5
_READ_CHARACTERS: Final = 2_048
_KEPT_CHARACTERS: Final = 512
_CACHED: Final = 65_536  # 24 MB, of common length
_CACHED_CHARACTERS: Final = 512


def fingerprint(event: Event) -> bytes:
    """Return the SHA-256 (32 bytes) of the type, a line feed and the message without what varies."""
    if len(event.message) <= _CACHED_CHARACTERS:
        return _cached_digest(event.type, event.message)
    return _digest(event.type, event.message)


def parameterised(message: str) -> str:
    """Return the message as one line, with `<*>` for each part that varies.

    Only the first lines count: 5 lines, 2,048 characters, 512 characters of the result. The result of a message that
    was cut is the same for other lengths of the varying parts, as long as they shrink to a quarter.
    """
    return _slotted(message).replace(SLOT, SHOWN)


def explain(event: Event) -> list[str]:
    """Return how the fingerprint came about, a line for each step."""
    kind = [f"type: {event.type}"] if event.type else []
    return [*kind, f"message without what varies: {parameterised(event.message)}"]


def _slotted(message: str) -> str:
    text = message[:_READ_CHARACTERS]
    if len(message) > _READ_CHARACTERS:
        text = text.rpartition(" ")[0] or text
    if "\n" in text:
        text = "\n".join(text.strip().split("\n", _LINES)[:_LINES])
    return people.slotted(phrases.slotted(text))[:_KEPT_CHARACTERS]


def _digest(kind: str | None, message: str) -> bytes:
    return hashlib.sha256(f"{kind or ''}\n{_slotted(message)}".encode()).digest()


_cached_digest = lru_cache(_CACHED)(_digest)
