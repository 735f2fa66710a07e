"""Which project a key writes to."""

from sqlalchemy import text

from atlas_core.projects import KeyOwner
from atlas_core.storage.database import Database

_FIND = """
SELECT p.id, p.ingest_id FROM identity.api_keys k JOIN identity.projects p ON p.id = k.project_id
WHERE k.key_hash = :hash AND k.revoked_at IS NULL
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
        return KeyOwner(row[0], row[1]) if row else None
