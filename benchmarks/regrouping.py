"""What it takes to try, switch and undo a grouping on a history, and to find similar issues, beside bare SQL.

`python -m benchmarks.regrouping --events 1000000 --issues 100000`; with `--folder` the history is kept for another run.
"""

import argparse
import itertools
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from atlas_core.embedded import EmbeddedPostgres
from atlas_core.grouping import Grouping
from atlas_core.storage.database import Database
from atlas_core.storage.issues import PostgresIssueStore
from atlas_core.storage.regrouping import Regrouping
from atlas_core.storage.schema import migrate
from atlas_core.storage.similar_issues import Lookalikes
from data.bulk import PROJECT, bulk_events

WHO = UUID(int=1)
RULES = "message:*timed* tags.region:eu -> slow-in-europe\ntype:KeyError -> keys"
TRIES = {
    "normalized": Grouping("normalized"),
    "stacktrace": Grouping("stacktrace"),
    "rules on tags": Grouping("normalized", RULES),
    "rules on releases": Grouping("normalized", "release:shop@2.0* -> {{ default }}, old"),
    "rules on both": Grouping("normalized", f"level:critical -> {{{{ default }}}}, bad\n{RULES}"),
}
_GROUP = "SELECT variant, issue_id, count(*) FROM issues.event_ids GROUP BY 1, 2"
_READ = "SELECT sum(length(body)), count(*) FROM issues.events"
_REWRITE = "UPDATE issues.event_ids SET sequence = sequence + 1"


def main() -> None:
    """Load the history, measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--issues", type=int, default=100_000)
    options.add_argument("--folder", type=Path)
    options.add_argument("--load-only", action="store_true")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        server = EmbeddedPostgres(folder)
        try:
            url = server.start()
            migrate(url)
            _load(url, asked.events, asked.issues)
            if not asked.load_only:
                _measure(url)
        finally:
            server.stop()


def _load(url: str, events: int, issues: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM issues.event_ids").fetchone()
        if row and row[0]:
            print(f"{row[0]:,} events are there already")
            return
        database = Database(url, pool_size=1)
        store, started = PostgresIssueStore(database), time.perf_counter()
        history = bulk_events(events, seed=6, until=datetime.now(UTC), issues=issues)
        while batch := list(itertools.islice(history, 5_000)):
            store.record(batch)
        print(f"{events:,} events recorded in {time.perf_counter() - started:.0f} s")
        database.close()
        connection.execute("VACUUM ANALYZE")


def _measure(url: str) -> None:
    _bare(url, "bare: group the ids by variant and issue", _GROUP)
    _bare(url, "bare: read every body", _READ)
    database = Database(url, pool_size=2)
    regrouping = Regrouping(database)
    for name, grouping in TRIES.items():
        told = _timed(f"what-if {name}", lambda grouping=grouping: regrouping.what_if(PROJECT, grouping))
        print(
            f"    {told['events']:,} events, {told['fingerprinted']:,} fingerprinted: {told['issues_before']:,} issues "
            f"become {told['issues_after']:,}; {told['merges']['total']:,} merges, {told['splits']['total']:,} splits"
        )
    _similar(url, database)
    _bare(url, "bare: rewrite every id", _REWRITE)
    _vacuum(url)
    for name in ("normalized", "stacktrace"):
        grouping = TRIES[name]
        done = _timed(f"switch to {name}", lambda grouping=grouping: regrouping.apply(PROJECT, WHO, grouping))
        print(f"    {done['summary']}")
        _vacuum(url)
        undone = _timed(f"undo {name}", lambda change=done["change_id"]: regrouping.undo(PROJECT, WHO, change))
        print(f"    {undone['summary']}")
        _vacuum(url)
    database.close()


def _similar(url: str, database: Database) -> None:
    with psycopg.connect(url) as connection:
        query = "SELECT id FROM issues.issues WHERE project_id = %s ORDER BY last_seen DESC LIMIT 50000"
        ids = [row[0] for row in connection.execute(query, (PROJECT,))]
    lookalikes = Lookalikes(database)
    _timed(f"similar issues: index of {len(ids):,}", lambda: lookalikes.similar(PROJECT, ids[0]))
    took_ms = []
    for issue_id in random.Random(6).sample(ids, min(len(ids), 500)):
        started = time.perf_counter()
        lookalikes.similar(PROJECT, issue_id)
        took_ms.append((time.perf_counter() - started) * 1_000)
    took_ms.sort()
    print(f"    each of 500 queries: median {took_ms[len(took_ms) // 2]:.1f} ms, 99 % within {took_ms[-5]:.1f} ms")


def _bare(url: str, what: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SET jit = off; SET work_mem = '64MB'")
        _timed(what, lambda: connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {statement}").fetchall())
        connection.rollback()


def _vacuum(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _timed(what: str, work: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = work()
    print(f"{time.perf_counter() - started:8.2f} s  {what}", flush=True)
    return result


if __name__ == "__main__":
    main()
