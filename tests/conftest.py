"""What every test may ask for: a real PostgreSQL, and a log in which errors are failures."""

import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest

from atlas_core.embedded import EmbeddedPostgres
from atlas_core.storage.schema import migrate

pytest_plugins = ["tests.servers.fixtures", "tests.e2e.fixtures"]

# How long an example takes says how busy the machine is, not whether the code is right. CI tries more of them.
hypothesis.settings.register_profile("atlas", deadline=None, max_examples=100 if os.environ.get("CI") else 40)
hypothesis.settings.load_profile("atlas")

# More than the PostgreSQL of every worker takes; in memory a database is made five times as quickly.
ROOM_IN_MEMORY = 4 * 1024**3

_numbers = itertools.count()


def pytest_xdist_auto_num_workers() -> int:
    """Answer `-n auto`: one more than there are cores, as many a test waits for a server or a pause."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A running PostgreSQL whose database `atlas` is migrated and stays empty: the template of the others."""
    with tempfile.TemporaryDirectory(dir=_quickest_folder(tmp_path_factory)) as folder:
        yield from _running_postgres(Path(folder))


def _quickest_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    memory = Path("/dev/shm")  # noqa: S108 - only to put a folder of our own there
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_IN_MEMORY
    return memory if has_room else tmp_path_factory.mktemp("postgres")


def _running_postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder)
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
        connection.execute(f"CREATE DATABASE {name} TEMPLATE atlas STRATEGY FILE_COPY")  # eight times as quick
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
