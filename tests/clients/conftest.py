"""A project of its own for each test, on the Atlas that the whole session shares."""

import pytest

from tests.clients.project import Project
from tests.e2e.stack import Stack, User


@pytest.fixture(scope="session")
def operator(embedded: Stack) -> User:
    return embedded.user()


@pytest.fixture
def project(operator: User, request: pytest.FixtureRequest) -> Project:
    return Project(operator, request.node.name[:100])
