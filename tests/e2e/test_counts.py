"""20,000 events with duplicates from eight clients: the counts are exact."""

from pathlib import Path

import pytest

from tests.e2e.ledger import Ledger
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.live, pytest.mark.slow]
EVENTS = 20_000


def counts_are_exact(stack: Stack, path: Path) -> None:
    user = stack.user()
    project = user.new_project("counts")
    ledger = Ledger(stack, project["api_key"], path)
    ledger.send_many(EVENTS, clients=8, duplicates=0.1, messages=50)
    assert len(ledger.accepted) < EVENTS
    ledger.check(user, project["id"])


def test_counts_are_exact_on_the_embedded_default(embedded: Stack, tmp_path: Path):
    counts_are_exact(embedded, tmp_path / "ledger")


def test_counts_are_exact_on_kafka_rabbitmq_and_postgresql(distributed: Stack, tmp_path: Path):
    counts_are_exact(distributed, tmp_path / "ledger")
