"""Lists of issues over dictionaries: the service's own query language, orders and pages by cursor."""

from typing import Any
from urllib.parse import parse_qs

from atlas_core.errors import RejectedError
from atlas_core.search import Term, parse
from atlas_core.search.terms import Word

Json = dict[str, Any]
_PRIORITIES = ("low", "medium", "high")


def a_page(issues: list[Json], query: str) -> Json:
    """The page that a URL's query asks for.

    Raises:
        UnreadableError: The query of issues cannot be read.
        RejectedError: The cursor is of another order.
    """
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    sort, limit = asked.get("sort", "last_seen"), int(asked.get("limit", 10_000))
    terms = parse(asked.get("query", ""))
    of, _, start = asked.get("cursor", f"{sort}|0").partition("|")
    if of != sort:
        raise RejectedError("the cursor belongs to another order")
    found = [issue for issue in issues if not issue["discarded_at"] and all(_holds(issue, term) for term in terms)]
    found.sort(key=lambda issue: _key(issue, sort), reverse=True)
    end = int(start) + limit
    return {"issues": found[int(start) : end], "next_cursor": f"{sort}|{end}" if end < len(found) else None}


def _key(issue: Json, sort: str) -> Any:
    return _PRIORITIES.index(issue["priority"]) if sort == "priority" else issue[sort]


def _holds(issue: Json, term: Term) -> bool:
    return any(_has(issue, term, value) for value in term.values) is not term.negated


def _has(issue: Json, term: Term, value: object) -> bool:
    match term.field, value:
        case "text", Word(text) | str(text):
            return text.casefold() in f"{issue['title']} {issue['culprit']}".casefold()
        case "level", str(word):
            return bool(issue["level"] == word)
        case (("status" | "is"), "regressed"):
            return bool(issue["is_regressed"])
        case (("status" | "is"), str(word)):
            return bool(issue["status"] == word)
        case "count", int(number) if term.compare == ">":
            return bool(issue["count"] > number)
    raise NotImplementedError(f"the fake lists do not know {term}")
