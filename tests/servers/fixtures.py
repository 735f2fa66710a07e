"""The real servers as fixtures: started once, when first asked for."""

import os
from collections.abc import Iterator

import pytest

from tests.servers.install import CHROMIUM
from tests.servers.processes import KafkaServer, OllamaServer, RabbitServer, why_missing


def _need(name: str) -> None:
    reason = why_missing(name)
    if reason is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must have every server. {reason}")
    pytest.skip(f"NOT TESTED: {reason}")


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    _need("kafka")
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rabbit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    _need("rabbitmq")
    server = RabbitServer(tmp_path_factory.mktemp("rabbitmq"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def ollama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OllamaServer]:
    _need("ollama")
    server = OllamaServer(tmp_path_factory.mktemp("ollama"))
    server.start()
    server.make_model()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium_path() -> str:
    _need("chromium")
    return str(CHROMIUM)
