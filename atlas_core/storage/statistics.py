"""Counts over time, by tag, by release and by user, read from what the digest keeps up to date."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import dict_row

from atlas_core import limits
from atlas_core.errors import RejectedError
from atlas_core.storage.cursors import cursor_of, moment, parts_of, stored
from atlas_core.storage.database import Database
from atlas_core.storage.queries import require_shown

Json = dict[str, Any]
Interval = Literal["hour", "day"]

_STEPS: Final[dict[Interval, timedelta]] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_ISSUE_HOURS: Final = """
SELECT hour, count FROM issues.issue_hours WHERE issue_id = %(id)s AND hour >= %(start)s AND hour < %(end)s
"""
_PROJECT_HOURS: Final = """
SELECT hour, level, count FROM issues.project_hours
WHERE project_id = %(project)s AND hour >= %(start)s AND hour < %(end)s
"""
_DROP_HOURS: Final = """
SELECT hour, reason, count FROM issues.drop_hours
WHERE project_id = %(project)s AND hour >= %(start)s AND hour < %(end)s
"""
_TAGS: Final = """
SELECT key, value, count, sum(count) OVER of_key AS events, count(*) OVER of_key AS values_known,
       row_number() OVER (PARTITION BY key ORDER BY count DESC, value) AS place
FROM issues.issue_tags WHERE issue_id = %(id)s WINDOW of_key AS (PARTITION BY key)
"""
_TOP_TAGS: Final = f"SELECT * FROM ({_TAGS}) t WHERE place <= %(top)s ORDER BY key, place"  # noqa: S608 - constants only
_RELEASES: Final = """
SELECT release, first_seen, last_seen, events, new_issues, regressions FROM issues.releases
WHERE project_id = %(project)s AND (first_seen, release) < (%(at)s, %(release)s)
ORDER BY first_seen DESC, release DESC LIMIT %(limit)s
"""
# Not count(DISTINCT ...), which sorts all rows where this hashes them.
_USERS: Final = """
SELECT count(user_hash) AS users FROM (
    SELECT DISTINCT user_hash FROM issues.event_ids
    WHERE project_id = %(project)s AND received_at >= %(start)s AND received_at < %(end)s) different
"""


class Span(msgspec.Struct, frozen=True):
    """A time cut into hours or days, in UTC; `end` is not part of it."""

    start: datetime
    end: datetime
    interval: Interval

    @classmethod
    def of(cls, start: datetime, end: datetime, interval: Interval) -> "Span":
        """Return the span of whole hours or days that contains both times.

        Raises:
            RejectedError: It is empty, or has more than `limits.BUCKETS` of them.
        """
        step = _STEPS[interval]
        first = floored(start, interval)
        last = floored(end - timedelta(microseconds=1), interval) + step
        if not start < end:
            raise RejectedError("the time is empty: `from` must lie before `to`")
        if (last - first) / step > limits.BUCKETS:
            raise RejectedError(f"more than {limits.BUCKETS:,} {interval}s: ask for a shorter time or for days")
        return cls(first, last, interval)

    def buckets(self) -> Iterable[datetime]:
        """Yield when each hour or day begins."""
        at = self.start
        while at < self.end:
            yield at
            at += _STEPS[self.interval]


class Statistics:
    """Reads the rollups."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def issue_series(self, project_id: UUID, issue_id: UUID, span: Span) -> list[Json]:
        """Return an issue's events for each hour or day (`at`, `count`), those without any too.

        Raises:
            NotFoundError: The project has no such issue.
        """
        with self._database.cursor() as rows:
            issue = require_shown(rows, project_id, issue_id)
            found = _rows(rows, _ISSUE_HOURS, id=issue, start=span.start, end=span.end)
        counts = _by_bucket(span, ((row["hour"], "", row["count"]) for row in found))
        return [{"at": at, "count": counts[at, ""]} for at in span.buckets()]

    def project_series(self, project_id: UUID, span: Span) -> list[Json]:
        """Return a project's events for each hour or day: `at`, `count`, `levels`, and `dropped` by reason."""
        values = {"project": project_id, "start": span.start, "end": span.end}
        with self._database.cursor() as rows:
            kept = _rows(rows, _PROJECT_HOURS, **values)
            dropped = _rows(rows, _DROP_HOURS, **values)
        by_level = _by_bucket(span, ((row["hour"], row["level"], row["count"]) for row in kept))
        by_reason = _by_bucket(span, ((row["hour"], row["reason"], row["count"]) for row in dropped))
        levels, reasons = ({name for _, name in counts} for counts in (by_level, by_reason))
        return [
            {"at": at, "count": sum(shown.values()), "levels": shown, "dropped": _named(by_reason, at, reasons)}
            for at in span.buckets()
            for shown in [_named(by_level, at, levels)]
        ]

    def tags(self, project_id: UUID, issue_id: UUID, *, top: int) -> list[Json]:
        """Return an issue's tags by key: `events` that carry it, `values_known`, and the `top` most frequent `values`.

        `share` is that of the events that carry the tag. Past `limits.TAG_VALUES_KEPT` values new ones are not kept.

        Raises:
            NotFoundError: The project has no such issue.
        """
        with self._database.cursor() as rows:
            found = _rows(rows, _TOP_TAGS, id=require_shown(rows, project_id, issue_id), top=top)
        tags: dict[str, Json] = {}
        for row in found:
            events = int(row["events"])
            tag = tags.setdefault(
                row["key"], {"key": row["key"], "events": events, "values_known": row["values_known"], "values": []}
            )
            tag["values"].append({"value": row["value"], "count": row["count"], "share": row["count"] / events})
        return list(tags.values())

    def releases(self, project_id: UUID, *, limit: int, cursor: str | None = None) -> tuple[list[Json], str | None]:
        """Return a page of a project's releases, latest `first_seen` first, and the cursor of the next page.

        Raises:
            RejectedError: The cursor is not one of ours.
        """
        at, release = ("infinity", "") if cursor is None else parts_of(cursor, moment, stored)
        with self._database.cursor() as rows:
            found = _rows(rows, _RELEASES, project=project_id, at=at, release=release, limit=limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        return found[:limit], cursor_of(last["first_seen"], last["release"]) if last else None

    def users_affected(self, project_id: UUID, start: datetime, end: datetime) -> int:
        """Return how many different users the project's events of a time tell of; one issue's are its `users`."""
        with self._database.cursor() as rows:
            users: int = _rows(rows, _USERS, project=project_id, start=start, end=end)[0]["users"]
        return users


def floored(at: datetime, interval: Interval) -> datetime:
    """Return the beginning of a time's hour or day, in UTC."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour if interval == "hour" else hour.replace(hour=0)


def _by_bucket(span: Span, rows: Iterable[tuple[datetime, str, int]]) -> Counter[tuple[datetime, str]]:
    counts: Counter[tuple[datetime, str]] = Counter()
    for hour, name, count in rows:
        counts[floored(hour, span.interval), name] += count
    return counts


def _named(counts: Counter[tuple[datetime, str]], at: datetime, names: Iterable[str]) -> dict[str, int]:
    return {name: counts[at, name] for name in sorted(names) if counts[at, name]}


def _rows(rows: psycopg.Cursor[Any], statement: str, **values: object) -> list[Json]:
    with rows.connection.cursor(row_factory=dict_row) as found:
        return found.execute(statement.encode(), values, prepare=False).fetchall()
