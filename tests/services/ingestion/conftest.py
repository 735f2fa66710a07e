"""One server for all wire-level tests: starting it takes longer than most of them."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.services.ingestion.cases")

from tests.services.ingestion.door import Door  # noqa: E402 - after the line above, or it does nothing


@pytest.fixture(scope="session")
def running_door() -> Iterator[Door]:
    with Door() as door:
        yield door


@pytest.fixture
def door(running_door: Door) -> Iterator[Door]:
    """The server, its log empty."""
    running_door.take()
    yield running_door
    running_door.take()
