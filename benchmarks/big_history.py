"""`python -m benchmarks.big_history`: a seeded history, through the digest's own door, into a database that is kept."""

import argparse
import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from rich.progress import track

from atlas_core.embedded import EmbeddedPostgres
from atlas_core.storage.database import Database
from atlas_core.storage.issues import PostgresIssueStore
from atlas_core.storage.schema import migrate
from data.bulk import PROJECT, bulk_events

BATCH = 10_000


def load(url: str, *, events: int, issues: int, seed: int) -> float:
    """Record a history that ends now; return the seconds that it took."""
    database = Database(url, pool_size=1)
    store = PostgresIssueStore(database)
    history = bulk_events(events, seed=seed, until=datetime.now(UTC), issues=issues)
    started = time.perf_counter()
    while batch := list(itertools.islice(history, BATCH)):
        store.record(batch)
    took_s = time.perf_counter() - started
    database.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return took_s


def multiply(url: str, times: int) -> None:
    """Store every event `times` times in all, under further ids: rows and indexes of a big history, counts stay."""
    with psycopg.connect(url) as connection:
        for table in ("event_ids", "events"):
            rows = f"SELECT * FROM issues.{table}"  # noqa: S608 - named above
            connection.execute(f"CREATE TEMP TABLE base_{table} AS {rows}")
            columns = [column.name for column in connection.execute(f"{rows} LIMIT 0").description or ()]
            copied = ["md5(event_id::text || {n})::uuid" if name == "event_id" else f'"{name}"' for name in columns]
            names = ", ".join(f'"{name}"' for name in columns)
            for n in track(range(1, times), f"{table} times {times}"):
                values = ", ".join(copied).format(n=n)
                connection.execute(f"INSERT INTO issues.{table} ({names}) SELECT {values} FROM base_{table}")  # noqa: S608
                connection.commit()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


@contextmanager
def loaded(folder: Path, *, events: int, issues: int, seed: int) -> Iterator[str]:
    """Yield the URL of a database that holds the history, and other projects' rows when it has been used before.

    The folder keeps it: a second call with the same folder loads nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(folder)
    try:
        url = server.start()
        migrate(url)
        with psycopg.connect(url) as connection:
            known = connection.execute("SELECT 1 FROM issues.issues WHERE project_id = %s LIMIT 1", (PROJECT,))
            is_there = known.fetchone() is not None
        if not is_there:
            took_s = load(url, events=events, issues=issues, seed=seed)
            print(f"loaded {events:,} events in {took_s:,.0f} s ({events / took_s:,.0f}/s)", flush=True)
        yield url
    finally:
        server.stop()


def arguments(description: str) -> argparse.ArgumentParser:
    """Return the options that every benchmark on a history has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--folder", type=Path, required=True, help="keeps the database; the next run finds it loaded")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--issues", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    return parser


if __name__ == "__main__":
    asked = arguments("Load a seeded history.").parse_args()
    with loaded(asked.folder, events=asked.events, issues=asked.issues, seed=asked.seed) as database_url:
        print(database_url)
