"""Which project a key writes to, and when it last did."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import text

from atlas_core.projects import KeyOwner
from atlas_core.storage.database import Database

# A key that is being replaced is revoked at a time to come.
LIVE: Final = "(revoked_at IS NULL OR revoked_at > now())"
_FIND: Final = f"""
SELECT p.id, p.ingest_id, k.id, p.rate_per_s, p.events_per_day
FROM identity.api_keys k JOIN identity.projects p ON p.id = k.project_id
WHERE k.key_hash = :hash AND {LIVE}
"""  # noqa: S608 - constants only
_USED: Final = """
UPDATE identity.api_keys SET last_used_at = now() WHERE id IN (
    SELECT id FROM identity.api_keys WHERE id = ANY(:keys) ORDER BY id FOR UPDATE)
"""


class ApiKeys:
    """Looks keys up by their hash."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, key_hash: bytes) -> KeyOwner | None:
        """Return the project of a live key, or None.

        Raises:
            TransientError: The database does not answer.
        """
        with self._database.transaction() as connection:
            row = connection.execute(text(_FIND), {"hash": key_hash}).first()
        return KeyOwner(*row) if row else None

    def mark_used(self, key_ids: Collection[UUID]) -> None:
        """Note that keys are in use now.

        Raises:
            TransientError: The database does not answer.
        """
        with self._database.transaction() as connection:
            connection.execute(text(_USED), {"keys": list(key_ids)})
