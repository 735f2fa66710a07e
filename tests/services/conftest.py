"""What tests of the services may ask for."""

from collections.abc import Iterator

import pytest

from atlas_core.storage.database import Database
from tests.services.desk import Desk
from tests.services.tenants import Tenants


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """A project with two members, on a fresh database."""
    database = Database(database_url, pool_size=8)
    yield Desk(database)
    database.close()


@pytest.fixture(scope="module")
def tenants(module_database_url: str) -> Iterator[Tenants]:
    """Every service, and people of two organizations, for all tests of a module."""
    made = Tenants(module_database_url)
    yield made
    made.close()
