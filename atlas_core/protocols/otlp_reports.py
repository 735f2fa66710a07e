"""What an OpenTelemetry exporter reports, whichever way it is encoded: log records, and the events of spans."""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

LOGS: Final = "logs"
TRACES: Final = "traces"
EXCEPTION: Final = "exception"
TRACE_DIGITS: Final = 32
SPAN_DIGITS: Final = 16
_HEX: Final = re.compile(r"[0-9a-f]+")


class Report(msgspec.Struct):
    """A log record, or the event of a span.

    `at_ns` is since 1970, 0 where unknown. Ids are lower-case hex, empty where there is none or it is not valid.
    `transaction` is the name of the span.
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
    """What a request holds, one report at a time; once all are seen, how many of its records are none."""

    signal: str
    found: Iterator[Report]
    rejected: int = 0


def valid_id(value: Any, digits: int) -> str:
    """Return the id of a trace or span in lower-case hex, or nothing when it is not valid."""
    text = value.lower() if isinstance(value, str) else ""
    valid = len(text) == digits and _HEX.fullmatch(text) and text.strip("0")
    return text if valid else ""
