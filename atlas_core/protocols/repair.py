"""Any value into a field of an event: what is only ugly is mended and marked, never refused."""

import hashlib
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from atlas_core import limits
from atlas_core.events import Level, find_level
from atlas_core.protocols.storable import as_text, fitted, storable, storable_tree
from atlas_core.protocols.times import parsed_time

_NIL: Final = UUID(int=0)
_ids: Final = random.Random()  # noqa: S311 - unique, not secret; asking the system each time takes ten times longer
_NO_DRIFT: Final = timedelta(0)


class Repairs:
    """Mends values for one event, and keeps the names of the fields that had to be mended.

    A name is the payload's member, with what lies inside it after a dot. `drift` is what the client's clock lacks.
    """

    __slots__ = ("_drift", "_received_at", "names", "unheld")

    def __init__(self, received_at: datetime, drift: timedelta = _NO_DRIFT) -> None:
        self._received_at = received_at
        self._drift = drift
        self.names: list[str] = []
        self.unheld: set[str] = set()

    def mark(self, field: str) -> None:
        """Note that `field` was mended."""
        if field not in self.names:
            self.names.append(field)

    def text(self, field: str, value: Any, most: int) -> str | None:
        """Return `value` as storable text of at most `most` characters, or None when it is nothing."""
        if value is None or value == "":
            return None
        if isinstance(value, str) and len(value) <= most and value.isascii() and "\x00" not in value:
            return value  # almost all are, and a stack has hundreds
        said = as_text(value)
        clean = storable(said)[:most]
        if clean != said or isinstance(value, dict | list):
            self.mark(field)
        return clean

    def texts(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Return the payload's short texts (release, environment, ...), each cut to its limit."""
        return {
            name: self.text(name, payload[name], most) for name, most in limits.SHORT_TEXTS.items() if name in payload
        }

    def message(self, field: str, reported: str) -> tuple[str, str | None]:
        """Return a message as it can be stored, and the hex SHA-256 of the reported one when they differ."""
        clean = storable(reported)[: limits.MESSAGE_CHARACTERS]
        if clean == reported:
            return clean, None
        self.mark(field)
        return clean, hashlib.sha256(reported.encode("utf-8", "surrogatepass")).hexdigest()

    def time(self, field: str, value: Any) -> datetime:
        """Return `value` as an aware time in UTC; the time of receipt when it is none or not believable."""
        if value is None:
            return self._received_at
        found = self.client_time(value)
        if self._drift or found is None:
            self.mark(field)
        if found is None or not self._believable(found):
            self.mark(field)
            return self._received_at
        return found

    def client_time(self, value: Any) -> datetime | None:
        """Return `value` as a time by our clock, or None when it is none."""
        found = parsed_time(value)
        try:
            return found + self._drift if found else None
        except OverflowError:
            return None

    def event_id(self, *values: Any) -> UUID:
        """Return the first of a client's ids that is one, or a fresh one."""
        for value in values:
            if found := parsed_id(value):
                return found
            if value is not None:
                self.mark("event_id")
        return UUID(int=_ids.getrandbits(128), version=4)

    def level(self, value: Any) -> Level:
        """Return the level that the client means."""
        level = find_level(value)
        if level is None and value is not None:
            self.mark("level")
        return level or Level.ERROR

    def tags(self, value: Any) -> dict[str, str]:
        """Return tags from an object or a list of pairs."""
        if not value:
            return {}
        found: dict[str, str] = {}
        given = pairs(value)
        for name, shown in given[: limits.TAGS]:
            key = self.text("tags", name, limits.TAG_KEY_CHARACTERS)
            text = self.text("tags", shown, limits.TAG_VALUE_CHARACTERS)
            if key and text is not None:
                found[key] = text
        if not given or len(given) > limits.TAGS:
            self.mark("tags")
        return found

    def mapping(self, field: str, value: Any, size_bytes: int = limits.CONTEXT_BYTES) -> dict[str, Any] | None:
        """Return an object that can be stored, cut to `size_bytes` of JSON; None when it is none or empty."""
        if not value:
            return None
        if not isinstance(value, dict):
            self.mark(field)
            return None
        clean: dict[str, Any] = storable_tree(value)
        if len(msgspec.json.encode(clean)) > size_bytes:
            clean = fitted(clean, size_bytes)
        if clean != value:
            self.mark(field)
        return clean

    def mappings(self, payload: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
        """Return those of the payload's members that are objects, by name."""
        kept = {name: self.mapping(name, payload[name]) for name in names if name in payload}
        return {name: value for name, value in kept.items() if value}

    def breadcrumbs(self, value: Any) -> list[dict[str, Any]]:
        """Return the newest breadcrumbs, oldest first, their times as RFC 3339 text by our clock."""
        crumbs = [crumb for crumb in values_of(value) if isinstance(crumb, dict)]
        kept = (self._breadcrumb(crumb) for crumb in crumbs[-limits.BREADCRUMBS :])
        return [crumb for crumb in kept if crumb]

    def fingerprint(self, value: Any) -> list[str]:
        """Return the parts of a client's fingerprint."""
        if value is None:
            return []
        parts = value if isinstance(value, list) else [value]
        texts = (
            self.text("fingerprint", part, limits.SHORT_TEXT_CHARACTERS) for part in parts[: limits.FINGERPRINT_PARTS]
        )
        return [text for text in texts if text]

    def raw(self, payload: dict[str, Any], known: frozenset[str]) -> dict[str, Any] | None:
        """Return what the payload says beyond the event's fields: members unknown to us, and those that were mended."""
        unheld = payload.keys() - known
        if not (unheld or self.names or self.unheld):
            return None
        unheld |= self.unheld
        unheld.update(name.partition(".")[0] for name in self.names)
        kept = {name: payload[name] for name in payload if name in unheld}
        return Repairs(self._received_at).mapping("raw", kept, limits.RAW_BYTES)

    def _breadcrumb(self, crumb: dict[str, Any]) -> dict[str, Any] | None:
        kept = self.mapping("breadcrumbs", crumb)
        if kept and "timestamp" in kept:
            at = self.client_time(kept["timestamp"])
            kept["timestamp"] = at.isoformat() if at else None
        return kept

    def _believable(self, at: datetime) -> bool:
        age_s = (self._received_at - at).total_seconds()
        return -limits.CLOCK_FUTURE_S <= age_s <= limits.CLOCK_PAST_S


def parsed_id(value: Any) -> UUID | None:
    """Return a client's event id (32 hex digits, dashed, any case), or None; the nil id is none."""
    if not isinstance(value, str):
        return None
    try:
        found = UUID(value.strip())
    except ValueError:
        return None
    return None if found == _NIL else found


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
