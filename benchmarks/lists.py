"""`python -m benchmarks.lists --folder DIR`: pages, searches and statistics over a big history, p50 and p99.

The limit beside them is the cheapest page there can be: 50 issues by primary key from a random place, with the same
columns, in the same run; calls of all kinds are mixed, so that none has the cache to itself.
"""

import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from atlas_core.search import Sort, parse
from atlas_core.storage.cursors import cursor_of
from atlas_core.storage.database import Database
from atlas_core.storage.event_queries import EventQueries
from atlas_core.storage.issue_lists import IssueLists
from atlas_core.storage.issue_search import Asker
from atlas_core.storage.queries import ISSUE_COLUMNS
from atlas_core.storage.statistics import Span, Statistics
from benchmarks.big_history import arguments, loaded
from data.bulk import DAYS, PROJECT

PAGE = 50
BARE = "the bare limit: 50 issues by primary key"
QUERIES = {
    "what is open": "is:open",
    "a common level": "level:error",
    "a rare level": "level:debug",
    "a status that nothing has": "status:resolved",
    "a common word": "timeout",
    "a rare word": "memoryerror",
    "the beginning of a word": "valid",
    "a phrase": '"connection refused"',
    "two words and not a third": "orders timed -eu",
    "a common tag": "environment:production",
    "a rare tag": "environment:development tags.region:ap",
    "an old release": "release:shop@2.0.0",
    "a pattern of releases": "release:shop@2.1*",
    "a type": "type:KeyError",
    "counts and users": "count:>100 users:>=5",
    "a time": "first_seen:>-2d last_seen:<-1d",
    "what an on-call person asks": "is:unassigned level:[error,critical] environment:production last_seen:>-24h",
    "everything at once": "orders level:error -release:shop@2.0.0 tags.plan:free count:>2 users:>1 last_seen:>-14d",
    "nothing": "nosuchword",
}
Call = Callable[[random.Random], object]


class Stores(NamedTuple):
    """What is measured."""

    lists: IssueLists
    events: EventQueries
    statistics: Statistics
    bare: psycopg.Connection[Any]


def calls(stores: Stores) -> dict[str, Call]:
    """Return what is called, by what the table says of it."""
    return {BARE: lambda made: _bare(stores.bare, made), **_orders(stores), **_searches(stores), **_others(stores)}


def _bare(connection: psycopg.Connection[Any], made: random.Random) -> object:
    columns = ISSUE_COLUMNS.format(stack_trace="left(stack_trace, 2000)")
    statement = f"SELECT {columns} FROM issues.issues WHERE id > %s ORDER BY id LIMIT {PAGE}"  # noqa: S608 - constants
    with connection.cursor(row_factory=dict_row) as rows:
        return rows.execute(statement.encode(), (UUID(int=made.getrandbits(128)),), prepare=False).fetchall()


def _page(stores: Stores, query: str, sort: Sort, cursor: str | None = None) -> object:
    asker = Asker(UUID(int=1), datetime.now(UTC))
    return stores.lists.page([PROJECT], parse(query), asker, sort=sort, limit=PAGE, cursor=cursor)


def _orders(stores: Stores) -> dict[str, Call]:
    def deep(made: random.Random, sort: Sort) -> object:
        at = datetime.now(UTC) - timedelta(days=made.uniform(0, DAYS))
        number = int(made.expovariate(0.2))
        place: Mapping[Sort, tuple[object, ...]] = {
            Sort.LAST_SEEN: (at,), Sort.FIRST_SEEN: (at,), Sort.COUNT: (number,), Sort.USERS: (number,),
            Sort.PRIORITY: ("medium", at),
        }  # fmt: skip
        return _page(stores, "", sort, cursor_of(sort, *place[sort], UUID(int=made.getrandbits(128))))

    first = {f"first page by {sort}": lambda _, sort=sort: _page(stores, "", sort) for sort in Sort}
    return first | {f"a deep page by {sort}": lambda made, sort=sort: deep(made, sort) for sort in Sort}


def _searches(stores: Stores) -> dict[str, Call]:
    return {
        f"{name}, by {sort}": lambda _, query=query, sort=sort: _page(stores, query, sort)
        for name, query in QUERIES.items()
        for sort in (Sort.LAST_SEEN, Sort.COUNT)
    }


def _others(stores: Stores) -> dict[str, Call]:
    asker = Asker(UUID(int=1), datetime.now(UTC))
    common, _ = stores.lists.page([PROJECT], (), asker, sort=Sort.COUNT, limit=20)
    issues = [issue["id"] for issue in common]
    events = [event["event_id"] for event in stores.events.page(PROJECT, issue_id=issues[0], limit=100)[0]]

    def span(interval: str) -> Span:
        now = datetime.now(UTC)
        return Span.of(now - timedelta(days=DAYS), now, "hour" if interval == "hour" else "day")

    def deep_events(made: random.Random) -> object:
        at = datetime.now(UTC) - timedelta(days=made.uniform(0, DAYS))
        cursor = cursor_of(at, UUID(int=made.getrandbits(128)))
        return stores.events.page(PROJECT, issue_id=made.choice(issues), limit=PAGE, cursor=cursor)

    now = datetime.now(UTC)
    return {
        "events of the project": lambda _: stores.events.page(PROJECT, limit=PAGE),
        "a deep page of an issue's events": deep_events,
        "one event": lambda made: stores.events.event(PROJECT, made.choice(events)),
        "an issue's month by hour": lambda made: stores.statistics.issue_series(
            PROJECT, made.choice(issues), span("hour")
        ),
        "the project's month by hour": lambda _: stores.statistics.project_series(PROJECT, span("hour")),
        "an issue's tags": lambda made: stores.statistics.tags(PROJECT, made.choice(issues), top=10),
        "releases": lambda _: stores.statistics.releases(PROJECT, limit=PAGE),
        "users affected in 24 h": lambda _: stores.statistics.users_affected(PROJECT, now - timedelta(days=1), now),
    }


def measured(kinds: Mapping[str, Call], count: int, seed: int) -> dict[str, list[float]]:
    """Return the milliseconds of `count` calls of each kind, in a random order, sorted; the first calls warm up."""
    made = random.Random(seed)
    for call in kinds.values():
        call(made)
    order = [name for name in kinds for _ in range(count)]
    made.shuffle(order)
    took: dict[str, list[float]] = {name: [] for name in kinds}
    for name in order:
        started = time.perf_counter()
        kinds[name](made)
        took[name].append((time.perf_counter() - started) * 1_000)
    return {name: sorted(times) for name, times in took.items()}


def main() -> None:
    """Measure and print."""
    parser = arguments(str(__doc__))
    parser.add_argument("--calls", type=int, default=200, help="calls of each kind")
    asked = parser.parse_args()
    with loaded(asked.folder, events=asked.events, issues=asked.issues, seed=asked.seed) as url:
        database = Database(url, pool_size=2)
        with psycopg.connect(url, autocommit=True) as bare:
            stores = Stores(IssueLists(database), EventQueries(database), Statistics(database), bare)
            found = measured(calls(stores), asked.calls, asked.seed)
            sizes = bare.execute("SELECT (SELECT count(*) FROM issues.events), (SELECT count(*) FROM issues.issues)")
            events, issues = sizes.fetchall()[0]
        database.close()
    table = Table("call", "p50 ms", "p99 ms", "p50 of the bare page's", title=f"{events:,} events, {issues:,} issues")
    limit_ms = _at(found[BARE], 0.5)
    for name, times in found.items():
        p50_ms, p99_ms = _at(times, 0.5), _at(times, 0.99)
        table.add_row(name, f"{p50_ms:.1f}", f"{p99_ms:.1f}", f"{p50_ms / limit_ms:.1f}")
    Console().print(table)


def _at(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))]


if __name__ == "__main__":
    main()
