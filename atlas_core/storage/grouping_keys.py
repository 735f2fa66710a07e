"""Fingerprints a project's history under another grouping, each kind of event once."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypedDict
from uuid import UUID

import psycopg

from atlas_core.grouping import Grouping
from atlas_core.storage.bodies import Fingerprinted
from atlas_core.storage.fingerprinting import Fingerprinting

# `kinds` counts the project's events by issue, fingerprint and what a grouping sees of them, with one of each.
# `samples` are the events that are fingerprinted, for all of their kind or for themselves (`by_tags`), `keys` what
# came of it.
_TABLES: Final = """
CREATE TEMP TABLE kinds (
    issue_id uuid, fingerprint_id bigint, kind bigint, n bigint, event_id uuid, received_at timestamptz
) ON COMMIT DROP;
CREATE TEMP TABLE samples (
    number bigint GENERATED ALWAYS AS IDENTITY, kind bigint, event_id uuid, received_at timestamptz
) ON COMMIT DROP;
CREATE TEMP TABLE keys (number bigint, kind bigint, digest bytea, by_tags boolean) ON COMMIT DROP;
"""
# What a grouping sees of a row of `event_ids`.
KIND: Final = "CASE WHEN %(by_content)s THEN coalesce(content, variant) ELSE variant END"
# Both values are of one row: `any_value` takes the first that is not null, and neither can be.
_COUNT: Final = f"""
INSERT INTO kinds
SELECT issue_id, fingerprint_id, {KIND}, count(*), any_value(event_id), any_value(received_at)
FROM issues.event_ids WHERE project_id = %(project)s GROUP BY 1, 2, 3
"""  # noqa: S608 - constants only
_OF_EACH_KIND: Final = """
INSERT INTO samples (kind, event_id, received_at)
SELECT DISTINCT ON (kind) kind, event_id, received_at
FROM kinds d WHERE NOT EXISTS (SELECT FROM keys k WHERE k.kind = d.kind)
"""
_OF_EACH_EVENT: Final = f"""
INSERT INTO samples (kind, event_id, received_at)
SELECT {KIND}, event_id, received_at
FROM issues.event_ids i WHERE project_id = %(project)s AND {KIND} IN (SELECT kind FROM keys WHERE by_tags)
  AND NOT EXISTS (SELECT FROM samples s WHERE s.event_id = i.event_id)
"""  # noqa: S608 - constants only
# LIMIT 1 has each event looked up, in the order in which they lie: a planner would rather read every event there is.
_BODIES: Final = """
SELECT hashtext(e.message), s.number, s.kind, e.body
FROM (SELECT * FROM samples WHERE number > %(known)s ORDER BY received_at) s CROSS JOIN LATERAL (
    SELECT e.message, e.body FROM issues.events e
    WHERE e.project_id = %(project)s AND e.received_at = s.received_at AND e.event_id = s.event_id LIMIT 1) e
"""
_COPY: Final = "COPY keys (number, kind, digest, by_tags) FROM STDIN (FORMAT BINARY)"
_TYPES: Final = ("int8", "int8", "bytea", "bool")
_FETCHED: Final = 2_000

# How a statement finds the key of a row `e` of `event_ids`.
JOIN_KEYS: Final = f"""
LEFT JOIN keys k ON k.kind = {KIND} AND NOT k.by_tags
LEFT JOIN (samples s JOIN keys o ON o.number = s.number AND o.by_tags) ON s.event_id = e.event_id
"""
DIGEST: Final = "coalesce(k.digest, o.digest)"

_Name = tuple[int, int]  # number, kind


class Scope(TypedDict):
    """What statements on the tables are told."""

    project: UUID
    by_content: bool
    strategy: str


class Keys:
    """The fingerprints that events would have under a grouping, in temporary tables.

    Events of one kind have one fingerprint, unless a rule or the SDK's fingerprint asks for tags, which are no part of
    it: one event of each kind is fingerprinted, and where its tags were looked at, every one. The kind is the event's
    content, or its variant when the grouping looks at more than that. Close it: processes may work for it.

    Args:
        cursor: In the transaction that uses the tables.
        project_id: Whose events.
        grouping: The grouping to try.

    Attributes:
        scope: What statements on the tables are told.
    """

    def __init__(self, cursor: psycopg.Cursor[Any], project_id: UUID, grouping: Grouping) -> None:
        self._cursor = cursor
        self.scope = Scope(project=project_id, by_content=grouping.looks_at_content_only, strategy=grouping.version)
        self._fingerprinting = Fingerprinting(grouping)
        self._sampled = 0
        cursor.execute(_TABLES)

    def close(self) -> None:
        """End what works for it; the tables stay."""
        self._fingerprinting.close()

    def fill(self) -> None:
        """Count the events, and fingerprint what has no key yet; a second call takes what came since.

        Raises:
            TransientError: A process that fingerprints was killed.
        """
        self._cursor.execute("TRUNCATE kinds")
        self._cursor.execute(_COUNT, self.scope)
        self._cursor.execute("ANALYZE kinds")
        for statement in (_OF_EACH_KIND, _OF_EACH_EVENT):
            total = self._cursor.execute(statement, self.scope).rowcount
            self._cursor.execute("ANALYZE samples")
            with self._cursor.connection.cursor(name="bodies_to_fingerprint", binary=True) as bodies:
                bodies.execute(_BODIES, {**self.scope, "known": self._sampled})
                for names, made in self._fingerprinting.fingerprinted(_rows(bodies), total=total):
                    self._write(names, made)
            self._sampled += total
            self._cursor.execute("ANALYZE keys")

    def _write(self, names: Sequence[_Name], made: Sequence[Fingerprinted]) -> None:
        with self._cursor.copy(_COPY) as copy:
            copy.set_types(_TYPES)
            for name, key in zip(names, made, strict=True):
                copy.write_row((*name, key.digest, key.by_tags))


def _rows(bodies: psycopg.ServerCursor[Any]) -> Iterator[tuple[int, _Name, bytes]]:
    while rows := bodies.fetchmany(_FETCHED):
        for message, number, kind, body in rows:
            yield message, (number, kind), body
