"""JSON values that every store can hold: no NUL, no half surrogate, no NaN, bounded in depth, keys and bytes."""

import math
import re
from typing import Any, Final

import msgspec

from atlas_core import limits

_HALVES: Final = re.compile("[\ud800-\udfff]")
_TOO_DEEP: Final = "[too deep]"
_INT64: Final = range(-(2**63), 2**63)
# Fields lie this deep in a payload before their own depth counts.
_FIELD_DEPTH: Final = 2
_NUMBER_BYTES: Final = 24


def storable(text: str) -> str:
    """Return text that PostgreSQL can hold: no NUL character, no half surrogate."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _HALVES.sub("\ufffd", text)
    return text


def as_text(value: Any) -> str:
    """Return a JSON value as text: texts as they are, anything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(value)
    return msgspec.json.encode(storable_tree(value)).decode()


def storable_tree(value: Any, depth: int = limits.JSON_DEPTH - _FIELD_DEPTH) -> Any:
    """Return a JSON value whose texts are storable, whose numbers are finite and of 64 bits, at most `depth` deep."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict | list):
        return _container(value, depth) if depth > 0 else _TOO_DEEP
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    # True and False are numbers here too, and within bounds.
    return value if value is None or value in _INT64 else str(value)


def _container(value: dict[str, Any] | list[Any], depth: int) -> Any:
    if isinstance(value, list):
        return [storable_tree(child, depth - 1) for child in value]
    members = list(value.items())[: limits.JSON_KEYS]
    return {storable(key)[: limits.TAG_KEY_CHARACTERS]: storable_tree(child, depth - 1) for key, child in members}


def fitted(value: dict[str, Any], size_bytes: int) -> dict[str, Any]:
    """Return the object, its long texts and last members cut off until it fits `size_bytes` of JSON."""
    return _Budget(size_bytes).object(value)


class _Budget:
    """Spends bytes on the members of a value in their order."""

    def __init__(self, left: int) -> None:
        self._left = left

    def object(self, value: dict[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        self._left -= 2
        for key, child in value.items():
            cost = len(msgspec.json.encode(key)) + 2
            if self._left <= cost + _NUMBER_BYTES:
                break
            self._left -= cost
            kept[key] = self._value(child)
        return kept

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return self.object(value)
        if isinstance(value, list):
            return self._list(value)
        self._left -= _NUMBER_BYTES
        return value

    def _text(self, text: str) -> str:
        cost = len(msgspec.json.encode(text)) + 1
        if cost > self._left:
            # A character takes at most six bytes of JSON.
            text = text[: max(self._left // 6, 0)]
            cost = len(msgspec.json.encode(text)) + 1
        self._left -= cost
        return text

    def _list(self, value: list[Any]) -> list[Any]:
        kept: list[Any] = []
        self._left -= 3
        for child in value:
            if self._left <= _NUMBER_BYTES:
                break
            kept.append(self._value(child))
        return kept
