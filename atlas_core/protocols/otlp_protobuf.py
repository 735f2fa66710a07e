"""OTLP in protobuf, read record by record: a broken or huge one costs itself."""

import base64
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from itertools import islice
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from atlas_core import limits
from atlas_core.protocols.otlp_reports import (
    EXCEPTION,
    LOGS,
    SPAN_DIGITS,
    TRACE_DIGITS,
    Report,
    Reports,
    is_error,
    level_of,
    valid_id,
)
from atlas_core.protocols.protobuf_wire import Place, Wire

# The same in requests of logs and of spans: groups of a resource hold groups of a scope, which hold records.
_ABOUT: Final = 1
_GROUPS: Final = 1
_INNER: Final = 2
# Records are passed over once more in search of their scope's name.
_OTHERS: Final = 20
# What is not in a record's bytes is not in the record either.
_NAME: Final = EXCEPTION.encode()
_ATTRIBUTE: Final = _NAME + b"."
_Values = dict[str, Any]


def from_protobuf(signal: str, body: bytes) -> Reports:
    """Return the reports of an `Export...ServiceRequest`.

    Raises:
        RejectedError: The bytes are none; raised while the reports are read.
        TooLargeError: They hold far too many records; likewise.
    """
    reports = Reports(signal, iter(()))
    reports.found = _Reader(reports, body).found()
    return reports


class _Reader:
    """Reads one request. What its values may cost together is bounded: a body can hold one in every two bytes."""

    def __init__(self, reports: Reports, body: bytes) -> None:
        self._reports = reports
        self._body = body
        self._wire = Wire(body, _OTHERS * limits.OTLP_RECORDS)
        self._values_left = limits.OTLP_VALUES

    def found(self) -> Iterator[Report]:
        for group in self._wire.inside((0, len(self._body)), _GROUPS):
            self._reports.look_at_group()
            resource = cache(partial(self._resource, group))
            for scope in self._wire.inside(group, _INNER):
                self._reports.look_at_group()
                name = cache(partial(self._scope_name, scope))
                for start, end in self._wire.inside(scope, _INNER):
                    if self._reports.look() and end - start <= limits.OTLP_RECORD_BYTES:
                        yield from self._record(self._body[start:end], resource, name)
                    else:
                        self._reports.surplus += 1

    def _record(self, data: bytes, resource: Callable[[], _Values], scope: Callable[[], str]) -> Iterator[Report]:
        read = self._log if self._reports.signal == LOGS else self._span
        try:
            yield from read(data, resource, scope)
        except DecodeError:
            self._reports.rejected += 1

    def _log(self, data: bytes, resource: Callable[[], _Values], scope: Callable[[], str]) -> Iterator[Report]:
        record = LogRecord.FromString(data)
        if _ATTRIBUTE in data or is_error(level_of(record.severity_number, record.severity_text)):
            yield from self._reports.take(
                lambda: Report(
                    resource(), scope(), self._attributes(record.attributes),
                    record.time_unix_nano or record.observed_time_unix_nano,
                    valid_id(record.trace_id.hex(), TRACE_DIGITS), valid_id(record.span_id.hex(), SPAN_DIGITS),
                    record.event_name, self._value(record.body), record.severity_number, record.severity_text,
                )
            )  # fmt: skip

    def _span(self, data: bytes, resource: Callable[[], _Values], scope: Callable[[], str]) -> Iterator[Report]:
        if _NAME not in data:
            return
        span = Span.FromString(data)
        ids = valid_id(span.trace_id.hex(), TRACE_DIGITS), valid_id(span.span_id.hex(), SPAN_DIGITS)

        def report(event: Span.Event) -> Report:
            attributes = self._attributes(event.attributes)
            return Report(
                resource(), scope(), attributes, event.time_unix_nano, *ids, event.name, transaction=span.name
            )

        for event in span.events:
            if not self._reports.look():
                self._reports.surplus += 1
            elif event.name == EXCEPTION:
                yield from self._reports.take(partial(report, event))

    def _resource(self, group: Place) -> _Values:
        try:
            return self._attributes(Resource.FromString(self._about(group)).attributes)
        except DecodeError:
            return {}

    def _scope_name(self, scope: Place) -> str:
        try:
            return InstrumentationScope.FromString(self._about(scope)).name
        except DecodeError:
            return ""

    def _about(self, group: Place) -> bytes:
        """Return what a group says of its resource or scope: two that say it are one whose fields come twice."""
        return b"".join(self._body[start:end] for start, end in self._wire.inside(group, _ABOUT))[
            : limits.OTLP_RECORD_BYTES
        ]

    def _attributes(self, pairs: Iterable[KeyValue]) -> _Values:
        return {pair.key: self._value(pair.value) for pair in islice(pairs, self._values_left)}

    def _value(self, value: AnyValue) -> Any:
        kind = value.WhichOneof("value")
        if not self._values_left:
            self._reports.full = True
            return None
        self._values_left -= 1
        if kind is None:
            return None
        if kind == "array_value":
            return [self._value(item) for item in islice(value.array_value.values, self._values_left)]
        if kind == "kvlist_value":
            return self._attributes(value.kvlist_value.values)
        if kind == "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        return getattr(value, kind)
