"""What became of everything that was sent to a project, hour by hour: nothing is lost in silence."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text

from atlas_core.errors import TransientError
from atlas_core.storage.database import Database
from atlas_core.storage.outcomes import ACCEPTED

log = logging.getLogger(__name__)

REPEATED: Final = "repeated"
_HOUR: Final = timedelta(hours=1)
_SENT: Final = "SELECT hour, outcome, count FROM ingestion.outcomes WHERE project_id = :project AND hour >= :since"
_STORED: Final = """
SELECT hour, 'stored', sum(count)::bigint FROM issues.project_hours
WHERE project_id = :project AND hour >= :since GROUP BY hour
"""
_DROPPED: Final = "SELECT hour, reason, count FROM issues.drop_hours WHERE project_id = :project AND hour >= :since"
_Counts = dict[datetime, Counter[str]]


class IntakeHour(msgspec.Struct):
    """One hour, by when events were received: accepted = stored + in_flight + the sum of `dropped`.

    `dropped` counts what was accepted and is not kept, by reason; `repeated` is an event id that came before.
    `refused` counts what was not accepted, by reason (requests, where it is not known how many events they held).
    While the event log does not tell what waits there, all that is not accounted for is `in_flight`, what came twice
    too, and `in_flight_is_known` is false.
    """

    hour: datetime
    accepted: int
    stored: int
    in_flight: int
    dropped: dict[str, int]
    refused: dict[str, int]
    in_flight_is_known: bool = True


class IntakeQueries:
    """Reads the balance of a project.

    Args:
        database: Where the counts are.
        lag: Tells how many messages of all projects wait to be stored; TransientError when the log does not answer.
    """

    def __init__(self, database: Database, lag: Callable[[], int]) -> None:
        self._database = database
        self._lag = lag

    def hours(self, project_id: UUID, number: int, now: datetime) -> list[IntakeHour]:
        """Return the last `number` hours, newest first.

        What was accepted in the last seconds may not be counted yet, and what a process had not written down when it
        was killed never is: stored events are exact, accepted ones may then be too few.
        """
        # Before the counts: what is stored in between is in both, where the other order would take it for repeated.
        lag = self._waiting()
        newest = now.replace(minute=0, second=0, microsecond=0)
        values = {"project": project_id, "since": newest - (number - 1) * _HOUR}
        with self._database.transaction() as connection:
            sent, stored, dropped = (
                _by_hour(connection.execute(text(query), values).all()) for query in (_SENT, _STORED, _DROPPED)
            )
        hours = [_hour(newest - back * _HOUR, sent, stored, dropped) for back in range(number)]
        _share_out(hours, lag)
        return hours

    def _waiting(self) -> int | None:
        try:
            return self._lag()
        except TransientError as error:
            log.warning("what waits in the event log is not known: %s", error)
            return None


def _by_hour(rows: Any) -> _Counts:
    counts: _Counts = defaultdict(Counter)
    for hour, name, count in rows:
        counts[hour][name] += count
    return counts


def _hour(hour: datetime, sent: _Counts, stored: _Counts, dropped: _Counts) -> IntakeHour:
    outcomes = sent.get(hour, Counter())
    refused = {name: count for name, count in sorted(outcomes.items()) if name != ACCEPTED}
    kept = stored.get(hour, Counter()).total()
    lost = dict(sorted(dropped.get(hour, Counter()).items()))
    accepted = max(outcomes[ACCEPTED], kept + sum(lost.values()))
    return IntakeHour(hour, accepted, kept, 0, lost, refused)


def _share_out(hours: list[IntakeHour], lag: int | None) -> None:
    """Tell what is on its way from what came twice: the newest that is not accounted for is what still waits."""
    for hour in hours:
        rest = hour.accepted - hour.stored - sum(hour.dropped.values())
        if lag is None:
            hour.in_flight, hour.in_flight_is_known = rest, rest == 0
            continue
        hour.in_flight = min(rest, lag)
        lag -= hour.in_flight
        if rest > hour.in_flight:
            hour.dropped[REPEATED] = rest - hour.in_flight
