"""The migrations and the tables that the code believes in are the same, forwards and back."""

import importlib
import pkgutil
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import atlas_core.storage
from atlas_core.storage.schema import migrate
from atlas_core.storage.tables import SCHEMAS, metadata

MIGRATIONS = Path(atlas_core.storage.__path__[0]) / "migrations"
for module in pkgutil.iter_modules(atlas_core.storage.__path__):
    if module.name.endswith("tables"):
        importlib.import_module(f"atlas_core.storage.{module.name}")  # adds its tables to `metadata`


@pytest.fixture
def empty_url(postgres_server) -> Iterator[str]:
    """A database in which nothing is."""
    admin = postgres_server.url.replace("/atlas?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated TEMPLATE template0")
    yield postgres_server.url.replace("/atlas?", "/migrated?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("DROP DATABASE migrated WITH (FORCE)")


def differences(url: str) -> list[Any]:
    """Return what a database has otherwise than the code's tables."""
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            options = {
                "include_schemas": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _: kind != "schema" or name in SCHEMAS,
            }
            return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))
    finally:
        engine.dispose()


def rows(url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query, values or None).fetchall()


EVERYTHING = """
WITH ours AS (SELECT oid, nspname FROM pg_namespace WHERE nspname = ANY(%s))
SELECT nspname::text, 'schema', '' FROM ours
UNION ALL SELECT nspname, relkind::text, relname FROM ours JOIN pg_class ON relnamespace = ours.oid
UNION ALL SELECT nspname, 'function', proname FROM ours JOIN pg_proc ON pronamespace = ours.oid
ORDER BY 1, 2, 3
"""


def everything(url: str) -> list[tuple[Any, ...]]:
    """Return Atlas's schemas and every relation and function in them."""
    return rows(url, EVERYTHING, list(SCHEMAS))


@pytest.mark.slow
def test_up_and_down_and_up_again_ends_in_the_tables_of_the_code(empty_url):
    migrate(empty_url)
    first = everything(empty_url)
    assert differences(empty_url) == []
    migrate(empty_url, revision="base")
    assert everything(empty_url) == []
    migrate(empty_url)
    assert differences(empty_url) == []
    assert everything(empty_url) == first


def test_a_second_call_changes_nothing_and_keeps_what_is_stored(empty_url):
    migrate(empty_url)
    with psycopg.connect(empty_url) as connection:
        connection.execute("INSERT INTO identity.users (email, password_hash) VALUES ('a@example.org', 'h')")
    before = everything(empty_url)
    migrate(empty_url)
    assert everything(empty_url) == before
    assert rows(empty_url, "SELECT email FROM identity.users") == [("a@example.org",)]


def test_several_processes_may_migrate_at_once(empty_url):
    failures: list[Exception] = []

    def work() -> None:
        try:
            migrate(empty_url)
        except Exception as error:  # noqa: BLE001 - whatever it is fails the test
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert differences(empty_url) == []


def test_a_table_that_no_migration_makes_is_found(empty_url):
    migrate(empty_url)
    with psycopg.connect(empty_url) as connection:
        connection.execute("ALTER TABLE identity.users ADD COLUMN nickname text")
        connection.execute("DROP INDEX bus.jobs_queue_due_at_idx")
    assert len(differences(empty_url)) == 2


def test_what_alembic_does_not_compare_is_the_same_too(database_url):
    """Partitioning and storage parameters."""
    found = {
        (schema, name): (kind == "p", sorted(options or ()))
        for schema, name, kind, options in rows(
            database_url,
            "SELECT relnamespace::regnamespace::text, relname, relkind::text, reloptions FROM pg_class "
            "WHERE relkind IN ('r', 'p') AND NOT relispartition",
        )
        if schema in SCHEMAS
    }
    wanted = {}
    for table in metadata.tables.values():
        options = table.dialect_options["postgresql"]
        stored = sorted(f"{name}={value}" for name, value in (options["with"] or {}).items())
        wanted[table.schema, table.name] = (bool(options["partition_by"]), stored)
    assert found == wanted


def test_every_schema_belongs_to_a_service_and_every_table_to_a_schema(database_url):
    assert {table.schema for table in metadata.tables.values()} == set(SCHEMAS)
    loose = rows(database_url, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    assert {name for (name,) in loose} <= {"schema_version", "schema_version_pkc"}


def test_migrations_are_one_line_of_dated_files_that_can_go_back():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    revisions = list(script.walk_revisions())
    assert len(script.get_heads()) == len(script.get_bases()) == 1
    for revision in revisions:
        name = Path(revision.path).stem
        assert revision.revision == name
        assert re.fullmatch(r"20\d\d_[01]\d_[0-3]\d_[a-z0-9_]+", name)
        assert callable(revision.module.downgrade)
        assert isinstance(revision.down_revision, str | None), "one line: no merges"
    assert len(revisions) == len(list((MIGRATIONS / "versions").glob("*.py")))


def test_an_issue_that_was_ignored_until_a_year_nobody_can_read_can_be_read_again(empty_url):
    migrate(empty_url, revision="2026_11_26_removals")
    add = (
        "INSERT INTO issues.issues (id, project_id, fingerprint, title, level, first_seen, last_seen, ignored_until) "
        "SELECT gen_random_uuid(), gen_random_uuid(), '', '', 'error', now(), now(), until "
        "FROM unnest(%s::timestamptz[]) AS until"
    )
    with psycopg.connect(empty_url) as connection:
        connection.execute(add, (["10000-01-01 11:59:59+00", "infinity", "2027-01-01 00:00:00+00", None],))
    migrate(empty_url)
    last = datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)
    found = rows(empty_url, "SELECT ignored_until FROM issues.issues ORDER BY ignored_until")
    assert found == [(datetime(2027, 1, 1, tzinfo=UTC),), (last,), (last,), (None,)]
