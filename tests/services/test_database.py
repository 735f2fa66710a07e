"""A pool of connections leaves nothing behind."""

from atlas_core.storage.database import Database


def test_a_closed_pool_closes_the_connections_that_come_back_later(database_url):
    database = Database(database_url, pool_size=2)
    with database.cursor() as busy:
        database.close()
        connection = busy.connection
        assert busy.execute("SELECT 1").fetchall() == [(1,)]
    assert connection.closed
