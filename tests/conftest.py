"""What every test may ask for: a real PostgreSQL, and a log in which errors are failures."""

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest

from atlas_core.embedded import EmbeddedPostgres
from atlas_core.storage.schema import migrate

pytest_plugins = ["tests.servers.fixtures", "tests.e2e.fixtures"]

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("atlas", deadline=None)
hypothesis.settings.load_profile("atlas")

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A running PostgreSQL whose database `atlas` is migrated and stays empty: the template of the others."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    migrate(server.start())
    with psycopg.connect(server.url, autocommit=True) as connection:  # nobody pulls its plug
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A fresh migrated database of the test's own."""
    yield from _fresh_database(postgres_server)


@pytest.fixture(scope="module")
def module_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A fresh migrated database that the tests of one module share."""
    yield from _fresh_database(postgres_server)


def _fresh_database(server: EmbeddedPostgres) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    admin = server.url.replace("/atlas?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE atlas")
    yield server.url.replace("/atlas?", f"/{name}?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class _ErrorsKept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def _errors_in_the_log_fail(request: pytest.FixtureRequest) -> Iterator[None]:
    handler = _ErrorsKept()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
    if request.node.get_closest_marker("logs_errors") is None:
        shown: list[Any] = [f"{record.name}: {record.getMessage()}" for record in handler.records]
        assert not shown, f"logged at ERROR (mark the test with logs_errors when it means to): {shown}"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of this checkout."""
    return Path(__file__).parents[1]
