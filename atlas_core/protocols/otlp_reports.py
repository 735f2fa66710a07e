"""What an OpenTelemetry exporter reports, whichever way it is encoded: log records, and the events of spans."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from atlas_core import limits
from atlas_core.errors import TooLargeError
from atlas_core.events import Level, find_level

LOGS: Final = "logs"
TRACES: Final = "traces"
EXCEPTION: Final = "exception"
TRACE_DIGITS: Final = 32
SPAN_DIGITS: Final = 16
_HEX: Final = re.compile(r"[0-9a-f]+")
_SEVERITIES: Final = ((8, Level.DEBUG), (12, Level.INFO), (16, Level.WARNING), (20, Level.ERROR), (24, Level.CRITICAL))
# Records past those that are read are counted, up to so many times as many.
_COUNTED: Final = 10


class Report(msgspec.Struct):
    """A log record, or the event of a span.

    `at_ns` is since 1970, 0 where unknown, negative where it is no time. Ids are lower-case hex, empty where there is
    none or it is not valid. `transaction` is the name of the span.
    """

    resource: dict[str, Any]
    scope: str
    attributes: dict[str, Any]
    at_ns: int
    trace_id: str
    span_id: str
    name: str = ""
    body: Any = None
    severity: int = 0
    severity_text: str = ""
    transaction: str | None = None


class Reports(msgspec.Struct):
    """What a request holds that may be an error, one report at a time.

    Once all are seen, `rejected` says how many of its records are none, `surplus` how many were too many or too large.
    Set `full` to have no further ones read.
    """

    signal: str
    found: Iterator[Report]
    rejected: int = 0
    surplus: int = 0
    full: bool = False
    _groups: int = 0
    _records: int = 0

    def look_at_group(self) -> None:
        """Count one more group of records.

        Raises:
            TooLargeError: There are far too many.
        """
        self._groups += 1
        if self._groups > limits.OTLP_RECORDS:
            raise TooLargeError("the request holds too many groups of records")

    def look(self) -> bool:
        """Count one more record; tell whether it is to be read.

        Raises:
            TooLargeError: There are far too many even to count.
        """
        self._records += 1
        if self._records > _COUNTED * limits.OTLP_RECORDS:
            raise TooLargeError("the request holds too many records")
        return self._records <= limits.OTLP_RECORDS

    def take(self, build: Callable[[], Report]) -> Iterator[Report]:
        """Yield a report, which is built only where there is still room for it."""
        if self.full:
            self.surplus += 1
        else:
            yield build()


def level_of(severity: int, text: str) -> Level | None:
    """Return the level that a log record means, None where it says none."""
    if severity <= 0:
        return find_level(text.rstrip("1234"))
    return next((level for highest, level in _SEVERITIES if severity <= highest), Level.CRITICAL)


def is_error(level: Level | None) -> bool:
    """Tell whether a log record of this level is an error even without an exception."""
    return level is not None and level.severity >= Level.ERROR.severity


def valid_id(value: Any, digits: int) -> str:
    """Return the id of a trace or span in lower-case hex, or nothing when it is not valid."""
    text = value.lower() if isinstance(value, str) else ""
    valid = len(text) == digits and _HEX.fullmatch(text) and text.strip("0")
    return text if valid else ""
