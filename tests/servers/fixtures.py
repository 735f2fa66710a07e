"""The real servers as fixtures: started once, when first asked for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.install import CHROMIUM, NODE_CLIENTS, RAVEN, SENTRY_SDK_1
from tests.servers.processes import KafkaServer, OllamaServer, RabbitServer, why_missing


def _need(name: str) -> None:
    reason = why_missing(name)
    if reason is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must have every server and client. {reason}")
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


@pytest.fixture(scope="session")
def node_clients() -> Path:
    """The folder whose `node_modules` has the JavaScript clients, and `sentry-browser.js`."""
    _need("clients")
    return NODE_CLIENTS


@pytest.fixture(scope="session")
def sentry_sdk_1() -> Path:
    """The folder of sentry-sdk 1, to go before all else on PYTHONPATH."""
    _need("clients")
    return SENTRY_SDK_1


@pytest.fixture(scope="session")
def raven() -> Path:
    """The folder of raven, to go before all else on PYTHONPATH."""
    _need("clients")
    return RAVEN
