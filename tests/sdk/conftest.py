from collections.abc import Iterator

import pytest

from atlas_sdk import Client
from tests.sdk.scripted_server import KEY, QUICK, ScriptedServer, serving


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving() as scripted:
        yield scripted


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[Client]:
    with Client(KEY, server.url, release="app@1", environment="test", **QUICK) as made:
        yield made
