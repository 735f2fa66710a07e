"""A PostgreSQL of a benchmark's own, gone when it ends."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atlas_core.embedded import EmbeddedPostgres
from atlas_core.storage.schema import migrate


@contextmanager
def fresh_postgres() -> Iterator[str]:
    """Yield the URL of a migrated, empty database."""
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder:
        server = EmbeddedPostgres(Path(folder))
        try:
            url = server.start()
            migrate(url)
            yield url
        finally:
            server.stop()
