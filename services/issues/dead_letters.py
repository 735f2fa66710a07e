"""Counts the events that could not be processed, for the balance of their project."""

import logging
from uuid import UUID

from atlas_core.errors import TransientError
from atlas_core.events import utc_now
from atlas_core.ports import Delivery
from atlas_core.storage.database import Database
from atlas_core.storage.rollups import add_drop

log = logging.getLogger(__name__)

_PROJECT_BYTES = 16


class DeadLetters:
    """Told of each event that became a dead letter; its key begins with its project's id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, delivery: Delivery) -> None:
        """Count one; a database that is away costs the count, not the consumer."""
        if len(delivery.key) < _PROJECT_BYTES:
            return
        try:
            with self._database.cursor() as cursor:
                add_drop(cursor, UUID(bytes=delivery.key[:_PROJECT_BYTES]), utc_now(), "dead_letter")
        except TransientError as error:
            log.warning("a dead letter is not counted: %s", error)
