"""Fingerprints a project's history under another grouping, each kind of event once."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from atlas_core.grouping import Fingerprint, Grouping
from atlas_core.storage.fingerprinting import fingerprinted

# `number` names the event that stands for all of its kind; `missing` is listed before it is read, as `keys` grows then.
_TABLES: Final = """
CREATE TEMP TABLE keys (
    number bigint GENERATED ALWAYS AS IDENTITY, variant bigint, digest bytea, strategy text, event_id uuid,
    received_at timestamptz
) ON COMMIT DROP;
CREATE TEMP TABLE missing (variant bigint, event_id uuid, received_at timestamptz) ON COMMIT DROP
"""
_KINDS: Final = """
INSERT INTO missing
SELECT DISTINCT ON (variant) variant, event_id, received_at
FROM issues.event_ids i WHERE project_id = %s AND NOT EXISTS (SELECT FROM keys k WHERE k.variant = i.variant)
ORDER BY variant, received_at
"""
_EVENTS: Final = """
INSERT INTO missing
SELECT variant, event_id, received_at
FROM issues.event_ids i WHERE project_id = %s AND NOT EXISTS (SELECT FROM keys k WHERE k.event_id = i.event_id)
"""
_BODIES: Final = """
SELECT m.variant, m.event_id, m.received_at, e.body
FROM missing m
JOIN issues.events e ON e.project_id = %s AND e.received_at = m.received_at AND e.event_id = m.event_id
"""
_COPY: Final = "COPY keys (variant, digest, strategy, event_id, received_at) FROM STDIN (FORMAT BINARY)"
_TYPES: Final = ("int8", "bytea", "text", "uuid", "timestamptz")
AT_ONCE: Final = 2_000

_Kind = tuple[int, UUID, datetime]  # variant, event, when it was received


class Keys:
    """The fingerprints that events would have under a grouping, in the temporary table `keys`.

    Args:
        cursor: In the transaction that uses the table.
        project_id: Whose events.
        grouping: The grouping to try. Its rules may look at tags, which are no part of a variant: then every event is
            fingerprinted, else one of each variant.

    Attributes:
        is_by_event: Whether every event is.
        join: The SQL condition that finds the key `k` of a row `e` of `event_ids`.
    """

    def __init__(self, cursor: psycopg.Cursor[Any], project_id: UUID, grouping: Grouping) -> None:
        self._cursor = cursor
        self._project_id = project_id
        self._grouping = grouping
        self.is_by_event = grouping.looks_at_tags
        self.join: Final = "k.event_id = e.event_id" if self.is_by_event else "k.variant = e.variant"
        cursor.execute(_TABLES)

    def fill(self) -> None:
        """Fingerprint what is not in the table yet; a second call takes what came since.

        Raises:
            TransientError: A process that fingerprints was killed.
        """
        self._cursor.execute(_EVENTS if self.is_by_event else _KINDS, (self._project_id,))
        self._cursor.execute("ANALYZE missing")
        with self._cursor.connection.cursor(name="bodies_to_fingerprint") as bodies:
            bodies.execute(_BODIES, (self._project_id,))
            for kinds, made in fingerprinted(self._grouping, _batches(bodies)):
                self._write(kinds, made)
        self._cursor.execute("TRUNCATE missing; ANALYZE keys")

    def _write(self, kinds: Sequence[_Kind], made: Sequence[Fingerprint]) -> None:
        with self._cursor.copy(_COPY) as copy:
            copy.set_types(_TYPES)
            for (variant, event_id, received_at), fingerprint in zip(kinds, made, strict=True):
                copy.write_row((variant, fingerprint.digest, fingerprint.strategy, event_id, received_at))


def _batches(bodies: psycopg.ServerCursor[Any]) -> Iterator[tuple[list[_Kind], list[bytes]]]:
    while rows := bodies.fetchmany(AT_ONCE):
        yield [row[:3] for row in rows], [row[3] for row in rows]
