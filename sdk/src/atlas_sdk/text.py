"""Text and plain JSON out of whatever a host hands over, at a bounded size and in bounded time."""

import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from atlas_sdk.guard import attempt

TEXT_CHARACTERS: Final = 8_192
# Taken at capture. A secret that straddles the final cut must still be whole when it is looked for.
TAKEN_CHARACTERS: Final = 2 * TEXT_CHARACTERS
_CUT: Final = "... (cut)"
_JSON_INTEGER: Final = 2**63
_DEPTH: Final = 8
_ITEMS: Final = 1_000
Item = TypeVar("Item")


def storable(text: str) -> str:
    """Return `text` as every UTF-8 database takes it: lone surrogates spelled out, NUL replaced by U+FFFD."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\ufffd")


def cut(text: str, characters: int = TEXT_CHARACTERS) -> str:
    """Return `text` in at most `characters` characters; a cut is marked at its end."""
    return text if len(text) <= characters else text[: characters - len(_CUT)] + _CUT


def text_of(value: object) -> str:
    """Return `str(value)`, survived and taken at most `TAKEN_CHARACTERS` long."""
    return attempt(lambda: storable(str(value)[:TAKEN_CHARACTERS]), lambda: f"<unprintable {type(value).__name__}>")


def repr_of(value: object) -> str:
    """Return `repr(value)`, survived; of a large text or container only some."""
    return attempt(
        lambda: storable(_REPR.repr(value)[:TAKEN_CHARACTERS]), lambda: f"<unprintable {type(value).__name__}>"
    )


def plain(value: Any, depth: int = _DEPTH, items: int = _ITEMS) -> Any:
    """Return `value` as new plain JSON data of at most `items` values; what JSON cannot say becomes its `repr`."""
    return _plain(value, depth, _Budget(items))


def plain_mapping(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return `value` as plain JSON, empty when it is none or no mapping."""
    empty: dict[str, Any] = {}
    data = attempt(lambda: plain(value), lambda: empty)
    return data if isinstance(data, dict) else empty


def time_text(moment: datetime) -> str:
    """Return an aware `moment` as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class _Budget:
    """How many values may still be taken: a structure that contains itself many times over has no end."""

    def __init__(self, left: int) -> None:
        self._left = left

    def some(self, values: Iterable[Item]) -> Iterator[Item]:
        for value in values:
            if self._left <= 0:
                return
            self._left -= 1
            yield value


class _Repr(reprlib.Repr):
    """A repr whose time does not grow with the size of built-in containers."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = 20
        self.maxstring = self.maxother = TEXT_CHARACTERS

    def repr_bytes(self, value: bytes, _level: int) -> str:
        return repr(value[: TEXT_CHARACTERS // 4])

    def repr_bytearray(self, value: bytearray, _level: int) -> str:
        return repr(value[: TEXT_CHARACTERS // 4])


_REPR: Final = _Repr()


def _plain(value: Any, depth: int, budget: _Budget) -> Any:
    is_mapping = isinstance(value, Mapping)
    if not is_mapping and not isinstance(value, list | tuple | set | frozenset):
        return _leaf(value)
    if depth == 0:
        return f"<{type(value).__name__} of {len(value)}>"
    if is_mapping:
        return {text_of(key): _plain(child, depth - 1, budget) for key, child in budget.some(value.items())}
    return [_plain(child, depth - 1, budget) for child in budget.some(value)]


def _leaf(value: Any) -> str | float | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | datetime):
        return text_of(value)
    if isinstance(value, int) and -_JSON_INTEGER <= value < _JSON_INTEGER:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return repr_of(value)
