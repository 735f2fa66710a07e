"""Fingerprints a project's history under another grouping, each kind of event once."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core.grouping import Grouping
from atlas_core.storage.bodies import Fingerprinted
from atlas_core.storage.fingerprinting import Fingerprinting

# `number` names the event that was fingerprinted, for itself (`by_tags`) or for all of its variant; `missing` is listed
# before it is read, as `keys` grows then.
_TABLES: Final = """
CREATE TEMP TABLE keys (
    number bigint GENERATED ALWAYS AS IDENTITY, variant bigint, event_id uuid, received_at timestamptz, digest bytea,
    strategy text, by_tags boolean
) ON COMMIT DROP;
CREATE TEMP TABLE missing (variant bigint, event_id uuid, received_at timestamptz) ON COMMIT DROP
"""
_MISSING_VARIANTS: Final = """
INSERT INTO missing
SELECT DISTINCT ON (variant) variant, event_id, received_at
FROM issues.event_ids i WHERE project_id = %s AND NOT EXISTS (SELECT FROM keys k WHERE k.variant = i.variant)
ORDER BY variant, received_at
"""
_MISSING_EVENTS: Final = """
INSERT INTO missing
SELECT variant, event_id, received_at
FROM issues.event_ids i WHERE project_id = %s AND variant IN (SELECT variant FROM keys WHERE by_tags)
  AND NOT EXISTS (SELECT FROM keys k WHERE k.event_id = i.event_id)
"""
_BODIES: Final = """
SELECT m.variant, m.event_id, m.received_at, e.body
FROM missing m
JOIN issues.events e ON e.project_id = %s AND e.received_at = m.received_at AND e.event_id = m.event_id
"""
_COPY: Final = "COPY keys (variant, event_id, received_at, digest, strategy, by_tags) FROM STDIN (FORMAT BINARY)"
_TYPES: Final = ("int8", "uuid", "timestamptz", "bytea", "text", "bool")
AT_ONCE: Final = 2_000

# How a statement finds the key of a row `e` of `event_ids`.
JOIN_KEYS: Final = """
LEFT JOIN keys k ON k.variant = e.variant AND NOT k.by_tags
LEFT JOIN keys o ON o.event_id = e.event_id AND o.by_tags
"""
DIGEST: Final = "coalesce(k.digest, o.digest)"

_Place = tuple[int, UUID, datetime]  # variant, event, when it was received


class Keys:
    """The fingerprints that events would have under a grouping, in the temporary table `keys`.

    Events of one variant have one fingerprint, unless a rule or the SDK's fingerprint asks for tags, which are no part
    of the variant: one event of each variant is fingerprinted, and where its tags were looked at, every one. Close it:
    processes may work for it.

    Args:
        cursor: In the transaction that uses the table.
        project_id: Whose events.
        grouping: The grouping to try.
    """

    def __init__(self, cursor: psycopg.Cursor[Any], project_id: UUID, grouping: Grouping) -> None:
        self._cursor = cursor
        self._project_id = project_id
        self._fingerprinting = Fingerprinting(grouping)
        cursor.execute(_TABLES)

    def close(self) -> None:
        """End what works for it; the table stays."""
        self._fingerprinting.close()

    def fill(self) -> None:
        """Fingerprint what is not in the table yet; a second call takes what came since.

        Raises:
            TransientError: A process that fingerprints was killed.
        """
        for missing in (_MISSING_VARIANTS, _MISSING_EVENTS):
            total = self._cursor.execute(missing, (self._project_id,)).rowcount
            self._cursor.execute("ANALYZE missing")
            with self._cursor.connection.cursor(name="bodies_to_fingerprint", binary=True) as bodies:
                bodies.execute(_BODIES, (self._project_id,))
                for places, made in self._fingerprinting.fingerprinted(_batches(bodies), total=total):
                    self._write(places, made)
            self._cursor.execute("TRUNCATE missing; ANALYZE keys")

    def _write(self, places: Sequence[_Place], made: Sequence[Fingerprinted]) -> None:
        with self._cursor.copy(_COPY) as copy:
            copy.set_types(_TYPES)
            for place, key in zip(places, made, strict=True):
                copy.write_row((*place, key.digest, key.strategy, key.by_tags))


def _batches(bodies: psycopg.ServerCursor[Any]) -> Iterator[tuple[list[_Place], list[bytes]]]:
    while rows := bodies.fetchmany(AT_ONCE):
        yield [row[:3] for row in rows], [row[3] for row in rows]
