"""Writes a query as text that reads as the same query."""

import re
from typing import Final, assert_never

from atlas_core.search.terms import Ago, Day, Glob, Instant, Query, Term, Value, Word

_PLAIN: Final = re.compile(r"[\w@./+][\w@./+:-]*")
_PLAIN_NAME: Final = re.compile(r'[^\s:"]+')


def printed(query: Query) -> str:
    """Return the text of a query: `parse(printed(query)) == query` for every query that was parsed."""
    return " ".join(_term(term) for term in query)


def _term(term: Term) -> str:
    negation = "-" if term.negated else ""
    if term.field == "text":
        (value,) = term.values
        return negation + (value.text if isinstance(value, Word) else _quoted(str(value)))
    sign = "" if term.compare == "=" else term.compare
    values = [_value(value) for value in term.values]
    listed = values[0] if len(values) == 1 else f"[{','.join(values)}]"
    return f"{negation}{_name(term)}:{sign}{listed}"


def _name(term: Term) -> str:
    if term.key is None:
        return term.field
    return f"tags.{term.key if _PLAIN_NAME.fullmatch(term.key) else _quoted(term.key)}"


def _value(value: Value) -> str:
    match value:
        case str():
            return value if _PLAIN.fullmatch(value) else _quoted(value)
        case int():
            return str(value)
        case Word() | Glob():
            return value.text
        case Day():
            return value.date.isoformat()
        case Instant():
            return value.at.isoformat()
        case Ago():
            return f"-{value.amount}{value.unit}"
        case _:
            assert_never(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
