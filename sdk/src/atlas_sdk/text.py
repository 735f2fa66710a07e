"""Text and plain JSON out of whatever a host hands over, at a bounded size."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from atlas_sdk.guard import attempt

TEXT_CHARACTERS: Final = 8_192
# Taken at capture. A secret that straddles the final cut must still be whole when it is looked for.
TAKEN_CHARACTERS: Final = 2 * TEXT_CHARACTERS
_CUT: Final = "... (cut)"
_JSON_INTEGER: Final = 2**63
_DEPTH: Final = 8
_ITEMS: Final = 1_000


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
    """Return `repr(value)`, survived and taken at most `TAKEN_CHARACTERS` long."""
    return attempt(lambda: storable(repr(value)[:TAKEN_CHARACTERS]), lambda: f"<unprintable {type(value).__name__}>")


def plain(value: Any, depth: int = _DEPTH) -> Any:
    """Return `value` as new plain JSON data; what JSON cannot say becomes its `repr`."""
    if depth > 0 and isinstance(value, Mapping):
        return {text_of(key): plain(child, depth - 1) for key, child in list(value.items())[:_ITEMS]}
    if depth > 0 and isinstance(value, list | tuple | set | frozenset):
        return [plain(child, depth - 1) for child in list(value)[:_ITEMS]]
    return _leaf(value)


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


def plain_mapping(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return `value` as plain JSON, empty when it is none or no mapping."""
    empty: dict[str, Any] = {}
    data = attempt(lambda: plain(value), lambda: empty)
    return data if isinstance(data, dict) else empty


def time_text(moment: datetime) -> str:
    """Return an aware `moment` as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
