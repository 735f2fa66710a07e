"""The issue of a fingerprint's own: the one that it had before it was merged away, or a new one."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

_BEFORE: Final = """
SELECT DISTINCT ON (fingerprint) fingerprint, id FROM issues.issues
WHERE project_id = %s AND merged_into IS NOT NULL AND fingerprint = ANY(%s) AND (discarded_at IS NOT NULL) = %s
ORDER BY fingerprint, created_at, id
"""
# Its events, which are moved there next, say what it is about.
_NEW: Final = """
INSERT INTO issues.issues (id, project_id, fingerprint, title, level, first_seen, last_seen, discarded_at)
SELECT id, %s, fingerprint, '', 'error', now(), now(), CASE WHEN %s THEN now() END
FROM unnest(%s::uuid[], %s::bytea[]) AS new(id, fingerprint)
"""


def own_issues(
    cursor: psycopg.Cursor[Any], project_id: UUID, digests: Collection[bytes], *, discarded: bool = False
) -> dict[bytes, UUID]:
    """Return an issue without events for each of these digests.

    Args:
        cursor: In a transaction that holds the project alone.
        project_id: Whose fingerprints they are.
        digests: The fingerprints.
        discarded: Whether the issues are to drop what arrives. One that people discarded is given back to no other
            events than such, so that regrouping discards nothing that they want.
    """
    cursor.execute(_BEFORE, (project_id, list(digests), discarded))
    homes: dict[bytes, UUID] = dict(cursor.fetchall())
    new = {digest: uuid4() for digest in digests if digest not in homes}
    cursor.execute(_NEW, (project_id, discarded, list(new.values()), list(new)))
    return homes | new
