"""Brings a database's tables to this version."""

import logging
from pathlib import Path
from typing import Final

import sqlalchemy
from alembic import command
from alembic.config import Config

from atlas_core.storage.database import Database

log = logging.getLogger(__name__)

_LOCK: Final = 4_711_001


def migrate(url: str, *, revision: str = "head") -> None:
    """Apply the migrations that a database lacks; a second call changes nothing.

    Several processes may call it at once: one works, the others wait.

    Args:
        url: A libpq URL.
        revision: Where to stop, or where to go back to (`base` is an empty database).

    Raises:
        TransientError: The database does not answer.
    """
    database = Database(url, pool_size=1, name="atlas-migrate")
    try:
        with database.transaction() as connection:
            connection.execute(sqlalchemy.text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
            connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            if revision == "base":
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)
    finally:
        database.close()
