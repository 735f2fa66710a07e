"""What tests of the services may ask for."""

from collections.abc import Iterator

import pytest

from atlas_core.storage.database import Database
from tests.services.desk import Desk


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """A project with two members, on a fresh database."""
    database = Database(database_url, pool_size=8)
    yield Desk(database)
    database.close()
