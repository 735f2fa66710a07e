"""One connection that opens itself again, for adapters that need a session of their own."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Final

import psycopg
from psycopg import sql

from atlas_core.storage.database import translated

_OPTIONS: Final = "-c statement_timeout=30000 -c lock_timeout=15000 -c timezone=UTC"


class Session:
    """A lazily opened autocommit connection; any database error closes it, the next use opens a new one.

    Args:
        url: A libpq URL.
        name: What `pg_stat_activity` shows.
        listen: A NOTIFY channel that `wait` wakes up for.
    """

    def __init__(self, url: str, name: str, listen: str | None = None) -> None:
        self._url = url
        self._name = name
        self._listen = listen
        self._connection: psycopg.Connection[Any] | None = None

    @contextlib.contextmanager
    def connection(self, *, only_open: bool = False) -> Iterator[psycopg.Connection[Any]]:
        """Yield the connection.

        Args:
            only_open: Do not open one; TransientError when there is none.

        Raises:
            TransientError: The server does not answer; the connection is closed.
        """
        with translated():
            if self._connection is None or self._connection.closed:
                if only_open:
                    raise psycopg.OperationalError("not connected")
                self._connection = self._open()
            try:
                yield self._connection
            except psycopg.Error:
                self._connection.close()
                raise

    def wait(self, timeout_s: float) -> None:
        """Return when something was notified, or after `timeout_s`."""
        assert self._connection is not None
        if self._listen is None:
            time.sleep(timeout_s)
            return
        for _ in self._connection.notifies(timeout=timeout_s, stop_after=1):
            return

    @contextlib.contextmanager
    def apart(self) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection of the caller's own: the session's may be in use by another thread, or be closed.

        Raises:
            TransientError: The server does not answer.
        """
        with translated(), psycopg.connect(self._url, autocommit=True, connect_timeout=3, options=_OPTIONS) as own:
            yield own

    def check(self) -> None:
        """Return if the server answers, over a connection of its own.

        Raises:
            TransientError: It does not.
        """
        with self.apart():
            pass

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            self._url, autocommit=True, connect_timeout=3, application_name=self._name[:60], options=_OPTIONS
        )
        if self._listen is not None:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._listen)))
        return connection
