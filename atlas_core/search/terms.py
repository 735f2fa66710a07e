"""What a query is made of: terms that must all hold."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec

Compare = Literal["=", ">", ">=", "<", "<="]
Unit = Literal["m", "h", "d", "w"]
_UNITS: dict[Unit, timedelta] = {
    "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1),
}  # fmt: skip


class Sort(StrEnum):
    """How a list of issues is ordered: the most of it first; what is equal, newest id first."""

    LAST_SEEN = "last_seen"
    FIRST_SEEN = "first_seen"
    COUNT = "count"
    USERS = "users"
    PRIORITY = "priority"


class Word(msgspec.Struct, frozen=True, tag=True):
    """A word of free text; matches words that begin with it."""

    text: str


class Glob(msgspec.Struct, frozen=True, tag=True):
    """Text in which `*` stands for any characters."""

    text: str


class Day(msgspec.Struct, frozen=True, tag=True):
    """A whole day in UTC."""

    date: date


class Instant(msgspec.Struct, frozen=True, tag=True):
    """A moment; aware, UTC."""

    at: datetime


class Ago(msgspec.Struct, frozen=True, tag=True):
    """A moment before now, `-24h`."""

    amount: int
    unit: Unit

    @property
    def age(self) -> timedelta:
        """How long before now."""
        return self.amount * _UNITS[self.unit]


Value = str | int | Word | Glob | Day | Instant | Ago


class Term(msgspec.Struct, frozen=True):
    """One condition: the field has one of the values, or compares with the only one; `negated` turns it round.

    `field` is a name of `fields.FIELDS`, `text` for free text, or `tags` with the tag's name as `key`.
    """

    field: str
    values: tuple[Value, ...]
    compare: Compare = "="
    negated: bool = False
    key: str | None = None


Query = tuple[Term, ...]
