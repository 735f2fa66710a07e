"""Day partitions: made by whoever writes the first row of a day, dropped whole when the day is forgotten."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import sql

PARTITIONED: Final = {"issues.events": "received_at", "bus.log_messages": "appended_at"}


def ensure_day_partition(cursor: psycopg.Cursor[Any], table: str, day: date) -> None:
    """Make the partition of `table` (one of `PARTITIONED`) for a day in UTC; a second call changes nothing.

    Safe when several processes do it at once; keep what you made in mind, each call asks the database.
    """
    schema, name = table.split(".")
    partition = f"{name}_{day:%Y%m%d}"
    if _exists(cursor, schema, partition):
        return
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{schema}.{partition}",))
    if _exists(cursor, schema, partition):
        return
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    names = {"table": sql.Identifier(schema, name), "partition": sql.Identifier(schema, partition)}
    days = {"start": sql.Literal(start.isoformat()), "end": sql.Literal((start + timedelta(days=1)).isoformat())}
    # Not CREATE ... PARTITION OF: that waits for everybody who reads the table, and everybody waits for it.
    cursor.execute(sql.SQL("CREATE TABLE {partition} (LIKE {table} INCLUDING ALL EXCLUDING IDENTITY)").format(**names))
    attach = sql.SQL("ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES FROM ({start}) TO ({end})")
    cursor.execute(attach.format(**names, **days))


def day_partitions(cursor: psycopg.Cursor[Any], table: str) -> list[date]:
    """Return the days that have a partition, oldest first."""
    cursor.execute(
        "SELECT right(c.relname, 8) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = %s::regclass ORDER BY 1",
        (table,),
    )
    return [date.fromisoformat(row[0]) for row in cursor.fetchall()]


def drop_day_partition(cursor: psycopg.Cursor[Any], table: str, day: date) -> None:
    """Drop the partition of one day; a second call changes nothing."""
    schema, name = table.split(".")
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(schema, f"{name}_{day:%Y%m%d}")))


def drop_day_partitions_before(cursor: psycopg.Cursor[Any], table: str, day: date) -> list[str]:
    """Drop the partitions of days before `day`; return their names."""
    schema, name = table.split(".")
    cursor.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = %s::regclass AND c.relname < %s ORDER BY 1",
        (table, f"{name}_{day:%Y%m%d}"),
    )
    names = [row[0] for row in cursor.fetchall()]
    for old in names:
        cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(schema, old)))
    return names


def _exists(cursor: psycopg.Cursor[Any], schema: str, partition: str) -> bool:
    cursor.execute("SELECT to_regclass(%s)", (f"{schema}.{partition}",))
    row = cursor.fetchone()
    return row is not None and row[0] is not None
