"""`python -m benchmarks.digest`: events digested a second, beside a bare prototype that writes the same rows.

The prototype decodes, hashes the message, upserts and copies: no deduplication, no workflow, no rollups, no updates.
"""

import argparse
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import zstandard
from rich.console import Console
from rich.table import Table

from atlas_core.events import Event
from atlas_core.grouping.message import fingerprint
from atlas_core.storage.database import Database
from atlas_core.storage.fingerprints import Target
from atlas_core.storage.issue_rows import COPY_EVENTS, COPY_IDS, EVENT_TYPES, ID_TYPES, event_row, id_row
from atlas_core.storage.issues import PostgresIssueStore
from atlas_core.topics import ATLAS_EVENTS
from benchmarks.big_history import loaded, multiply
from benchmarks.postgres import fresh_postgres
from benchmarks.samples import batches, sample_events

BATCH = 2_000
_BARE_TABLES = """
CREATE SCHEMA bare;
CREATE TABLE bare.issues (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), project_id uuid, fingerprint bytea, title text,
    level text, count bigint, first_seen timestamptz, last_seen timestamptz, UNIQUE (project_id, fingerprint));
CREATE TABLE bare.event_ids (LIKE issues.event_ids INCLUDING ALL);
CREATE TABLE bare.events (LIKE issues.events INCLUDING ALL);
"""
_BARE_UPSERT = """
INSERT INTO bare.issues AS i (project_id, fingerprint, title, level, count, first_seen, last_seen)
SELECT * FROM unnest(%s::uuid[], %s::bytea[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[],
                     %s::timestamptz[])
ON CONFLICT (project_id, fingerprint) DO UPDATE SET count = i.count + excluded.count,
    last_seen = GREATEST(i.last_seen, excluded.last_seen), first_seen = LEAST(i.first_seen, excluded.first_seen)
RETURNING id, project_id, fingerprint, count
"""


class Bare:
    """The bare prototype: decode, hash, one sorted upsert, two COPYs, one transaction a batch."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)
        self._connection.execute(_BARE_TABLES.encode())
        self._connection.commit()

    def handle(self, bodies: Sequence[bytes]) -> None:
        """Store one batch."""
        groups: dict[tuple[Any, bytes], list[tuple[Event, bytes]]] = {}
        for body in bodies:
            event = ATLAS_EVENTS.decode(body)
            groups.setdefault((event.project_id, fingerprint(event)), []).append((event, body))
        rows = [_bare_row(*key, [event for event, _ in groups[key]]) for key in sorted(groups)]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(_BARE_UPSERT.encode(), [list(column) for column in zip(*rows, strict=True)])
            self._copy(cursor, groups, cursor.fetchall())

    def _copy(self, cursor: psycopg.Cursor[Any], groups: dict[Any, Any], issues: Iterable[Any]) -> None:
        compress = zstandard.ZstdCompressor(level=1).compress
        ids, events = [], []
        for issue_id, project_id, digest, count in issues:
            members = groups[project_id, digest]
            target = Target(digest, "message:1", 1, issue_id, discarded=False)
            for sequence, (event, body) in enumerate(members, start=count - len(members) + 1):
                ids.append(id_row(event, target, sequence))
                events.append(event_row(event, target, compress(body)))
        for statement, types, rows in ((COPY_IDS, ID_TYPES, ids), (COPY_EVENTS, EVENT_TYPES, events)):
            with cursor.copy(statement.replace("issues.", "bare.").encode()) as copy:
                copy.set_types(types)
                for row in rows:
                    copy.write_row(row)


def _bare_row(project_id: object, digest: bytes, members: list[Event]) -> tuple[object, ...]:
    times: list[datetime] = [event.received_at for event in members]
    first = members[0]
    return project_id, digest, first.message, first.level.value, len(members), min(times), max(times)


def rate(handle: Callable[[list[bytes]], object], prepared: list[list[bytes]]) -> float:
    """Return events a second."""
    started = time.perf_counter()
    for bodies in prepared:
        handle(bodies)
    return sum(map(len, prepared)) / (time.perf_counter() - started)


def digest(store: PostgresIssueStore) -> Callable[[list[bytes]], object]:
    """Return what the issue service does with a batch, but for publishing its updates."""
    return lambda bodies: store.record([ATLAS_EVENTS.decode(body) for body in bodies])


def concurrent_rate(url: str, workers: int, count: int, seed: int) -> float:
    """Return events a second of several workers that meet on the same issues."""
    shares = [list(batches(sample_events(count // workers, seed=seed + n), BATCH)) for n in range(workers)]
    databases = [Database(url, pool_size=1) for _ in range(workers)]
    gate = threading.Barrier(workers + 1)

    def work(n: int) -> None:
        handle = digest(PostgresIssueStore(databases[n]))
        gate.wait()
        for bodies in shares[n]:
            handle(bodies)

    with ThreadPoolExecutor(workers) as pool:
        done = [pool.submit(work, n) for n in range(workers)]
        gate.wait()
        started = time.perf_counter()
        for future in done:
            future.result()
        took_s = time.perf_counter() - started
    for database in databases:
        database.close()
    return count / took_s


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=60_000, help="events of each measurement")
    arguments.add_argument("--folder", type=Path, help="measure on ten million events too, made and kept here")
    chosen = arguments.parse_args()
    table = Table("digest, one process", "events/s", "of the bare prototype", title="Digest")
    with fresh_postgres() as url:
        database = Database(url, pool_size=2)
        store, bare = PostgresIssueStore(database), Bare(url)
        many = list(batches(sample_events(chosen.events), BATCH))
        one = list(batches(sample_events(chosen.events, issues=1, seed=8), BATCH))
        again = list(batches(sample_events(chosen.events, seed=9), BATCH))
        limit = rate(bare.handle, many)
        table.add_row("bare prototype, 1,000 issues", f"{limit:,.0f}", "1.00")
        _row(table, "Atlas, 1,000 issues, empty database", rate(digest(store), many), limit)
        _row(table, "Atlas, every event in one issue", rate(digest(store), one), limit)
        _row(table, "Atlas, the same batches again (all duplicates)", rate(digest(store), many), limit)
        _row(table, f"Atlas, {2 * chosen.events:,} events stored", rate(digest(store), again), limit)
        for workers in (2, 4):
            found = concurrent_rate(url, workers, chosen.events, seed=1_000 * workers)
            _row(table, f"Atlas, {workers} workers in one process", found, limit)
        database.close()
        if chosen.folder:
            stored, found = rate_on_history(chosen.folder, again)
            _row(table, f"Atlas, {stored:,} events stored", found, limit)
    Console().print(table)


def rate_on_history(folder: Path, prepared: list[list[bytes]]) -> tuple[int, float]:
    """Return how many events are stored, ten million or more, and events a second beside them."""
    with loaded(folder, events=1_000_000, issues=100_000, seed=7) as url:
        database = Database(url, pool_size=1)
        if _stored(database) < 10_000_000:
            multiply(url, 10)
        stored = _stored(database)
        handle = digest(PostgresIssueStore(database))
        # The first batches after a load meet cold pages and a fresh checkpoint.
        rate(handle, list(batches(sample_events(60_000, seed=10), BATCH)))
        found = rate(handle, prepared)
        database.close()
    return stored, found


def _stored(database: Database) -> int:
    with database.cursor() as cursor:
        return int(cursor.execute("SELECT count(*) FROM issues.event_ids").fetchall()[0][0])


def _row(table: Table, name: str, found: float, limit: float) -> None:
    table.add_row(name, f"{found:,.0f}", f"{found / limit:.2f}")


if __name__ == "__main__":
    main()
