"""A pool of connections, and the one place where foreign database errors become Atlas's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from atlas_core.errors import ConflictError, TransientError

_SESSION = (
    "-c statement_timeout=60000 -c lock_timeout=20000 -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
)
_RETRYABLE_STATES = {"40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "53100", "53200", "53300"}


class Database:
    """A bounded pool of connections to one PostgreSQL.

    Args:
        url: A libpq URL, `postgresql://...`.
        pool_size: How many connections may be open at once.
        name: What `pg_stat_activity` shows.
    """

    def __init__(self, url: str, *, pool_size: int = 5, name: str = "atlas") -> None:
        self.url = url
        self._engine = sqlalchemy.create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 3, "application_name": name, "options": _SESSION},
        )
        self._closed = False
        sqlalchemy.event.listen(self._engine, "checkin", self._returned)

    @contextmanager
    def transaction(self) -> Iterator[sqlalchemy.Connection]:
        """Yield a connection in a transaction that commits at the end and rolls back on any error.

        Raises:
            TransientError: The server does not answer, or asked to try again.
            ConflictError: A unique key exists already.
        """
        with translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def cursor(self) -> Iterator[psycopg.Cursor[Any]]:
        """Yield a psycopg cursor in a transaction, for COPY and other hot paths.

        Raises:
            TransientError: The server does not answer, or asked to try again.
            ConflictError: A unique key exists already.
        """
        with self.transaction() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            with translated(), driver.cursor() as cursor:
                yield cursor

    def check(self) -> None:
        """Return if the server answers.

        Raises:
            TransientError: It does not.
        """
        with self.transaction() as connection:
            connection.execute(sqlalchemy.text("SELECT 1"))

    def close(self) -> None:
        """Close the idle connections now and the busy ones when they come back; a second call does nothing."""
        self._closed = True
        self._engine.dispose()

    def _returned(self, _connection: object, record: ConnectionPoolEntry) -> None:
        if self._closed:
            record.invalidate()


@contextmanager
def translated() -> Iterator[None]:
    """Turn driver errors into TransientError or ConflictError; a wrong statement stays what it is: a bug."""
    try:
        yield
    except PoolTimeoutError as error:
        raise TransientError("PostgreSQL: every connection of the pool is busy") from error
    except DBAPIError as error:
        _raise_ours(error.orig, error)
    except psycopg.Error as error:
        _raise_ours(error, error)


def _raise_ours(cause: BaseException | None, error: Exception) -> None:
    state = getattr(cause, "sqlstate", None)
    if isinstance(cause, psycopg.errors.UniqueViolation):
        raise ConflictError("there is one already that must be the only one of its kind") from error
    lost = isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
    if lost or state in _RETRYABLE_STATES or isinstance(error, OperationalError | InterfaceError):
        first = str(cause).strip().split("\n", 1)[0]
        raise TransientError(f"PostgreSQL: {first or 'connection lost'}") from error
    raise error
