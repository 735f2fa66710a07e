"""`python -m benchmarks.ingest [--kafka]`: requests and events that ingestion accepts a second, beside the bare limit.

The bare limit is the same body into the same group commit with no checks, on uvicorn. Atlas and the limit are measured
in turns, with the load generator beside them on the same cores.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from statistics import median

import psutil
from rich.console import Console
from rich.table import Table

from atlas_core.storage.database import Database
from atlas_core.storage.identity import IdentityStore
from benchmarks.load import Outcome, load, request_of
from benchmarks.postgres import fresh_postgres
from benchmarks.servers import fresh_kafka, process
from tests.servers.ports import free_port

CONNECTIONS = 64
TURNS = 3
BATCH = 500
EVENT = {
    "level": "error",
    "message": "cannot load order 4711: connection to db-3 timed out after 30 s",
    "stack_trace": "Traceback (most recent call last):\n"
    + '  File "shop/orders.py", line 42, in load\n    fetch()\n' * 8,
    "release": "shop@1.4.0",
    "environment": "production",
    "tags": {"region": "eu", "runtime": "cpython 3.11"},
    "user": {"id": "4711"},
}


@contextmanager
def servers(url: str, brokers: str | None) -> Iterator[tuple[int, int, str, psutil.Process]]:
    """Yield the ports of Atlas's ingestion and of the bare prototype, a key, and the ingestion process."""
    database = Database(url, pool_size=1)
    store = IdentityStore(database)
    user = store.add_user("bench@example.org", "-")
    _, key = store.add_project(user, store.add_organization(user, "bench")["id"], "bench")
    database.close()
    port, bare = free_port(), free_port()
    environment = {"ATLAS_DATABASE_URL": url, "ATLAS_INGESTION_PORT": str(port), "ATLAS_LOG_LEVEL": "WARNING"}
    environment |= {"ATLAS_KAFKA_BROKERS": brokers} if brokers else {}
    atlas = ["-m", "services.cli", "run", "ingestion"]
    prototype = ["-m", "benchmarks.bare_ingest", str(bare)]
    with (
        process(atlas, environment, f"http://127.0.0.1:{port}/readyz") as running,
        process(prototype, environment, f"http://127.0.0.1:{bare}/"),
    ):
        yield port, bare, key, running


def measure(url: str, brokers: str | None, seconds: float) -> Table:
    """Return the table of one profile."""
    table = Table("", "requests/s", "events/s", "p50 ms", "p99 ms", "of the bare limit", title="Ingestion")
    with servers(url, brokers) as (port, bare, key, running):
        body = json.dumps(EVENT).encode()
        single = request_of("/api/ingest/events", body, X_API_Key=key)
        plain = request_of("/", body)
        many = request_of("/api/ingest/events/batch", json.dumps([EVENT] * BATCH).encode(), X_API_Key=key)
        turns = [(_full(bare, plain, seconds), _full(port, single, seconds)) for _ in range(TURNS)]
        limits, found = [turn[0] for turn in turns], [turn[1] for turn in turns]
        best = median(outcome.rate for outcome in found)
        shares = [atlas.rate / limit.rate for limit, atlas in turns]
        table.add_row(*_row(f"bare limit, {CONNECTIONS} connections", _middle(limits), 1), "1.00")
        table.add_row(*_row(f"Atlas, {CONNECTIONS} connections", _middle(found), 1), f"{median(shares):.2f}")
        table.add_row(
            *_row("bare limit, 1 connection", one := load(bare, plain, connections=1, seconds=seconds), 1), "1"
        )
        alone = load(port, single, connections=1, seconds=seconds)
        table.add_row(*_row("Atlas, 1 connection", alone, 1), f"{alone.rate / one.rate:.2f}")
        half = load(port, single, connections=CONNECTIONS, seconds=seconds, rate=best / 2)
        table.add_row(*_row("Atlas at half of its maximum", half, 1), "")
        batch = load(port, many, connections=4, seconds=seconds)
        table.add_row(*_row(f"Atlas, batches of {BATCH}, 4 connections", batch, BATCH), "")
        table.caption = f"ingestion process after the load: {running.memory_info().rss / 2**20:.0f} MB RSS"
    return table


def _full(port: int, request: bytes, seconds: float) -> Outcome:
    return load(port, request, connections=CONNECTIONS, seconds=seconds)


def _middle(outcomes: list[Outcome]) -> Outcome:
    return sorted(outcomes)[len(outcomes) // 2]


def _row(name: str, outcome: Outcome, events: int) -> tuple[str, ...]:
    if outcome.refused:
        raise SystemExit(f"{name}: {outcome.refused} requests were refused")
    return (
        name, f"{outcome.rate:,.0f}", f"{outcome.rate * events:,.0f}", f"{outcome.p50_ms:.1f}", f"{outcome.p99_ms:.1f}",
    )  # fmt: skip


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--kafka", action="store_true", help="on a real Kafka instead of the embedded log")
    arguments.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    chosen = arguments.parse_args()
    with fresh_postgres() as url, fresh_kafka() if chosen.kafka else nullcontext() as brokers:
        Console().print(measure(url, brokers, chosen.seconds))


if __name__ == "__main__":
    main()
