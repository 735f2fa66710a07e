"""The two profiles as running stacks, each started once for the whole session."""

from collections.abc import Iterator

import pytest

from atlas_core.embedded import EmbeddedPostgres
from tests.e2e.stack import Stack


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Atlas as `make run` starts it, without a model: hundreds of test errors would keep one busy for long."""
    yield from _running(Stack(tmp_path_factory.mktemp("embedded") / "data"))


@pytest.fixture(scope="module")
def embedded_with_model(tmp_path_factory: pytest.TempPathFactory, ollama_server) -> Iterator[Stack]:
    """Atlas as `make run` starts it, with a real Ollama beside it."""
    yield from _running(Stack(tmp_path_factory.mktemp("with-model") / "data", _ollama(ollama_server)))


@pytest.fixture(scope="session")
def distributed(
    tmp_path_factory: pytest.TempPathFactory, kafka_server, rabbit_server, ollama_server
) -> Iterator[Stack]:
    """The same services on real Kafka, RabbitMQ and a PostgreSQL of its own."""
    folder = tmp_path_factory.mktemp("distributed")
    (folder / "postgres").mkdir()
    postgres = EmbeddedPostgres(folder / "postgres")
    environment = {
        "ATLAS_DATABASE_URL": postgres.start(),
        "ATLAS_KAFKA_BROKERS": kafka_server.bootstrap_servers,
        "ATLAS_RABBIT_HOST": rabbit_server.host,
        "ATLAS_RABBIT_PORT": str(rabbit_server.port),
        "ATLAS_RABBIT_USER": rabbit_server.user,
        "ATLAS_RABBIT_PASSWORD": rabbit_server.password,
        **_ollama(ollama_server),
    }
    try:
        yield from _running(Stack(folder / "data", environment))
    finally:
        postgres.stop()


def _ollama(server) -> dict[str, str]:
    return {"ATLAS_OLLAMA_URL": server.url, "ATLAS_OLLAMA_MODEL": "atlas-tiny"}


def _running(stack: Stack) -> Iterator[Stack]:
    stack.start()
    try:
        yield stack.wait_ready()
    finally:
        assert stack.stop() == 0, stack.log()[-3000:]
