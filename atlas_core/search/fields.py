"""The fields that a query may name, and what each takes."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final, get_args

import msgspec

from atlas_core import limits
from atlas_core.events import Level
from atlas_core.issues import Priority, Status
from atlas_core.search.terms import Ago, Day, Glob, Instant, Unit, Value

NEW_DAYS: Final = 7
_STATUSES: Final = (*(status.value for status in Status), "regressed")
_AGO: Final = re.compile(r"-([0-9]{1,5})([mhdw])")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_DAY: Final = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}")
_MOMENT: Final = re.compile(r"[^Tt ]+[Tt ].+")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")


class Field(msgspec.Struct, frozen=True):
    """What a field takes: `expected` says it in words, `compares` tells whether `>`, `<` and so on may stand before."""

    expected: tuple[str, ...]
    compares: bool = False

    def value(self, text: str, *, quoted: bool) -> Value | None:
        """Return the value that `text` means, or None when the field does not take it."""
        raise NotImplementedError


class Choice(Field, frozen=True):
    """One of some words."""

    def value(self, text: str, *, quoted: bool) -> Value | None:
        """Return the word in its own spelling."""
        del quoted
        lower = text.lower()
        return lower if lower in self.expected else None


class Holding(Field, frozen=True):
    """Something that an issue may have: one of some words, or `tags.NAME`."""

    def value(self, text: str, *, quoted: bool) -> Value | None:
        """Return the word, or the tag as written."""
        del quoted
        return text if text in self.expected[:-1] or (text.startswith("tags.") and text != "tags.") else None


class Person(Field, frozen=True):
    """A member: by e-mail address, `me`, or `none` for nobody."""

    def value(self, text: str, *, quoted: bool) -> Value | None:
        """Return it in lower case."""
        del quoted
        lower = text.lower()
        return lower if lower in ("me", "none") or _EMAIL.fullmatch(lower) else None


class Words(Field, frozen=True):
    """Text; unquoted, `*` stands for any characters."""

    def value(self, text: str, *, quoted: bool) -> Value | None:
        """Return the text or its pattern."""
        if not text:
            return None
        return Glob(text) if "*" in text and not quoted else text


class Number(Field, frozen=True):
    """A whole number."""

    def value(self, text: str, *, quoted: bool) -> Value | None:
        """Return the number."""
        del quoted
        return int(text) if _NUMBER.fullmatch(text) else None


class Time(Field, frozen=True):
    """A day, a moment, or how long ago."""

    def value(self, text: str, *, quoted: bool) -> Value | None:
        """Return the day or moment; a moment without an offset is UTC."""
        del quoted
        if found := _AGO.fullmatch(text):
            unit: Unit = next(unit for unit in get_args(Unit) if unit == found[2])
            return Ago(int(found[1]), unit)
        if not (is_day := _DAY.fullmatch(text)) and not _MOMENT.fullmatch(text):
            return None
        try:
            made = Day(date.fromisoformat(text)) if is_day else Instant(_utc(text))
        except (ValueError, OverflowError):
            return None
        year = made.date.year if isinstance(made, Day) else made.at.year
        return made if year in limits.YEARS else None


def _utc(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


_TEXT: Final = Words(("text", '"quoted text"', "text with *"))
_COUNT: Final = Number(("a whole number",), compares=True)
_TIME: Final = Time(("2026-11-01", "2026-11-01T10:30", "-24h (m, h, d, w)"), compares=True)
TAG: Final = _TEXT
FIELDS: Final[Mapping[str, Field]] = {
    "level": Choice(tuple(level.value for level in Level)),
    "status": Choice(_STATUSES),
    "is": Choice((*_STATUSES, "assigned", "unassigned", "new")),
    "has": Holding(("insight", "assignee", "type", "release", "environment", "tags.NAME")),
    "priority": Choice(tuple(priority.value for priority in Priority)),
    "assignee": Person(("me", "none", "an e-mail address")),
    "release": _TEXT,
    "environment": _TEXT,
    "type": _TEXT,
    "culprit": _TEXT,
    "platform": _TEXT,
    "count": _COUNT,
    "users": _COUNT,
    "first_seen": _TIME,
    "last_seen": _TIME,
}
_ALIASES: Final = {"env": "environment", "assigned": "assignee"} | {name.replace("_", ""): name for name in FIELDS}


def field_named(name: str) -> str | None:
    """Return the field that a person means (`firstSeen`, `first_seen`, `env`), or None."""
    lower = name.lower()
    return lower if lower in FIELDS else _ALIASES.get(lower)
