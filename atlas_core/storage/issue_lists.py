"""Pages of issues: those that a query asks for, in one of the orders, of one project or of several."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import dict_row

from atlas_core.errors import RejectedError
from atlas_core.issues import Priority
from atlas_core.search import Query, Sort
from atlas_core.storage.cursors import cursor_of, moment, parts_of, whole
from atlas_core.storage.database import Database
from atlas_core.storage.issue_search import Asker, condition
from atlas_core.storage.issue_tables import LISTED, SEEN_HOUR, SIZE
from atlas_core.storage.queries import ISSUE_COLUMNS

Json = dict[str, Any]

# One snapshot for all statements of a page: no issue is on it twice or missing because it moved meanwhile.
_BOUNDS: Final = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL statement_timeout = '10s'
"""
# How many issues a search looks at in the list's order before it looks for all that match instead. A planner must guess
# which of the two is quicker; where matches are rare at the head of the list it guesses wrong, a hundredfold.
WALKED: Final = 5_000
WALKED_AT_MOST: Final = 12_500
# All that conditions and orders look at. The rows of a walk are sorted: the other columns would double what that takes.
_SEEN: Final = """
i.id, i.type, i.culprit, i.platform, i.level, i.priority, i.status, i.assignee_id, i.regressed_at, i.count, i.users,
i.first_seen, i.last_seen, i.count_size, i.users_size, i.seen_hour
"""
_WALK: Final = """
SELECT i.id FROM (
    SELECT {seen} FROM issues.issues i WHERE i.project_id = %(project)s AND {listed} AND {after}
    ORDER BY {order} OFFSET %(skipped)s LIMIT %(walked)s) i
WHERE {condition} ORDER BY {order} LIMIT %(limit)s
"""
_WALKS: Final = """
SELECT i.id FROM (
    SELECT i.* FROM unnest(%(projects)s::uuid[]) AS p(id) CROSS JOIN LATERAL (
        SELECT {seen} FROM issues.issues i WHERE i.project_id = p.id AND {listed} AND {after}
        ORDER BY {order} LIMIT %(skipped)s + %(walked)s) i
    ORDER BY {order} OFFSET %(skipped)s LIMIT %(walked)s) i
WHERE {condition} ORDER BY {order} LIMIT %(limit)s
"""
# OFFSET 0 keeps the order and the limit out of the planner's sight.
_COLLECT: Final = """
SELECT i.id FROM (
    SELECT {seen} FROM issues.issues i
    WHERE i.project_id = ANY(%(projects)s::uuid[]) AND {listed} AND {after} AND {condition} OFFSET 0) i
ORDER BY {order} LIMIT %(limit)s
"""
# First the page's ids, then their columns: sorting would drag wide rows along.
_PAGE: Final = "SELECT {columns} FROM ({ids}) page JOIN issues.issues i USING (id) ORDER BY {order}"
_COLUMNS: Final = ISSUE_COLUMNS.format(stack_trace="left(stack_trace, 2000)")
_PROJECTS: Final = """
SELECT p.id FROM identity.projects p JOIN identity.members m USING (organization_id) WHERE m.user_id = %s
"""


class _Order(msgspec.Struct, frozen=True):
    """One order: its columns, the first as an index has it; what comes after a row; how a cursor's value is read."""

    columns: str
    after: str
    read: Callable[[str], object]


_MOMENT: Final = "%(value)s::timestamptz"
_NUMBER: Final = "%(value)s::bigint"
_ORDERS: Final[Mapping[Sort, _Order]] = {
    Sort.LAST_SEEN: _Order(
        "i.seen_hour DESC, i.last_seen DESC, i.id DESC",
        f"i.seen_hour <= {SEEN_HOUR.format(_MOMENT)} AND (i.last_seen, i.id) < ({_MOMENT}, %(id)s)",
        moment,
    ),
    Sort.FIRST_SEEN: _Order("i.first_seen DESC, i.id DESC", f"(i.first_seen, i.id) < ({_MOMENT}, %(id)s)", moment),
    Sort.COUNT: _Order(
        "i.count_size DESC, i.count DESC, i.id DESC",
        f"i.count_size <= {SIZE.format(_NUMBER)} AND (i.count, i.id) < ({_NUMBER}, %(id)s)",
        whole,
    ),
    Sort.USERS: _Order(
        "i.users_size DESC, i.users DESC, i.id DESC",
        f"i.users_size <= {SIZE.format(_NUMBER)} AND (i.users, i.id) < ({_NUMBER}, %(id)s)",
        whole,
    ),
}
_PRIORITIES: Final = (Priority.HIGH, Priority.MEDIUM, Priority.LOW)


class IssueLists:
    """Reads pages of issues; the same cursor gives what follows the same row, whatever has changed before it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, projects: Sequence[UUID], query: Query, asker: Asker, *, sort: Sort, limit: int, cursor: str | None = None
    ) -> tuple[list[Json], str | None]:
        """Return a page of the issues that a query asks for, and the cursor of the next page.

        Args:
            projects: Whose issues; the asker is known to be a member.
            query: What `search.parse` returned.
            asker: Who asks, and when.
            sort: The order.
            limit: How many at most.
            cursor: What the page before came with, in the same order.

        Raises:
            RejectedError: The cursor is not one of ours, or of another order.
            TransientError: The database does not answer, or not in time.
        """
        with self._database.cursor() as rows:
            rows.execute(_BOUNDS)
            reader = _Reader(rows, projects, query, asker)
            if sort is Sort.PRIORITY:
                return _by_priority(reader, limit, cursor)
            found = reader.rows(sort, limit + 1, _position(sort, cursor))
        return _page(found, limit, lambda last: (sort, last[sort], last["id"]))

    def projects_of(self, user_id: UUID) -> list[UUID]:
        """Return the projects that a user belongs to."""
        with self._database.cursor() as cursor:
            return [row[0] for row in cursor.execute(_PROJECTS, (user_id,)).fetchall()]


class _Reader:
    """Reads rows of one request."""

    def __init__(self, rows: psycopg.Cursor[Any], projects: Sequence[UUID], query: Query, asker: Asker) -> None:
        self._rows = rows
        self._projects = list(projects)
        self._finds_all = not query
        self._asked = condition(query, asker, projects)

    def rows(
        self, sort: Sort, limit: int, position: Mapping[str, object], priority: Priority | None = None
    ) -> list[Json]:
        """Return up to `limit` issues that follow a position; of one priority, if told."""
        finds_all = self._finds_all and priority is None
        values = {**self._asked.values, **position, "limit": limit, "priority": priority}
        if finds_all:
            return self._walk(sort, values, 0, limit)
        # Of several projects each is walked as far as all of them together: the bound is on their sum.
        walked, at_most = (number // max(1, len(self._projects)) for number in (WALKED, WALKED_AT_MOST))
        found = self._walk(sort, values, 0, walked) if limit < walked else []
        # What was found tells where the rest will be; the walk ends there, or goes on where matches become rare.
        full_at = walked * limit // len(found) if found else at_most
        if len(found) < limit and full_at < at_most:
            rest = {**values, "limit": limit - len(found)}
            found += self._walk(sort, rest, walked, min(2 * full_at, at_most))
        return found if len(found) == limit else self._page(_COLLECT, sort, values)

    def _walk(self, sort: Sort, values: Json, start: int, until: int) -> list[Json]:
        """Return what matches among the issues from one place of the list's order to another."""
        places = {"skipped": start, "walked": until - start}
        return self._page(_WALK if len(self._projects) == 1 else _WALKS, sort, {**values, **places})

    def _page(self, ids: str, sort: Sort, values: Json) -> list[Json]:
        order = _ORDERS[sort]
        of_priority = " AND i.priority = %(priority)s" if values["priority"] else ""
        asked = self._asked.sql + of_priority
        after = order.after if "id" in values else "true"
        chosen = ids.format(seen=_SEEN, listed=LISTED, condition=asked, after=after, order=order.columns)
        statement = _PAGE.format(columns=_COLUMNS, ids=chosen, order=order.columns)
        projects = {"projects": self._projects, "project": self._projects[0] if self._projects else None}
        with self._rows.connection.cursor(row_factory=dict_row) as rows:
            # Never prepared: which plan is best depends on what is asked for.
            return rows.execute(statement.encode(), {**values, **projects}, prepare=False).fetchall()


def _by_priority(reader: _Reader, limit: int, cursor: str | None) -> tuple[list[Json], str | None]:
    """Return a page by priority, then newest `last_seen`: a walk for each priority, until the page is full."""
    at, position = _PRIORITIES[0], {}
    if cursor is not None:
        kind, priority, value, row_id = parts_of(cursor, Sort, Priority, moment, UUID)
        _require(kind, Sort.PRIORITY)
        at, position = Priority(str(priority)), {"value": value, "id": row_id}
    found: list[Json] = []
    for priority in _PRIORITIES[_PRIORITIES.index(at) :]:
        if len(found) <= limit:
            after = position if priority is at else {}
            found += reader.rows(Sort.LAST_SEEN, limit + 1 - len(found), after, priority)
    return _page(found, limit, lambda last: (Sort.PRIORITY, last["priority"], last["last_seen"], last["id"]))


def _position(sort: Sort, cursor: str | None) -> Mapping[str, object]:
    if cursor is None:
        return {}
    kind, value, row_id = parts_of(cursor, Sort, _ORDERS[sort].read, UUID)
    _require(kind, sort)
    return {"value": value, "id": row_id}


def _require(kind: object, sort: Sort) -> None:
    if kind is not sort:
        raise RejectedError("the cursor belongs to another order")


def _page(found: list[Json], limit: int, parts: Callable[[Json], tuple[object, ...]]) -> tuple[list[Json], str | None]:
    return found[:limit], cursor_of(*parts(found[limit - 1])) if len(found) > limit else None
