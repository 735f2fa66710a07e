from collections.abc import Iterator

import pytest
from hypothesis import settings

from atlas_sdk import Client
from tests.sdk.scripted_server import KEY, QUICK, ScriptedServer, serving

# A busy machine is no failure, and twenty examples are enough on every run.
settings.register_profile("sdk", deadline=None, max_examples=20)


@pytest.fixture(autouse=True, scope="package")
def _few_examples() -> Iterator[None]:
    settings.load_profile("sdk")
    yield
    settings.load_profile("default")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving() as scripted:
        yield scripted


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[Client]:
    with Client(KEY, server.url, release="app@1", environment="test", **QUICK) as made:
        yield made
