"""`python -m benchmarks.pipeline`: events accepted and events drained a second, on both profiles.

Beside each the bare limit of the same run: for accepting, the same body into the same group commit with no checks; for
draining, a consumer of the same log that decodes, hashes, upserts and copies (benchmarks/digest.py).
"""

import argparse
import json
import time
from contextlib import nullcontext

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from atlas_core.ports import Message
from atlas_core.settings import read_settings
from atlas_core.storage.database import Database
from atlas_core.topics import ATLAS_EVENTS, event_key
from benchmarks.digest import BATCH, Bare
from benchmarks.ingest import CONNECTIONS, EVENT, servers
from benchmarks.load import load, request_of
from benchmarks.postgres import fresh_postgres
from benchmarks.samples import sample_events
from benchmarks.servers import fresh_kafka, process
from services.channels import log_consumer, log_publisher
from tests.servers.ports import free_port

DRAIN_S = 600.0
_COUNTED = "SELECT coalesce(sum(count), 0)::bigint FROM issues.issues"


def profile(table: Table, name: str, brokers: str | None, *, events: int, seconds: float) -> None:
    """Measure one profile and add its rows."""
    with fresh_postgres() as url:
        environment = {"ATLAS_DATABASE_URL": url} | ({"ATLAS_KAFKA_BROKERS": brokers} if brokers else {})
        fill(environment, events)
        limit, found = drain_bare(url, environment, events), drain(url, environment, events)
        with servers(url, brokers) as (port, bare, key, _):
            body = json.dumps(EVENT).encode()
            plain = load(bare, request_of("/", body), connections=CONNECTIONS, seconds=seconds)
            request = request_of("/api/ingest/events", body, X_API_Key=key)
            accepted = load(port, request, connections=CONNECTIONS, seconds=seconds)
    table.add_row(name, "accepted", f"{accepted.rate:,.0f}", f"{plain.rate:,.0f}", f"{accepted.rate / plain.rate:.2f}")
    table.add_row("", "drained", f"{found:,.0f}", f"{limit:,.0f}", f"{found / limit:.2f}")


def fill(environment: dict[str, str], events: int) -> None:
    """Put a backlog into the log."""
    publisher = log_publisher(read_settings(environment), ATLAS_EVENTS)
    made = sample_events(events)
    for start in range(0, events, BATCH):
        batch = made[start : start + BATCH]
        publisher.publish([Message(event_key(event), ATLAS_EVENTS.encode(event)) for event in batch])
    publisher.close()


def drain_bare(url: str, environment: dict[str, str], events: int) -> float:
    """Return events a second of the prototype that drains the log as a group of its own."""
    consumer = log_consumer(read_settings(environment), ATLAS_EVENTS, "bare-consumers")
    bare, left, started = Bare(url), events, 0.0
    while left > 0:
        deliveries = consumer.poll(BATCH, 1.0)
        started = started or time.perf_counter()
        if deliveries:
            bare.handle([delivery.body for delivery in deliveries])
            consumer.ack(deliveries)
            left -= len(deliveries)
    took_s = time.perf_counter() - started
    consumer.close()
    return events / took_s


def drain(url: str, environment: dict[str, str], events: int) -> float:
    """Return events a second of the issue service from its first stored event to its last."""
    port = free_port()
    database = Database(url, pool_size=1)
    settings = {**environment, "ATLAS_ISSUES_PORT": str(port), "ATLAS_LOG_LEVEL": "WARNING"}
    started, first, seen = 0.0, 0, 0
    with process(["-m", "services.cli", "run", "issues"], settings, f"http://127.0.0.1:{port}/healthz"):
        deadline = time.monotonic() + DRAIN_S
        while seen < events:
            with database.transaction() as connection:
                seen = connection.execute(text(_COUNTED)).scalar_one()
            if seen and not started:
                started, first = time.perf_counter(), seen
            if time.monotonic() > deadline:
                raise SystemExit(f"only {seen:,} of {events:,} events were drained")
            time.sleep(0.05)
        took_s = time.perf_counter() - started
    database.close()
    return (events - first) / took_s


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=60_000, help="events to drain")
    arguments.add_argument("--seconds", type=float, default=5.0, help="of accepting")
    arguments.add_argument("--embedded-only", action="store_true", help="leave Kafka out")
    chosen = arguments.parse_args()
    table = Table("profile", "", "Atlas, events/s", "bare limit, events/s", "ratio", title="Pipeline")
    profile(table, "embedded", None, events=chosen.events, seconds=chosen.seconds)
    with nullcontext() if chosen.embedded_only else fresh_kafka() as brokers:
        if brokers:
            profile(table, "Kafka", brokers, events=chosen.events, seconds=chosen.seconds)
    Console().print(table)


if __name__ == "__main__":
    main()
