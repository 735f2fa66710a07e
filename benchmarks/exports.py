"""`python -m benchmarks.exports --folder DIR`: events exported a second, and the memory that it takes, by format.

The limit beside it is a bare `COPY` of the same rows to the client.
"""

import resource
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from uuid import UUID

import msgspec
import psycopg
from rich.console import Console
from rich.table import Table

from atlas_core.storage.database import Database
from atlas_core.storage.exports import Exports, Wanted
from atlas_core.storage.issue_search import Asker
from benchmarks.big_history import arguments, loaded
from data.bulk import PROJECT
from services.issues.export_formats import Format, written
from services.issues.export_routes import EVENT_COLUMNS, event_rows


class Measured(msgspec.Struct):
    """What one export took."""

    took_s: float
    size_bytes: int
    early_bytes: int
    peak_bytes: int


def exported(url: str, form: Format) -> Measured:
    """Export all events in this process; memory is that after the first 20 MB, and the highest of all."""
    database = Database(url, pool_size=1)
    wanted = Wanted(PROJECT, datetime(2000, 1, 1, tzinfo=UTC), datetime.now(UTC), None, ())
    asker = Asker(UUID(int=0), datetime.now(UTC))
    pages = (event_rows(form, page) for page in Exports(database).pages(wanted, asker))
    started, size, early = time.perf_counter(), 0, 0
    for piece in written(form, pages, EVENT_COLUMNS):
        size += len(piece)
        early = early or (_peak_bytes() if size > 20_000_000 else 0)
    return Measured(time.perf_counter() - started, size, early, _peak_bytes())


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def copied(url: str) -> tuple[int, float]:
    """Return how many events there are, and the seconds of a bare COPY of them."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        started, rows = time.perf_counter(), 0
        query = "COPY (SELECT * FROM issues.events WHERE project_id = %s) TO STDOUT (FORMAT BINARY)"
        with cursor.copy(query, (PROJECT,)) as copy:
            for _ in copy:
                rows += 1
        return rows, time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    asked = arguments(str(__doc__)).parse_args()
    table = Table("export", "events/s", "of bare COPY", "MB", "memory after 20 MB", "highest memory", title="Exports")
    with loaded(asked.folder, events=asked.events, issues=asked.issues, seed=asked.seed) as url:
        events, bare_s = copied(url)
        table.add_row("bare COPY", f"{events / bare_s:,.0f}", "1.00")
        for form in Format:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                found = process.submit(exported, url, form).result()
            memory = (f"{found.early_bytes / 2**20:,.0f} MiB", f"{found.peak_bytes / 2**20:,.0f} MiB")
            rate, ratio = events / found.took_s, bare_s / found.took_s
            table.add_row(form.value, f"{rate:,.0f}", f"{ratio:.2f}", f"{found.size_bytes / 1e6:,.0f}", *memory)
    Console().print(table)


if __name__ == "__main__":
    main()
