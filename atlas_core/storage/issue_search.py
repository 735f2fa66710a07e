"""Queries as SQL on `issues.issues i`. All that people typed becomes a bound value, never a part of the statement."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from atlas_core import limits
from atlas_core.search import Query, Term
from atlas_core.search.fields import NEW_DAYS
from atlas_core.search.terms import Ago, Day, Glob, Instant, Value, Word
from atlas_core.storage.issue_tables import SEEN_HOUR, SIZE

_TAGGED: Final = """
EXISTS (SELECT FROM issues.issue_tags t WHERE t.issue_id = i.id AND t.project_id {of} AND t.key = {key}{more})
"""
_WORDED: Final = "EXISTS (SELECT FROM issues.issue_words w WHERE w.issue_id = i.id AND w.words @@ ({asked}))"
_INSIGHT: Final = "EXISTS (SELECT FROM intelligence.insights n WHERE n.issue_id = i.id AND n.state = 'ready')"
_USER: Final = "(SELECT u.id FROM identity.users u WHERE u.email = {email})"
_STANDINGS: Final = {
    "open": "i.status = 'open'",
    "resolved": "i.status = 'resolved'",
    "ignored": "i.status = 'ignored'",
    "regressed": "i.status = 'open' AND i.regressed_at IS NOT NULL",
    "assigned": "i.assignee_id IS NOT NULL",
    "unassigned": "i.assignee_id IS NULL",
}
_HELD: Final = {"insight": _INSIGHT, "assignee": "i.assignee_id IS NOT NULL", "type": "i.type IS NOT NULL"}
# A prefix of one or two characters fits nearly everything: such a word must be met whole.
_LONG_WORD_LAST: Final = re.compile(r"[^\W_]{3}[\W_]*$")
_TICK: Final = timedelta(microseconds=1)


class Asker(msgspec.Struct, frozen=True):
    """Who asks, and when: what `me` and `-24h` mean."""

    user_id: UUID
    now: datetime


class Condition(msgspec.Struct, frozen=True):
    """SQL that is true for the rows `i` that are asked for, and the values of its placeholders."""

    sql: str
    values: Mapping[str, object]


def condition(query: Query, asker: Asker, projects: Sequence[UUID]) -> Condition:
    """Return a query on issues of these projects as SQL; its placeholders are `%(q0)s`, `%(q1)s` and so on."""
    binding = _Binding(asker, projects)
    parts = [f"({part})" for part in (*_texts(query, binding), *_terms(query, binding))]
    return Condition(" AND ".join(parts) or "true", binding.values)


class _Binding:
    """Turns values into placeholders."""

    def __init__(self, asker: Asker, projects: Sequence[UUID]) -> None:
        self.asker = asker
        self.values: dict[str, object] = {}
        self.of = f"= {self(projects[0])}" if len(projects) == 1 else f"= ANY({self(list(projects))})"

    def __call__(self, value: object) -> str:
        name = f"q{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"


def _texts(query: Query, bound: _Binding) -> Iterator[str]:
    """Yield one condition for all words that must be there, one for all that must not: the index is read once."""
    for joint, negated in ((" && ", False), (" || ", True)):
        terms = [term for term in query if term.field == "text" and term.negated is negated]
        if terms:
            asked = joint.join(_words(term.values[0], bound) for term in terms)
            yield ("NOT " if negated else "") + _WORDED.format(asked=asked)


def _terms(query: Query, bound: _Binding) -> Iterator[str]:
    for term in query:
        if term.field != "text":
            sql = _FIELDS[term.field](term, bound)
            # NOT EXISTS can be an anti-join, `IS NOT TRUE` of it cannot.
            turned = f"NOT {sql}" if _FIELDS[term.field] is _tag else f"({sql}) IS NOT TRUE"
            yield turned if term.negated else sql


def _words(value: Value, bound: _Binding) -> str:
    text = value.text if isinstance(value, Word) else str(value)
    is_prefix = isinstance(value, Word) and _LONG_WORD_LAST.search(text) is not None
    return f"issues.asked_words({bound(text)}, {'true' if is_prefix else 'false'})"


def _like_any(column: str, values: Sequence[Value], bound: _Binding) -> str:
    exact = [value for value in values if isinstance(value, str)]
    globs = [_like(value.text) for value in values if isinstance(value, Glob)]
    parts = [f"{column} = ANY({bound(exact)})"] if exact else []
    parts += [f"{column} LIKE ANY({bound(globs)})"] if globs else []
    return " OR ".join(parts)


def _like(glob: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", glob).replace("*", "%")


def _column(term: Term, bound: _Binding) -> str:
    return _like_any(f"i.{term.field}", term.values, bound)


def _tag(term: Term, bound: _Binding) -> str:
    width = limits.TAG_VALUE_INDEXED_CHARACTERS
    cut = [value[:width] if isinstance(value, str) else value for value in term.values]
    return _tagged(term.key or term.field, f" AND ({_like_any('t.value', cut, bound)})", bound)


def _tagged(key: str, more: str, bound: _Binding) -> str:
    return _TAGGED.format(of=bound.of, key=bound(key), more=more)


def _standing(term: Term, bound: _Binding) -> str:
    new = {"new": f"i.first_seen >= {bound(bound.asker.now - timedelta(days=NEW_DAYS))}"}
    standings = _STANDINGS | new
    return " OR ".join(f"({standings[str(value)]})" for value in term.values)


def _held(term: Term, bound: _Binding) -> str:
    names = [str(value) for value in term.values]
    return " OR ".join(_HELD.get(name) or _tagged(name.removeprefix("tags."), "", bound) for name in names)


def _assignee(term: Term, bound: _Binding) -> str:
    return " OR ".join(_assigned_to(str(value), bound) for value in term.values)


def _assigned_to(who: str, bound: _Binding) -> str:
    if who == "none":
        return "i.assignee_id IS NULL"
    return f"i.assignee_id = {bound(bound.asker.user_id) if who == 'me' else _USER.format(email=bound(who))}"


def _number(term: Term, bound: _Binding) -> str:
    column = f"i.{term.field}"
    if term.compare == "=":
        return f"{column} = ANY({bound(list(term.values))})"
    number = f"{bound(term.values[0])}::bigint"
    # The second condition follows from the first, and has an index.
    return f"{column} {term.compare} {number} AND {column}_size {term.compare[0]}= {SIZE.format(number)}"


def _time(term: Term, bound: _Binding) -> str:
    return " OR ".join(f"({_span(term, value, bound)})" for value in term.values)


def _span(term: Term, value: Value, bound: _Binding) -> str:
    begins, ended = _bounds(value, bound.asker.now)
    over = ended or begins + _TICK
    sides = {
        "=": ((">=", begins), ("<", ended)), ">": ((">=", over),), ">=": ((">=", begins),), "<": (("<", begins),),
        "<=": (("<", over),),
    }[term.compare]  # fmt: skip
    return " AND ".join(_side(term.field, sign, at, bound) for sign, at in sides if at is not None)


def _side(field: str, sign: str, at: datetime, bound: _Binding) -> str:
    moment = f"{bound(at)}::timestamptz"
    rounded = f" AND i.seen_hour {sign[0]}= {SEEN_HOUR.format(moment)}" if field == "last_seen" else ""
    return f"i.{field} {sign} {moment}{rounded}"


def _bounds(value: Value, now: datetime) -> tuple[datetime, datetime | None]:
    """Return where a day or moment begins, and where it has ended; `-24h` began then and has not ended."""
    if isinstance(value, Ago):
        return now - value.age, None
    if isinstance(value, Day):
        start = datetime(value.date.year, value.date.month, value.date.day, tzinfo=UTC)
        return start, start + timedelta(days=1)
    assert isinstance(value, Instant)
    return value.at, value.at + _TICK


_FIELDS: Final[Mapping[str, Callable[[Term, _Binding], str]]] = {
    "tags": _tag, "release": _tag, "environment": _tag,
    "level": _column, "priority": _column, "type": _column, "culprit": _column, "platform": _column,
    "status": _standing, "is": _standing, "has": _held, "assignee": _assignee,
    "count": _number, "users": _number, "first_seen": _time, "last_seen": _time,
}  # fmt: skip
