"""Rows as NDJSON, CSV and Parquet, written piece by piece."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

Kind = Literal["text", "number", "time"]
Row = Mapping[str, Any]

# A spreadsheet reads a cell that begins so as a formula, and obeys it. Source: OWASP, CSV Injection.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_GROUP_ROWS: Final = 10_000


class Format(StrEnum):
    """How an export is written."""

    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"

    @property
    def media_type(self) -> str:
        """The value of `Content-Type`."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES: Final = {
    Format.NDJSON: "application/x-ndjson",
    Format.CSV: "text/csv; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
}


class Column(NamedTuple):
    """One column of a table; what is neither text, number nor time is written as JSON text."""

    name: str
    kind: Kind = "text"


def written(form: Format, pages: Iterable[Sequence[Row]], columns: Sequence[Column]) -> Iterator[bytes]:
    """Yield the rows of all pages in a format, about a page at a time."""
    return _WRITERS[form](pages, columns)


def _ndjson(pages: Iterable[Sequence[Row]], columns: Sequence[Column]) -> Iterator[bytes]:
    del columns  # each line is the whole row
    encode = msgspec.json.Encoder().encode
    for page in pages:
        yield b"".join(encode(row) + b"\n" for row in page)


def _csv(pages: Iterable[Sequence[Row]], columns: Sequence[Column]) -> Iterator[bytes]:
    text = io.StringIO()
    write = csv.writer(text).writerow
    yield (",".join(column.name for column in columns) + "\r\n").encode()
    for page in pages:
        for row in page:
            write([_cell(row[column.name]) for column in columns])
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    said = _said(value)
    return f"'{said}" if isinstance(said, str) and said.startswith(_FORMULA) else said


def _said(value: object) -> object:
    """Return what a cell of a table says."""
    if value is None or isinstance(value, str | int | float | datetime):
        return value
    return str(value) if isinstance(value, UUID) else msgspec.json.encode(value).decode()


def _parquet(pages: Iterable[Sequence[Row]], columns: Sequence[Column]) -> Iterator[bytes]:
    # Large, and needed by nothing else: a service that exports no Parquet does not carry it.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    types = {"text": pa.string(), "number": pa.int64(), "time": pa.timestamp("us", tz="UTC")}
    schema = pa.schema([(column.name, types[column.kind]) for column in columns])
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for group in _grouped(pages):
            writer.write_table(pa.table([[_said(row[c.name]) for row in group] for c in columns], schema=schema))
            yield sink.taken()
    yield sink.taken()


def _grouped(pages: Iterable[Sequence[Row]]) -> Iterator[list[Row]]:
    group: list[Row] = []
    for page in pages:
        group += page
        if len(group) >= _GROUP_ROWS:
            yield group
            group = []
    if group:
        yield group


class _Sink:
    """A file that gives what was written away, and remembers only how much it was."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def write(self, data: bytes) -> int:
        """Keep a copy of the data until it is taken."""
        self._parts.append(bytes(data))
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        """Return how much was ever written: Parquet's footer points to its row groups."""
        return self._written

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


_WRITERS: Final[Mapping[Format, Callable[[Iterable[Sequence[Row]], Sequence[Column]], Iterator[bytes]]]] = {
    Format.NDJSON: _ndjson, Format.CSV: _csv, Format.PARQUET: _parquet,
}  # fmt: skip
