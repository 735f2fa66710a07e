"""Kafka, PostgreSQL and RabbitMQ go away under load on the distributed profile: nothing is lost, nothing is doubled."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from atlas_core.embedded import EmbeddedPostgres
from tests.e2e.ledger import Ledger
from tests.e2e.stack import QUIET_S, Stack, User, eventually
from tests.servers.processes import KafkaServer, OllamaServer, RabbitServer

pytestmark = [pytest.mark.live, pytest.mark.slow]
EVENTS = 2_000
AWAY_S = 6.0


class Fleet:
    """The distributed profile with servers of its own, to be killed."""

    def __init__(self, folder: Path, kafka: KafkaServer, rabbit: RabbitServer, ollama: OllamaServer) -> None:
        self.kafka, self.rabbit = kafka, rabbit
        (folder / "postgres").mkdir()
        self.postgres = EmbeddedPostgres(folder / "postgres")
        self.kafka.start()
        self.rabbit.start()
        environment = {
            "ATLAS_DATABASE_URL": self.postgres.start(),
            "ATLAS_KAFKA_BROKERS": self.kafka.bootstrap_servers,
            "ATLAS_RABBIT_HOST": self.rabbit.host,
            "ATLAS_RABBIT_PORT": str(self.rabbit.port),
            "ATLAS_RABBIT_USER": self.rabbit.user,
            "ATLAS_RABBIT_PASSWORD": self.rabbit.password,
            "ATLAS_OLLAMA_URL": ollama.url,
            "ATLAS_OLLAMA_MODEL": ollama.model,
        }
        self.atlas = Stack(folder / "data", environment)
        self.atlas.start()

    def stop(self) -> None:
        code = self.atlas.stop()
        for server in (self.kafka, self.rabbit, self.postgres):
            server.stop()
        assert code == 0, self.atlas.log()[-3000:]
        assert "Traceback" not in self.atlas.log()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, kafka_server, rabbit_server, ollama_server) -> Iterator[Fleet]:
    """Servers of its own, of the kinds of the shared ones, and an Atlas on them."""
    folder = tmp_path_factory.mktemp("fleet")
    kafka, rabbit = type(kafka_server)(folder / "kafka"), type(rabbit_server)(folder / "rabbit")
    fleet = Fleet(folder, kafka, rabbit, ollama_server)
    try:
        fleet.atlas.wait_ready()
        yield fleet
    finally:
        fleet.stop()


def under_load(fleet: Fleet, path: Path, disturb: Callable[[], None]) -> tuple[User, str]:
    """Send events from eight clients while `disturb` runs; fail unless each accepted one is counted once."""
    atlas = fleet.atlas
    user = atlas.user()
    project = user.new_project("outage")
    user.post(
        "alerts", f"/projects/{project['id']}/rules", {"name": "n", "condition": "new_issue", "threshold": 0}, 201
    )
    atlas.send(project["api_key"], message="message 0", level="warning")  # the key is known before the trouble starts
    eventually(lambda: user.counted(project["id"]) == 1, within_s=QUIET_S, what=atlas.log)
    ledger = Ledger(atlas, project["api_key"], path)
    load = threading.Thread(
        target=ledger.send_many, args=(EVENTS,), kwargs={"clients": 8, "duplicates": 0.1, "pause_s": 0.01}
    )
    load.start()
    time.sleep(1)
    disturb()
    load.join()
    atlas.wait_ready()
    ledger.accepted["first"] = "message 0"
    ledger.check(user, project["id"])
    alerts = f"/projects/{project['id']}/alerts"
    eventually(lambda: len(user.get("alerts", alerts)["alerts"]) == 20, within_s=QUIET_S, what=atlas.log)
    return user, project["id"]


def test_kafka_killed_and_started_again(fleet: Fleet, tmp_path: Path):
    def disturb() -> None:
        fleet.kafka.kill()
        time.sleep(AWAY_S)
        fleet.kafka.start()

    under_load(fleet, tmp_path / "ledger", disturb)


def test_kafka_frozen_answers_503_in_time_and_then_goes_on(fleet: Fleet, tmp_path: Path):
    key = fleet.atlas.user().new_project("frozen")["api_key"]
    assert fleet.atlas.send(key).status_code == 202
    seen: list[tuple[int, str | None, float]] = []

    def disturb() -> None:
        fleet.kafka.freeze()
        time.sleep(1)
        for _ in range(3):
            started = time.monotonic()
            answer = fleet.atlas.send(key, message="while frozen")
            seen.append((answer.status_code, answer.headers.get("retry-after"), time.monotonic() - started))
        time.sleep(AWAY_S)
        fleet.kafka.thaw()

    under_load(fleet, tmp_path / "ledger", disturb)
    assert [(status, retry is not None and int(retry) >= 1) for status, retry, _ in seen] == [(503, True)] * 3
    assert max(took for *_, took in seen) < 6  # two seconds promised; the machine may be busy


def test_postgresql_killed_and_started_again(fleet: Fleet, tmp_path: Path):
    def disturb() -> None:
        process = fleet.postgres.process
        assert process is not None
        process.kill()
        process.wait()
        time.sleep(AWAY_S)
        fleet.postgres.start()

    under_load(fleet, tmp_path / "ledger", disturb)


@pytest.mark.parametrize("words", ["run ingestion", "run identity"], ids=["ingestion", "the other services"])
def test_a_process_of_atlas_killed(fleet: Fleet, tmp_path: Path, words: str):
    under_load(fleet, tmp_path / "ledger", lambda: fleet.atlas.child(words).kill())


def test_rabbitmq_killed_and_started_again_writes_each_insight_once(fleet: Fleet):
    user = fleet.atlas.user()
    project = user.new_project("insights")
    for n in range(6):
        assert fleet.atlas.send(project["api_key"], message=f"error {n}").status_code == 202
        if n == 2:
            fleet.rabbit.kill()
    time.sleep(AWAY_S)
    fleet.rabbit.start()
    path = f"/projects/{project['id']}/insights"

    def written() -> list[str]:
        return [insight["issue_id"] for insight in user.get("intelligence", path)["insights"]]

    eventually(lambda: len(written()) == 6, within_s=240, what=fleet.atlas.log)
    assert len(set(written())) == 6


def test_while_the_database_is_away_ingestion_answers_and_readiness_says_why(fleet: Fleet):
    key = fleet.atlas.user().new_project("away")["api_key"]
    assert fleet.atlas.send(key).status_code == 202
    process = fleet.postgres.process
    assert process is not None
    process.kill()
    process.wait()
    try:
        assert fleet.atlas.send(key, message="still accepted").status_code == 202
        unknown = httpx.post(
            fleet.atlas.url("ingestion", "/api/ingest/events"),
            json={"message": "x"},
            headers={"X-API-Key": "atlas_" + "0" * 64},
            timeout=10,
        )
        assert unknown.status_code == 503
        assert int(unknown.headers["retry-after"]) >= 1
        ready = httpx.get(fleet.atlas.url("issues", "/readyz"), timeout=10)
        assert ready.status_code == 503
        assert "PostgreSQL" in ready.text
    finally:
        fleet.postgres.start()
    fleet.atlas.wait_ready()
